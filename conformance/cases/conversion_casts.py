"""Chapter 09: casts of floats (CONV-2 and CONV-3)."""

from ..assembly import Bytes, Part, chunked_, data, ndarray_, raw, record_, scalar_, together
from ..declare import Conversion, converts

_TAGS = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "fp64": "float64"}
_NANS = {"float16": "7e00", "bfloat16": "7fc0", "float32": "7fc00000", "float64": "7ff8000000000000"}


def cast_(table: str) -> tuple[Conversion, Bytes, Bytes]:
    """A vector `w` that is cast: the dtypes before and after, and on each further line the bits of a value in both.

    `+nan` and `-nan` are any NaN of that sign.
    """
    names, *lines = table.strip().splitlines()
    old, new = names.split()
    rows = [line.partition("#") for line in lines]

    def stream(dtype: str, column: int) -> Bytes:
        values = [value_(_TAGS[dtype], bits.split()[column], note.strip()) for bits, _, note in rows]
        return record_("w", ndarray_(_TAGS[dtype], (len(rows),), together(values)))

    return Conversion(float_dtype=new), stream(old, 0), stream(new, 1)


def value_(tag: str, bits: str, note: str = "") -> Bytes:
    """A float, as hexadecimal digits, the highest first, or `+nan` or `-nan`."""
    if not bits.endswith("nan"):
        return data(bytes.fromhex(bits)[::-1], note)
    quiet = bytes.fromhex(_NANS[tag])[::-1]
    signed = quiet if bits == "+nan" else quiet[:-1] + bytes((quiet[-1] | 0x80,))
    return Bytes(Part(signed, note, nan=tag))


@converts("CONV-3")
def float32_to_bfloat16_ties():
    """Halves between two bfloat16 go to the even one. Cutting off the low bits, or always rounding a half up, is
    wrong.
    """
    return cast_("""
        fp32 bf16
        3f808000 3f80   # a tie, down to the even
        3f818000 3f82   # a tie, up to the even
        bf808000 bf80
        bf818000 bf82
        3f807fff 3f80   # just below the tie
        3f808001 3f81   # just above it
        3fffffff 4000   # carries into the exponent
    """)


@converts("CONV-3")
def float32_to_bfloat16_overflow():
    """What rounds to more than the largest bfloat16 becomes an infinity of its sign; what rounds to the largest does
    not.
    """
    return cast_("""
        fp32 bf16
        7f7fffff 7f80   # the largest float32
        ff7fffff ff80
        7f7f8000 7f80   # a tie, to the even, which is the infinity
        7f7f7fff 7f7f   # just below it
        7f800000 7f80
        ff800000 ff80
    """)


@converts("CONV-3")
def float32_to_bfloat16_subnormals():
    """Subnormal bfloat16 are kept, and rounded like the others. Hardware that flushes them to zero is wrong."""
    return cast_("""
        fp32 bf16
        00010000 0001   # the smallest
        00018000 0002   # a tie
        00008000 0000   # a tie with zero
        00008001 0001
        80008001 8001
        00000001 0000
        80000001 8000   # a negative value that is too small is negative zero
        80000000 8000
        007fffff 0080   # rounds to the smallest normal number
    """)


@converts("CONV-3")
def float32_to_float16_ties():
    """Halves between two float16 go to the even one."""
    return cast_("""
        fp32 fp16
        3f801000 3c00   # a tie, down to the even
        3f803000 3c02   # a tie, up to the even
        bf801000 bc00
        bf803000 bc02
        3f800fff 3c00
        3f801001 3c01
    """)


@converts("CONV-3")
def float32_to_float16_overflow():
    """65520 and more become infinity; what lies between 65504 and 65520 becomes 65504. Saturating at 65504 is wrong."""
    return cast_("""
        fp32 fp16
        477fe000 7bff   # 65504, the largest float16
        477fefff 7bff   # just below 65520
        477ff000 7c00   # 65520
        c77fefff fbff
        c77ff000 fc00
        501502f9 7c00   # 1e10
        7f7fffff 7c00
        ff800000 fc00
    """)


@converts("CONV-3")
def float32_to_float16_subnormals():
    """Subnormal float16 are kept and rounded to even, and what is too small becomes a zero of its sign."""
    return cast_("""
        fp32 fp16
        33800000 0001   # 2^-24, the smallest
        33000000 0000   # 2^-25, a tie with zero
        33000001 0001
        b3000000 8000
        b3000001 8001
        33c00000 0002   # 1.5 * 2^-24, a tie
        387fc000 03ff   # the largest subnormal
        387fe000 0400   # a tie, to the smallest normal number
        00000001 0000
        80000001 8000
    """)


@converts("CONV-3")
def float64_to_bfloat16_is_rounded_once():
    """Values next to a tie of bfloat16, which a detour over float32 turns into that tie, and then rounds the
    wrong way.
    """
    return cast_("""
        fp64 bf16
        3ff0100000000000 3f80   # a tie
        3ff0100000000001 3f81   # just above it
        3ff0100010000000 3f81   # above it by half of a float32's last bit
        3ff00fffffffffff 3f80
        3ff0300000000000 3f82   # a tie
        3ff02fffffffffff 3f81   # just below it
        bff0100000000001 bf81
        bff02fffffffffff bf81
    """)


