"""Chapter 09: where the payloads of a safetensors file may stand (CONV-10)."""

from ..assembly import ndarray_, record_, together
from ..declare import converts, refuses_to_convert
from .conversion_kinds import safetensors_
from .conversion_safetensors import DAMAGED, IN, entry_
from .conversion_safetensors_forms import damaged


@converts("CONV-10")
def payloads_in_another_order_than_the_header():
    """The payload of the first tensor stands behind that of the second. The leaves come as the header has them."""
    header = "{" + entry_("b", "U8", "[1]", 1, 2) + "," + entry_("a", "U8", "[1]", 0, 1) + "}"
    leaves = [record_(name, ndarray_("uint8", (1,), value)) for name, value in (("b", "02"), ("a", "01"))]
    return IN, safetensors_(header, "01 02"), together(leaves)


@converts("CONV-10")
def payloads_that_are_not_aligned():
    """A float32 begins at an odd place of the file."""
    header = "{" + entry_("a", "U8", "[1]", 0, 1) + "," + entry_("w", "F32", "[1]", 1, 5) + "}"
    leaves = record_("a", ndarray_("uint8", (1,), "01")) + record_("w", ndarray_("float32", (1,), "00 00 80 3f"))
    return IN, safetensors_(header, "01 00 00 80 3f"), leaves


@converts("CONV-10")
def tensors_without_elements_between_the_others():
    """Tensors without elements at the beginning, between two others, where there may be several, and at the end."""
    places = (("a", 2, 2), ("b", 0, 0), ("c", 0, 2), ("d", 3, 3), ("e", 2, 2), ("f", 2, 3))
    header = ",".join(entry_(name, "U8", f"[{end - at}]", at, end) for name, at, end in places)
    bytes_ = ["01", "02", "03"]
    leaves = [record_(name, ndarray_("uint8", (end - at,), " ".join(bytes_[at:end]))) for name, at, end in places]
    return IN, safetensors_("{" + header + "}", " ".join(bytes_)), together(leaves)


@refuses_to_convert("CONV-10", also=DAMAGED)
def tensor_without_elements_inside_another():
    """A tensor without elements, whose offsets lie within the payload of another."""
    header = "{" + entry_("a", "U8", "[2]", 0, 2) + "," + entry_("b", "U8", "[0]", 1, 1) + "}"
    return damaged(header, "01 02")


@refuses_to_convert("CONV-10", also=DAMAGED)
def tensor_without_elements_beyond_the_end():
    """A tensor without elements, whose offsets lie behind the end of the file."""
    header = "{" + entry_("a", "U8", "[2]", 0, 2) + "," + entry_("b", "U8", "[0]", 7, 7) + "}"
    return damaged(header, "01 02")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payload_of_two_tensors():
    """Two tensors with the same offsets, as a file that spares itself tied weights would have it."""
    return damaged("{" + entry_("a", "U8", "[1]", 0, 1) + "," + entry_("b", "U8", "[1]", 0, 1) + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def gap_before_the_first_payload():
    """The first payload begins at 1."""
    return damaged("{" + entry_("a", "U8", "[1]", 1, 2) + "}", "01 02")


@refuses_to_convert("CONV-10", also=("STREAM-3", *DAMAGED))
def payload_without_a_tensor():
    """A header that is {}, and one byte behind it."""
    return damaged("{}")


@refuses_to_convert("STREAM-3", "CONV-10", also=DAMAGED)
def metadata_without_tensors():
    """A header with metadata alone, and nothing behind it."""
    return damaged('{"__metadata__":{"format":"pt"}}', "")
