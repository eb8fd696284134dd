"""Chapter 09: JSON where its readers differ (CONV-11), in headers of safetensors. Chapter 10 has it in manifests."""

from ..declare import converts, refuses_to_convert
from .conversion_safetensors import DAMAGED
from .conversion_safetensors_forms import damaged, taken

DEEPEST = 127  # objects and lists in one another


def noted(value: str) -> str:
    """A header whose tensor has one more member, three levels deep."""
    return '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":' + value + "}}"


@converts("CONV-11", "CONF-2")
def member_of_5000_digits_that_is_ignored():
    """A member that is ignored is an integer of 5,000 digits."""
    return taken(noted("9" * 5000))


@converts("CONV-11", "CONF-2")
def member_beyond_float_64_that_is_ignored():
    """A member that is ignored is 1e999, which is not a float 64."""
    return taken(noted("1e999"))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def nan_in_a_header():
    """A member that is ignored is NaN, which is not JSON."""
    return damaged(noted("NaN"))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def infinity_in_a_header():
    """A member that is ignored is -Infinity."""
    return damaged(noted("-Infinity"))


@converts("CONV-11", "CONF-2")
def lists_127_deep_in_a_header():
    """Lists in one another, with the two objects around them as many as there may be."""
    return taken(noted("[" * (DEEPEST - 2) + "]" * (DEEPEST - 2)))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def lists_128_deep_in_a_header():
    """One list more."""
    return damaged(noted("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def objects_100000_deep_in_a_header():
    """Objects that no reader follows which calls itself for each."""
    return damaged(noted('{"a":' * 100_000 + "0" + "}" * 100_000))


@converts("CONV-11")
def lone_surrogate_in_a_member_that_is_ignored():
    """Half of a surrogate pair, in a member that is ignored."""
    return taken(noted('"\\udc00"'))


@refuses_to_convert("CONV-11", "CONV-7", also=DAMAGED)
def name_that_stands_twice_in_two_spellings():
    """`w`, and the same name with an escape: compared are the names and not their spellings."""
    return damaged(
        '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},' + noted("1")[1:].replace('"w"', '"\\u0077"', 1)
    )


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def comma_behind_the_last_tensor():
    """A comma before the closing brace."""
    return damaged(noted("1")[:-1] + ",}")


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def names_in_single_quotes():
    """Names in single quotes, as Python shows them."""
    return damaged(noted("1").replace('"', "'"))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def tab_within_a_name():
    """A tab within a name, as it is. RFC 8259 has it escaped."""
    return damaged(noted('{"a\tb":1}'))


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def comment_in_a_header():
    """A comment between two members."""
    return damaged(noted("1 /* one */"))
