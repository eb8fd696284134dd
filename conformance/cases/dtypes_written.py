"""Chapter 03, DTYPE-3 and DTYPE-7: what a writer does with big-endian arrays, and the arrays that it refuses."""

from ..assembly import Bytes, map_, ndarray_, record_, scalar_, str_
from ..declare import given, refuses_to_write, writes


def swapped(tag: str, shape: tuple[int, ...], big: str, little: str) -> tuple[list[dict], Bytes]:
    """A big-endian array, and the stream in which its elements are little-endian."""
    dims = [str(n) for n in shape]
    payload = big.replace(" ", "")
    inputs = [given(["k"], "ndarray", dtype=tag, shape=dims, payload=payload, byte_order="big")]
    return inputs, record_("k", ndarray_(tag, shape, little))


def unknown(dtype: str, payload: str) -> list[dict]:
    """An array of one element, of a type that has no tag."""
    return [given(["k"], "ndarray", dtype=dtype, shape=["1"], payload=payload.replace(" ", ""))]


@writes("DTYPE-3")
def big_endian_int16():
    """The ints 1 and -2. The usual loop writes the bytes as they are, and 256 and -257 come back."""
    return swapped("int16", (2,), "00 01 ff fe", "01 00 fe ff")


@writes("DTYPE-3")
def big_endian_uint32():
    """Each element is swapped by itself, and in order: a matrix of 2 by 2."""
    return swapped(
        "uint32",
        (2, 2),
        "01 02 03 04  00 00 00 01  ff 00 00 00  00 00 00 ff",
        "04 03 02 01  01 00 00 00  00 00 00 ff  ff 00 00 00",
    )


@writes("DTYPE-3")
def big_endian_float32():
    """1.0 and a signalling NaN, whose bits stay as they are."""
    return swapped("float32", (2,), "3f 80 00 00  7f 80 00 01", "00 00 80 3f  01 00 80 7f")


@writes("DTYPE-3")
def big_endian_float64():
    """1.0, in an array of 0 dimensions."""
    return swapped("float64", (), "3f f0 00 00 00 00 00 00", "00 00 00 00 00 00 f0 3f")


@writes("DTYPE-3")
def big_endian_bfloat16():
    """bfloat16 is swapped too, although numpy does not know it: 1 and 2."""
    return swapped("bfloat16", (2,), "3f 80 40 00", "80 3f 00 40")


@writes("DTYPE-3", "DTYPE-6")
def big_endian_complex64():
    """In 1 + 2j each part is swapped by itself: the real part stays first. A writer that swaps all 8 bytes makes
    2 + 1j of it."""
    return swapped("complex64", (1,), "3f 80 00 00 40 00 00 00", "00 00 80 3f 00 00 00 40")


@writes("DTYPE-3", "DTYPE-6")
def big_endian_complex128():
    """In 1 + 2j each part is swapped by itself."""
    return swapped(
        "complex128",
        (1,),
        "3f f0 00 00 00 00 00 00 40 00 00 00 00 00 00 00",
        "00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 40",
    )


@writes("DTYPE-3", "DTYPE-6")
def big_endian_complex32():
    """In 1 + 2j each part, a float16, is swapped by itself."""
    return swapped("complex32", (1,), "3c 00 40 00", "00 3c 00 40")


@writes("DTYPE-3", "DTYPE-6")
def big_endian_bcomplex32():
    """In 1 + 2j each part, a bfloat16, is swapped by itself."""
    return swapped("bcomplex32", (1,), "3f 80 40 00", "80 3f 00 40")


@writes("DTYPE-3")
def big_endian_elements_of_one_byte():
    """Elements of one byte have no order of bytes: they stay as they are, and so does their sequence."""
    return swapped("float8_e4m3fn", (4,), "01 38 7e 80", "01 38 7e 80")


@writes("DTYPE-3")
def big_endian_scalar():
    """A scalar is swapped as an array is: the float32 1.0."""
    return [given(["k"], "scalar", dtype="float32", payload="3f800000", byte_order="big")], record_(
        "k", scalar_("float32", "00 00 80 3f")
    )


@writes("DTYPE-3", container="flax")
def big_endian_array_in_a_flax_file():
    """A flax file holds little-endian elements as a stream does."""
    inputs, _ = swapped("int16", (2,), "00 01 ff fe", "")
    return inputs, map_(1) + str_("k") + ndarray_("int16", (2,), "01 00 fe ff")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_float128():
    """Long doubles have no tag: six of their 16 bytes are left over from memory."""
    return unknown("float128", "00 00 00 00 00 00 00 80 ff 3f 00 00 00 00 00 00")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_complex256():
    """Pairs of long doubles have no tag."""
    return unknown("complex256", "00 00 00 00 00 00 00 80 ff 3f 00 00 00 00 00 00" * 2)


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def scalar_of_float128():
    """A long double that is a scalar has no tag either."""
    return [given(["k"], "scalar", dtype="float128", payload="0000000000000080ff3f000000000000")]


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_texts():
    """An array of texts of two characters, str64 in numpy, has no tag. The usual loop writes it, and the file can then
    not be read."""
    return unknown("str64", "61 00 00 00 62 00 00 00")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_void():
    """An array of three raw bytes, void24 in numpy, has no tag."""
    return unknown("void24", "01 02 03")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_dates():
    """Dates and times have no tag."""
    return unknown("datetime64[ns]", "00 00 00 00 00 00 00 00")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def array_of_durations():
    """Durations have no tag, although an int64 stands in each of them."""
    return unknown("timedelta64[s]", "07 00 00 00 00 00 00 00")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def structured_array():
    """An array of records of two fields, record16 in numpy, has no tag."""
    return unknown("record16", "01 02")


@refuses_to_write("DTYPE-7", also=("DTYPE-1",))
def empty_array_of_objects():
    """An array of objects that has no element has no tag either."""
    return [given(["k"], "ndarray", dtype="object", shape=["0"], payload="")]
