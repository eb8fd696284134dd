"""Chapter 09: the member `__metadata__` of a safetensors file (CONV-9, CONV-10)."""

from ..declare import converts, refuses_to_convert
from .conversion_kinds import safetensors_
from .conversion_safetensors import DAMAGED, IN, entry_, read_
from .conversion_safetensors_forms import ONE, damaged, taken


@converts("CONV-10", "CONV-9")
def metadata_without_members():
    """`__metadata__` is {}."""
    return taken('{"__metadata__":{},' + ONE + "}")


@converts("CONV-10", "CONV-9")
def metadata_behind_the_tensors():
    """`__metadata__` is the last member of the header, and its texts are of any length and letters."""
    return taken("{" + ONE + ',"__metadata__":{"":"","é\\u0000":"' + "x" * 10_000 + '","w":"{}"}}')


@converts("CONV-10", "CONV-9")
def metadata_that_is_spelled_with_an_escape():
    """The name `__metadata__` with an escape in it: the same name."""
    return taken('{"\\u005f_metadata__":{"format":"pt"},' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_that_is_null():
    """`__metadata__` is null. The library takes that for none; an object of texts is what the format has."""
    return damaged('{"__metadata__":null,' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_of_an_integer():
    """A value of the metadata is the number 7, and not the text."""
    return damaged('{"__metadata__":{"step":7},' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_of_null():
    """A value of the metadata is null, behind one that is a text."""
    return damaged('{"__metadata__":{"format":"pt","step":null},' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_of_an_object():
    """A value of the metadata is an object."""
    return damaged('{"__metadata__":{"config":{}},' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_that_is_a_list():
    """`__metadata__` is a list."""
    return damaged('{"__metadata__":[],' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_that_is_a_text():
    """`__metadata__` is a text."""
    return damaged('{"__metadata__":"pt",' + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_that_looks_like_a_tensor():
    """`__metadata__` has the dtype, shape and offsets of a tensor without elements. It is never a tensor."""
    return damaged("{" + entry_("__metadata__", "U8", "[0]", 0, 0) + "," + ONE + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def metadata_that_is_all_there_is():
    """`__metadata__` has what a tensor has, and the file no other."""
    return damaged("{" + entry_("__metadata__", "U8", "[1]", 0, 1) + "}")


@refuses_to_convert("CONV-10", "CONV-11", also=DAMAGED)
def metadata_with_a_lone_surrogate():
    """A value of the metadata is half of a surrogate pair."""
    return damaged('{"__metadata__":{"a":"\\ud800"},' + ONE + "}")


@refuses_to_convert("CONV-10", "CONV-11", also=DAMAGED)
def metadata_that_stands_twice():
    """`__metadata__` stands twice."""
    return damaged('{"__metadata__":{},"__metadata__":{},' + ONE + "}")


@refuses_to_convert("CONV-11", "CONV-10", also=DAMAGED)
def member_of_the_metadata_that_stands_twice():
    """A name stands twice within the metadata. The library keeps the last."""
    return damaged('{"__metadata__":{"a":"x","a":"y"},' + ONE + "}")


@converts("CONV-10", "CONV-7")
def name_that_begins_like_metadata():
    """`__metadata__.x` is the name of a tensor: the path has two parts."""
    header = "{" + entry_("__metadata__.x", "U8", "[1]", 0, 1) + "}"
    return IN, safetensors_(header, "00"), read_(("__metadata__", "x"))
