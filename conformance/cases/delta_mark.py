"""Chapter 10: the mark of a delta (DELTA-1), and the stream that follows it (DELTA-2)."""

from ..assembly import Bytes, bin_, data, here, int_, map_, raw, record_, str_
from ..declare import accept, integer, recovers, refuses_to_recover
from .delta_assembly import ADDED, BASE, CHANGED, MARK, TARGET, block_, blocks, manifest, manifest_, stream, text_

NAME = "92 92 b0 73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61"  # what each delta begins with
SAYS = manifest(BASE, TARGET)


def _marked(mark: str) -> Bytes:
    return raw(mark) + blocks() + manifest_(SAYS)


@recovers("DELTA-1")
def mark_without_text():
    """The text of the mark may be empty."""
    return stream(BASE), _marked(f"{NAME} a3 31 2e 30 a0"), stream(TARGET)


@recovers("DELTA-1")
def mark_of_4096_bytes():
    """The longest text that a mark can have."""
    text = str_("x" * 4096)
    return stream(BASE), raw(f"{NAME} a3 31 2e 30") + text + blocks() + manifest_(SAYS), stream(TARGET)


@refuses_to_recover("DELTA-1")
def mark_of_4097_bytes():
    """One byte more than the text of a mark can have."""
    text = here("! a text of 4,097 bytes") + str_("x" * 4097)
    return stream(BASE), raw(f"{NAME} a3 31 2e 30") + text + blocks() + manifest_(SAYS)


@refuses_to_recover("DELTA-1")
def version_that_is_not_known():
    """A delta of version 1.1. Its blocks may mean something else."""
    return stream(BASE), _marked(f"{NAME} a3 31 2e 31 a5 64 65 6c 74 61")


@refuses_to_recover("DELTA-1")
def version_1_without_its_zero():
    """The version is the text `1.0`, and no number."""
    return stream(BASE), _marked(f"{NAME} a1 31 a5 64 65 6c 74 61")


@refuses_to_recover("DELTA-1")
def mark_whose_text_is_a_bin():
    """A bin in place of the text of the mark: a reader of streams would take the mark for a record."""
    mark = f"{NAME} a3 31 2e 30\n c4 05 64 65 6c 74 61 # ! a bin, not a str"
    return stream(BASE), _marked(mark)


@accept("DELTA-1", "REC-2")
def stream_that_begins_like_a_mark():
    """The first key path is that of a mark, and a bin follows: where a stream is asked for, this is one."""
    return record_(("streamckpt-delta", "1.0"), int_(7)), [integer(("streamckpt-delta", "1.0"), 7)]


@refuses_to_recover("DELTA-1", also=("WIRE-5",))
def mark_whose_text_is_not_utf8():
    """The text of the mark is a str like any other."""
    return stream(BASE), _marked(f"{NAME} a3 31 2e 30\n a2 c3 28 # ! c3 is not followed by a continuation byte")


@refuses_to_recover("DELTA-1", also=("DELTA-13", "REC-2"))
def mark_of_one_part():
    """A key path of the part `streamckpt-delta` alone, without the version."""
    return stream(BASE), _marked("92 91 b0 73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61 a5 64 65 6c 74 61")


@refuses_to_recover("DELTA-2", also=("REC-2", "DELTA-1"))
def mark_that_stands_twice():
    """After the mark stands a stream, and a second mark is not a record. Two deltas that were joined begin so."""
    again = raw(f"{NAME} a3 31 2e 30\n a5 64 65 6c 74 61 # ! a str, not a bin")
    return stream(BASE), MARK + again + blocks() + manifest_(SAYS)


# --- no deltas ---------------------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-1", also=("DELTA-2", "CONV-6"))
def target_in_place_of_a_delta():
    """The target itself is given as the delta. It is a stream, and has no mark."""
    return stream(BASE), raw("92 91 a1 78 c4 01 07 # ! a stream") + stream(TARGET)


@refuses_to_recover("DELTA-1", also=("CONV-6",))
def flax_file_in_place_of_a_delta():
    """A flax file is given as the delta."""
    return stream(BASE), here("! a map") + map_(1) + str_("w") + int_(7)


@refuses_to_recover("DELTA-1", also=("DELTA-2", "STREAM-3", "CONV-6"))
def empty_file_in_place_of_a_delta():
    """A file of 0 bytes is given as the delta."""
    return stream(BASE), data(b"")


@refuses_to_recover("DELTA-13", also=("DELTA-1", "DELTA-11", "REC-2", "REC-1", "CONV-6", "STREAM-1"))
def delta_in_place_of_its_base():
    """The delta is given as its own base as well."""
    return MARK + blocks() + manifest_(SAYS), MARK + blocks() + manifest_(SAYS)


# --- the stream after the mark -------------------------------------------------------------------------------------


@refuses_to_recover("DELTA-2", also=("STREAM-3", "STREAM-2"))
def mark_alone():
    """Nothing follows the mark."""
    return stream(BASE), MARK


@refuses_to_recover("DELTA-2")
def manifest_that_is_missing():
    """A delta that was cut off between two records: its blocks are whole, and the manifest is not there."""
    return stream(BASE), MARK + block_(0, 0, CHANGED) + block_(1, 0, ADDED)


@refuses_to_recover("DELTA-2", also=("STREAM-2", "WIRE-3"))
def manifest_that_is_cut_off():
    """The last byte of the delta is missing."""
    whole = MARK + blocks() + manifest_(SAYS)
    return stream(BASE), whole.cut(whole.size - 1)


@refuses_to_recover("DELTA-2", also=("STREAM-2", "WIRE-3"))
def block_that_is_cut_off():
    """The delta ends within its second block."""
    whole = MARK + blocks()
    return stream(BASE), whole.cut(whole.size - 2)


@refuses_to_recover("DELTA-2", also=("DELTA-6",))
def manifest_before_the_blocks():
    """The manifest stands first, and not at the end."""
    return stream(BASE), MARK + manifest_(SAYS) + blocks()


@refuses_to_recover("DELTA-2", also=("REC-1", "STREAM-1"))
def line_feed_after_the_manifest():
    """Nothing stands after the manifest."""
    return stream(BASE), MARK + blocks() + manifest_(SAYS) + raw("0a # ! a line feed")


@refuses_to_recover("DELTA-2", also=("STREAM-4", "DELTA-6"))
def manifest_that_stands_twice():
    """Two manifests, which are the same."""
    again = manifest_(SAYS)
    return stream(BASE), MARK + blocks() + again + here("! the manifest again") + again


@refuses_to_recover("DELTA-2", also=("DELTA-3",))
def manifest_that_is_a_bin():
    """The JSON of the manifest stands in a bin, and not in a str."""
    return stream(BASE), MARK + blocks() + here("! the manifest") + record_(
        "manifest", bin_(data(text_(SAYS).encode()))
    )


@refuses_to_recover("DELTA-2", also=("DELTA-6",))
def manifest_of_two_parts():
    """The manifest stands at the key path `manifest/0`."""
    return stream(BASE), MARK + blocks() + here("! the manifest") + record_(("manifest", "0"), str_(text_(SAYS)))


@refuses_to_recover("DELTA-6", also=("DELTA-2",))
def record_that_is_no_block():
    """Before the manifest stands a record `note`, which is neither."""
    return stream(BASE), MARK + blocks() + record_("note", str_("x")) + manifest_(SAYS)
