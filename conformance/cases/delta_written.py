"""Chapter 10: what no delta is written of. What deltas are judged by are the cases that are recovered."""

from ..assembly import Bytes, int_, raw, record_
from ..declare import refuses_to_diff
from .delta_assembly import BASE, MARK, TARGET, blocks, manifest, manifest_, stream


def _delta() -> Bytes:
    return MARK + blocks() + manifest_(manifest(BASE, TARGET))


@refuses_to_diff("DELTA-13", also=("DELTA-1", "REC-1", "REC-2", "CONV-5", "CONV-6"))
def base_of_a_delta_that_is_a_delta():
    """The base is a delta itself. A reader of streams refuses it at its mark."""
    return _delta(), stream(TARGET)


@refuses_to_diff("DELTA-13", also=("DELTA-1", "REC-1", "REC-2", "CONV-5", "CONV-6"))
def target_of_a_delta_that_is_a_delta():
    """The target is a delta itself."""
    return stream(BASE), _delta()


@refuses_to_diff("STREAM-2", also=("WIRE-3",))
def base_of_a_delta_that_is_cut_off():
    """The base ends before its last byte. What is missing of it would be missing of all that is recovered."""
    whole = stream(BASE)
    return whole.cut(whole.size - 1), stream(TARGET)


@refuses_to_diff("STREAM-2", also=("WIRE-3",))
def target_of_a_delta_that_is_cut_off():
    """The target ends before its last byte: the records before it are not a reason to write a delta of them."""
    whole = stream(TARGET)
    return stream(BASE), whole.cut(whole.size - 1)


@refuses_to_diff("STREAM-3")
def target_of_a_delta_without_a_leaf():
    """A file of 0 bytes as the target."""
    return stream(BASE), raw("# nothing")


@refuses_to_diff("STREAM-4")
def target_of_a_delta_with_a_path_twice():
    """Two leaves of the target stand at one key path."""
    return stream(BASE), record_("a", int_(1)) + record_("a", int_(2))


@refuses_to_diff("STREAM-5")
def target_of_a_delta_with_a_leaf_above_another():
    """A leaf of the target stands above another, which no tree can hold."""
    return stream(BASE), record_("a", int_(1)) + record_(("a", "b"), int_(2))


@refuses_to_diff("WIRE-6", also=("REC-2",))
def base_of_a_delta_with_bytes_left_over():
    """A blob of the base holds two values, of which a reader that looks no further takes the first."""
    return raw("92 91 a1 61 c4 02 01 # a blob of two values\n 02 # ! the second"), stream(TARGET)
