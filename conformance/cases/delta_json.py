"""Chapter 10: what the JSON of a manifest may hold (DELTA-2, CONV-11) where readers of JSON differ."""

from ..assembly import Bytes
from ..declare import recovers, refuses_to_recover
from .delta_assembly import BASE, MARK, TARGET, blocks, manifest, manifest_, number, refused, stream, text_
from .delta_manifest import says
from .delta_manifest_leaves import of

DEEPEST = 127  # objects and lists in one another
SAYS = text_(says())


def taken(text: str) -> tuple[Bytes, Bytes, Bytes]:
    """BASE, a delta with this text for its manifest, and TARGET."""
    return stream(BASE), MARK + blocks() + manifest_(text), stream(TARGET)


def noted(value: str) -> str:
    """The manifest with one more field, which is not known."""
    return SAYS[:-1] + f',"note":{value}}}'


# --- numbers ----------------------------------------------------------------------------------------------------------


@recovers("DELTA-2", "CONV-11", "CONF-2")
def integer_of_5000_digits_that_is_ignored():
    """A field that is not known holds an integer of 5,000 digits. Python's int() stops at 4,300, and numbers of 64 bits
    at 20; the field is ignored all the same."""
    return taken(noted("9" * 5000))


@recovers("DELTA-2", "CONV-11", "CONF-2")
def negative_integer_of_100000_digits_that_is_ignored():
    """An integer below zero with 100,000 digits in a list in an object that is ignored."""
    return taken(noted('{"a":[-' + "1" * 100_000 + "]}"))


@refuses_to_recover("DELTA-3", also=("DELTA-2",))
def bytes_of_5000_digits():
    """`bytes` of a leaf has 5,000 digits: an integer of the right form, and not what the shape gives."""
    return refused(SAYS.replace('"bytes":4,', f'"bytes":{"9" * 5000},'))


@refuses_to_recover("DELTA-3", also=("DELTA-2",))
def bytes_of_4_and_2_to_the_64():
    """`bytes` is 2^64 + 4, the low 64 bits of which are right."""
    return refused(SAYS.replace('"bytes":4,', f'"bytes":{(1 << 64) + 4},'))


@refuses_to_recover("DELTA-3", also=("DELTA-2",))
def bytes_of_2_to_the_53_and_1():
    """`bytes` of a scalar is 2^53 + 1, which as a float 64 is 2^53."""
    return of(number("n", "uint8", "07"), "00 00 07", bytes=(1 << 53) + 1)


@recovers("DELTA-2", "CONV-11")
def minus_0_is_0():
    """`blocks` of a leaf that has none is -0, which is the integer 0."""
    text = text_(manifest(BASE, BASE)).replace('"blocks":0', '"blocks":-0', 1)
    return stream(BASE), MARK + manifest_(text), stream(BASE)


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def integer_with_a_leading_zero():
    """04 bytes: RFC 8259 has no leading zeros."""
    return refused(SAYS.replace('"bytes":4,', '"bytes":04,'))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def integer_with_a_plus():
    """+4 bytes."""
    return refused(SAYS.replace('"bytes":4,', '"bytes":+4,'))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def infinity_in_a_field_that_is_not_known():
    """`Infinity` is a word of JavaScript, and not of JSON."""
    return refused(noted("-Infinity"))


# --- members that stand twice -----------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def member_that_stands_twice():
    """`base` stands twice, first wrong and then right. Some readers of JSON keep the first, and most the last."""
    return refused('{"base":"' + "0" * 64 + '",' + SAYS[1:])


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def member_that_stands_twice_with_one_value():
    """`order` stands twice, and both are right: readers do not have to compare values."""
    return refused(SAYS[:-1] + f',"order":"{says()["order"]}"}}')


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def member_of_a_leaf_that_stands_twice():
    """`blocks` of the first leaf stands twice."""
    return refused(SAYS.replace('"blocks":1', '"blocks":1,"blocks":1', 1))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def member_that_stands_twice_in_two_spellings():
    """`kind`, and the same name with an escape: compared are the names and not their spellings."""
    return refused(SAYS.replace('"kind":', '"k\\u0069nd":"ndarray","kind":', 1))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def unknown_member_that_stands_twice():
    """A field that is ignored stands twice, in an object that is ignored too: that is found by every reader whose JSON
    refuses it, and so it is refused by all."""
    return refused(noted('{"x":{"a":1,"b":2,"a":3}}'))


@recovers("DELTA-2", "CONV-11")
def one_name_in_two_objects():
    """The other side: one name in two objects, and names that differ in case."""
    return taken(noted('[{"a":1},{"a":2,"A":3,"":4}]'))


# --- nesting ----------------------------------------------------------------------------------------------------------


@recovers("DELTA-2", "CONV-11", "CONF-2")
def lists_and_objects_127_deep():
    """A field that is not known holds lists and objects in one another. With the object of the manifest they are 127
    deep."""
    inner = (DEEPEST - 1) // 2
    return taken(noted('[{"a":' * inner + "0" + "}]" * inner))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def lists_128_deep():
    """One list more than there may be in one another."""
    return refused(noted("[" * DEEPEST + "]" * DEEPEST))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def objects_128_deep_in_a_leaf():
    """The field stands in a leaf, which is three deep itself."""
    inner = DEEPEST - 2
    return refused(SAYS.replace('"kind":', '"note":' + '{"a":' * inner + "0" + "}" * inner + ',"kind":', 1))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3", "CONF-4"))
def lists_100000_deep():
    """Lists that no reader follows which calls itself for each."""
    return refused(noted("[" * 100_000 + "]" * 100_000))


@recovers("DELTA-2", "CONV-11")
def brackets_within_a_text():
    """The other side: a thousand brackets in a text are not lists."""
    return taken(noted('"' + '[{\\"' * 1000 + '"'))


@recovers("DELTA-2", "CONV-11")
def thousand_lists_beside_one_another():
    """The other side: a thousand lists, none of them in another."""
    return taken(noted("[" + ",".join(["[]"] * 1000) + "]"))


# --- texts ------------------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def line_feed_within_a_text():
    """A line feed that stands in a text as it is. RFC 8259 has it escaped."""
    return refused(noted('"a\nb"'))


@recovers("DELTA-2", "CONV-11")
def lone_surrogate_that_is_ignored():
    """Half of a surrogate pair in a field that is not known. The grammar of RFC 8259 has it; nothing is made of it."""
    return taken(noted('"\\ud800"'))


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def comma_behind_the_last_member():
    """A comma before the closing brace."""
    return refused(SAYS[:-1] + ",}")


@refuses_to_recover("DELTA-2", "CONV-11", also=("DELTA-3",))
def form_feed_between_members():
    """A form feed is white space in most languages, and not in JSON."""
    return refused(SAYS.replace(",", ",\f", 1))
