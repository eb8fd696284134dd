"""Chapter 09: headers of safetensors at their limits, and tensors that look right where nothing is added up."""

from ..assembly import Bytes, data, fill, ndarray_, record_
from ..declare import Conversion, converts, refuses_to_convert
from .conversion_kinds import safetensors_
from .conversion_safetensors import DAMAGED, entry_

IN, OUT = Conversion("safetensors"), Conversion(via="safetensors")
LARGEST = 100_000_000  # bytes of a header
TENSOR = "{" + entry_("w", "U8", "[1]", 0, 1) + "}"


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_that_begins_with_a_blank():
    """A blank before the `{` of the header. Readers of JSON take it; by its first bytes it is not safetensors."""
    return IN, safetensors_(" " + TENSOR, "07")


def _padded(size: int) -> Bytes:
    """A file whose header has `size` bytes, blanks at its end."""
    padding = fill(0x20, size - len(TENSOR))
    return data(size.to_bytes(8, "little")) + data(TENSOR.encode()) + padding + data(b"\x07")


@converts("CONV-10")
def header_of_100000000_bytes():
    """A header of as many bytes as it may have, nearly all of them blanks at its end."""
    return IN, _padded(LARGEST), record_("w", ndarray_("uint8", (1,), "07"))


@refuses_to_convert("CONV-10", also=DAMAGED)
def header_of_100000001_bytes():
    """A header of one byte more than it may have, in a file that holds it."""
    return IN, _padded(LARGEST + 1)


@converts("CONV-10")
def file_that_ends_with_its_header():
    """A tensor without elements is all that the file has: behind the header stands nothing."""
    return IN, safetensors_("{" + entry_("w", "U8", "[0]", 0, 0) + "}"), record_("w", ndarray_("uint8", (0,), ""))


@converts("CONV-10", "CONV-6")
def file_that_ends_with_its_header_and_is_recognised():
    """The same file without a prefix: a header that takes all that the file has is one that the file can hold."""
    header = "{" + entry_("w", "U8", "[0]", 0, 0) + "}"
    return Conversion(None), safetensors_(header), record_("w", ndarray_("uint8", (0,), ""))


@converts("CONV-7", "LEAF-3")
def tensor_of_64_dimensions():
    """A tensor of as many dimensions as a shape can have, there and back."""
    stream = record_("w", ndarray_("uint8", (1,) * 64, "07"))
    return OUT, stream, stream


@refuses_to_convert("CONV-1", "LEAF-3", also=DAMAGED)
def tensor_of_65_dimensions():
    """One dimension more than a shape can have."""
    return IN, safetensors_("{" + entry_("w", "U8", f"[{','.join('1' * 65)}]", 0, 1) + "}", "07")


@refuses_to_convert("CONV-1", "LEAF-4", also=DAMAGED)
def tensor_whose_shape_is_too_large():
    """Shape (0, 2^62) of U16: no element and no byte, and more than LEAF-4 allows."""
    return IN, safetensors_("{" + entry_("w", "U16", f"[0,{1 << 62}]", 0, 0) + "}")


@refuses_to_convert("CONV-1", "LEAF-4", also=DAMAGED)
def tensor_whose_shape_is_0_in_64_bits():
    """Shape (2^32, 2^32) of U8, the product of which is 0 to a reader of 64 bits, as are its bytes."""
    return IN, safetensors_("{" + entry_("w", "U8", f"[{1 << 32},{1 << 32}]", 0, 0) + "}")


@refuses_to_convert("CONV-10", also=DAMAGED)
def payload_that_is_longer_than_its_shape():
    """A shape of one float32 and eight bytes between the offsets, all of them in the file."""
    return IN, safetensors_("{" + entry_("w", "F32", "[1]", 0, 8) + "}", "00 00 80 3f 00 00 00 40")


@refuses_to_convert("CONV-1", also=("CONV-7", "CONV-9"))
def empty_array_in_place_of_the_metadata():
    """`__metadata__` as the key of an array without elements: its name would be skipped, and no byte left over."""
    return OUT, record_("w", ndarray_("uint8", (1,), "01")) + record_("__metadata__", ndarray_("uint8", (0,), ""))


@refuses_to_convert("CONV-8", "CONV-10", also=DAMAGED)
def dtype_that_is_an_array():
    """The dtype is `["U8"]`, an array of JSON, in which the right one is."""
    return IN, safetensors_('{"a":{"dtype":["U8"],"shape":[1],"data_offsets":[0,1]}}', "07")


@refuses_to_convert("CONV-8", "CONV-10", also=DAMAGED)
def dtype_that_is_null():
    """The dtype is null, and one byte is there for the one element."""
    return IN, safetensors_('{"a":{"dtype":null,"shape":[1],"data_offsets":[0,1]}}', "07")