@converts("CONV-3")
def float64_to_bfloat16_overflow():
    """A float64 just below the tie with infinity becomes the largest bfloat16; over float32 it would become
    infinity.
    """
    return cast_("""
        fp64 bf16
        47efe00000000000 7f7f   # the largest bfloat16
        47efefffffffffff 7f7f   # just below the tie
        47eff00000000000 7f80   # the tie
        c7eff00000000000 ff80
        7fefffffffffffff 7f80   # the largest float64
        ffefffffffffffff ff80
        7ff0000000000000 7f80
    """)


@converts("CONV-3")
def float64_to_bfloat16_subnormals():
    """Subnormal bfloat16 from float64, rounded once as well."""
    return cast_("""
        fp64 bf16
        37a0000000000000 0001   # 2^-133, the smallest
        3790000000000000 0000   # 2^-134, a tie with zero
        3790000000000001 0001   # just above it: the tie if float32 comes between
        b790000000000001 8001
        37a8000000000000 0002   # 1.5 * 2^-133, a tie
        37a7ffffffffffff 0001
        0000000000000001 0000
        8000000000000001 8000
        8000000000000000 8000
    """)


@converts("CONV-3")
def float64_to_float16_is_rounded_once():
    """Ties of float16 and their neighbours in float64. A detour over float32 rounds twice."""
    return cast_("""
        fp64 fp16
        3ff0020000000000 3c00   # a tie
        3ff0020000000001 3c01
        3ff001ffffffffff 3c00
        3ff0060000000000 3c02   # a tie
        3ff005ffffffffff 3c01   # just below it
        bff005ffffffffff bc01
        3e70000000000000 0001   # 2^-24, the smallest subnormal
        3e60000000000000 0000   # 2^-25, a tie with zero
        3e60000000000001 0001
        be60000000000001 8001
        8000000000000001 8000
    """)


@converts("CONV-3")
def float64_to_float16_overflow():
    """The limit of 65520 from float64: just below it is 65504, also for a value that float32 would round up to
    65520.
    """
    return cast_("""
        fp64 fp16
        40effc0000000000 7bff   # 65504
        40effdffffffffff 7bff   # just below 65520
        40effe0000000000 7c00   # 65520
        c0effdffffffffff fbff
        c0effe0000000000 fc00
        7fefffffffffffff 7c00
        fff0000000000000 fc00
    """)


@converts("CONV-3")
def float64_to_float32():
    """Ties, overflow and subnormal numbers of float32."""
    return cast_("""
        fp64 fp32
        3ff0000010000000 3f800000   # a tie
        3ff0000030000000 3f800002   # a tie
        3ff0000010000001 3f800001
        47efffffefffffff 7f7fffff   # just below the tie with infinity
        47effffff0000000 7f800000   # that tie
        ffefffffffffffff ff800000
        36a0000000000000 00000001   # 2^-149, the smallest subnormal
        3690000000000000 00000000   # a tie with zero
        3690000000000001 00000001
        b690000000000001 80000001
        380fffffffffffff 00800000   # rounds to the smallest normal number
        8000000000000001 80000000
    """)


@converts("CONV-3")
def float32_to_float64():
    """Widening is exact: subnormal float32 are normal numbers in float64."""
    return cast_("""
        fp32 fp64
        3f800001 3ff0000020000000
        00000001 36a0000000000000
        80000001 b6a0000000000000
        007fffff 380fffffc0000000
        7f7fffff 47efffffe0000000
        80000000 8000000000000000
        ff800000 fff0000000000000
    """)


@converts("CONV-2", "CONV-1")
def a_leaf_of_the_wanted_dtype_stays():
    """A cast to the dtype that a leaf has already: nothing changes, whatever the bits."""
    return cast_("""
        fp16 fp16
        0001 0001
        8000 8000
        7bff 7bff
        3c01 3c01
    """)


@converts("CONV-2", "CONV-3")
def chunked_array_is_cast():
    """A small array in two chunks, the first of which has an odd number of elements. Its chunks are cast and joined."""
    chunks = [ndarray_("float32", (1,), "00 80 80 3f"), ndarray_("float32", (2,), "00 80 81 3f 00 00 00 80")]
    made = raw("80 3f # 1.00390625, a tie") + raw("82 3f # 1.01171875, a tie") + raw("00 80 # -0.0")
    output = record_("w", ndarray_("bfloat16", (3, 1), made))
    return Conversion(float_dtype="bf16"), record_("w", chunked_((3, 1), chunks)), output


@converts("CONV-2")
def scalars_and_arrays_of_no_dimension_are_cast():
    """A numpy scalar (ext 3) and a zero-dimensional array (ext 1) of float64 become float16, and stay what they are."""
    pi = "18 2d 44 54 fb 21 09 40"  # 3.14159...
    source = record_("s", scalar_("float64", pi)) + record_("z", ndarray_("float64", (), pi))
    output = record_("s", scalar_("float16", "48 42")) + record_("z", ndarray_("float16", (), "48 42"))
    return Conversion(float_dtype="fp16"), source, output
