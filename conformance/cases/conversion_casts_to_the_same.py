"""Chapter 09: casts to the dtype that a leaf has already, which change no bit (CONV-2), and the line of CONV-4."""

from ..assembly import Bytes, Part, map_, ndarray_, record_, scalar_, str_, together
from ..declare import SHOULD, Conversion, converts

# Two infinities, the largest, the smallest subnormal, both zeros; NaNs that are quiet, signalling, of either sign and
# with the last bit of their payload alone.
SPECIALS = {
    "float16": "007c 00fc ff7b 0100 0000 0080 007e 01fe 017c 01fc ff7f",
    "bfloat16": "807f 80ff 7f7f 0100 0000 0080 c07f c1ff 817f 81ff ff7f",
    "float32": "0000807f 000080ff ffff7f7f 01000000 00000000 00000080 0000c07f 3412c0ff 0100807f 0100a0ff ffffff7f",
    "float64": """
        000000000000f07f 000000000000f0ff ffffffffffffef7f 0100000000000000 0000000000000000 0000000000000080
        000000000000f87f 785634120000f8ff 010000000000f07f 010000000000f4ff ffffffffffffff7f
    """,
}
NAMES = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64"}
SIGNALLING = {"float16": "01 7c", "bfloat16": "81 ff", "float32": "01 00 80 7f", "float64": "01 00 00 00 00 00 f0 ff"}


def kept(tag: str) -> tuple[Conversion, Bytes, Bytes]:
    """A cast to the dtype that both leaves have."""
    values = SPECIALS[tag].split()
    leaves = record_("w", ndarray_(tag, (len(values),), "".join(values))) + record_("s", scalar_(tag, SIGNALLING[tag]))
    return Conversion(float_dtype=NAMES[tag]), leaves, leaves


@converts("CONV-2", "CONV-3")
def float32_to_float32():
    """Nothing is cast where the dtype is the one that is asked for: signalling NaNs and their payloads stay. A program
    that sends all values through the processor makes them quiet."""
    return kept("float32")


@converts("CONV-2", "CONV-3")
def float64_to_float64():
    """The same for float64."""
    return kept("float64")


@converts("CONV-2", "CONV-3")
def float16_to_float16():
    """The same for float16, which most programs compute with as float32."""
    return kept("float16")


@converts("CONV-2", "CONV-3")
def bfloat16_to_bfloat16():
    """The same for bfloat16."""
    return kept("bfloat16")


@converts("CONV-2", "CONV-3")
def float32_to_float32_beside_leaves_that_are_cast():
    """A float64 before it and a float16 behind it are cast; the float32 between them keeps each bit, in a flax file."""
    special = ndarray_("float32", (11,), "".join(SPECIALS["float32"].split()))
    leaves = {"a": ndarray_("float64", (1,), "00 00 00 00 00 00 f8 3f"), "b": special, "c": scalar_("float16", "00 3e")}
    one = "00 00 c0 3f"
    output = map_(3) + str_("a") + ndarray_("float32", (1,), one) + str_("b") + special
    source = together([record_(key, leaf) for key, leaf in leaves.items()])
    return Conversion(float_dtype="fp32", streaming=False), source, output + str_("c") + scalar_("float32", one)


# --- CONV-4 -----------------------------------------------------------------------------------------------------------

LINE = "{} finite values became infinite\n"


@converts("CONV-4", level=SHOULD)
def line_of_a_cast_without_overflow():
    """A cast in which no value became infinite, and two were infinite before: the line says 0."""
    source, output = ("0000803f 0000807f 000080ff", "803f 807f 80ff")
    stream, cast = record_("k", ndarray_("float32", (3,), source)), record_("k", ndarray_("bfloat16", (3,), output))
    return Conversion(float_dtype="bf16", says=LINE.format(0)), stream, cast


@converts("CONV-4", level=SHOULD)
def line_of_one_value():
    """One value of a scalar became infinite, and none of the array beside it. The line has the same words for one."""
    stream = record_("s", scalar_("float32", "00 00 80 c7")) + record_("k", ndarray_("float32", (1,), "00 00 80 3f"))
    cast = record_("s", scalar_("float16", "00 fc")) + record_("k", ndarray_("float16", (1,), "00 3c"))
    return Conversion(float_dtype="fp16", says=LINE.format(1)), stream, cast


@converts("CONV-4", level=SHOULD)
def line_of_values_in_a_long_leaf():
    """2,200,000 values of one leaf became infinite: a program that casts it in pieces counts those of all."""
    many = 2_200_000
    before = Bytes(Part(bytes.fromhex("00008047"), "", many))
    after = Bytes(Part(bytes.fromhex("007c"), "", many))
    stream, cast = (record_("a", ndarray_(tag, (many,), one)) for tag, one in (("float32", before), ("float16", after)))
    return Conversion(float_dtype="fp16", says=LINE.format(many)), stream, cast


@converts("CONV-4", level=SHOULD)
def line_of_values_in_several_leaves():
    """Values of three leaves became infinite; an infinity beside them is not counted. The sum is 70,005."""
    many, huge = 70_000, "00 00 80 47"
    leaves = [("a", many, huge), ("b", 4, huge), ("c", 1, huge), ("d", 1, "00 00 80 7f")]
    stream = together([record_(key, ndarray_("float32", (n,), value * n)) for key, n, value in leaves])
    cast = together([record_(key, ndarray_("float16", (n,), "00 7c" * n)) for key, n, _ in leaves])
    return Conversion(float_dtype="fp16", says=LINE.format(many + 5)), stream, cast
