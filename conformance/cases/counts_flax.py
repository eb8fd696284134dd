"""Counts of a flax file that are not those of what follows, and kinds that read alike there."""

from ..assembly import here, int_, map_, ndarray_, numbered, raw, str_
from ..declare import flax_refuse
from .counts import CHUNKED


@flax_refuse("LEAF-10", "FLAX-3", also=("FLAX-6", "FLAX-2"))
def chunked_array_that_says_four_and_has_three_in_a_flax_file():
    """The map of a chunked array says that it has four entries, and has three; another key of the map above follows."""
    chunks = numbered([ndarray_("int8", (2,), "01 02")])
    return map_(2) + str_("a") + map_(4, "! four entries") + CHUNKED + chunks + str_("b") + int_(7)


@flax_refuse("FLAX-1", also=("FLAX-2",))
def flax_root_that_says_one_entry_and_has_two():
    """The root map says one entry; a second one stands behind it."""
    return map_(1) + str_("a") + int_(1) + str_("b", "! after the map") + int_(2)


@flax_refuse("FLAX-6", also=("WIRE-3",))
def flax_root_that_says_two_entries_and_has_one():
    """The root map says two entries, and the file ends after the first, whose text is long enough for both."""
    return map_(2) + str_("a") + str_("bcd") + here("! an entry is expected")


@flax_refuse("FLAX-4", also=("FLAX-1", "LEAF-1"))
def flax_list_that_reads_like_a_map():
    """A value is an array of 2, and two texts, each with an int, follow: taken for a map, it fits to the last byte."""
    pairs = str_("x") + int_(1) + str_("y") + int_(2)
    return map_(1) + str_("a") + raw("92 # ! an array of 2") + pairs


@flax_refuse("FLAX-1")
def flax_root_that_is_an_array():
    """An array of a text and an int in place of the root map, as a list of pairs would begin."""
    return raw("92 # ! an array of 2") + str_("a") + int_(1)
