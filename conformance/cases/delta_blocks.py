"""Chapter 10: words and planes (DELTA-8), and differences of words (DELTA-9, DELTA-10)."""

from ..assembly import Bytes
from ..declare import recovers
from .delta_assembly import BASE, number, recovery, tensor


def column(rows: list[list[str]], i: int) -> list[bytes]:
    """The words of a column, in the order in which their bytes stand in memory."""
    return [bytes.fromhex(row[i])[::-1] for row in rows]


def planes(words: list[bytes]) -> str:
    return bytes(word[i] for i in range(len(words[0])) for word in words).hex()


def differences(table: str) -> tuple[Bytes, Bytes, Bytes]:
    """Leaves of some dtypes with the same words. The first line has the method and the dtypes, and each further line a
    word of the base, that of the target, and what stands for it in the delta.
    """
    (method, *dtypes), *rows = (line.partition("#")[0].split() for line in table.strip().splitlines())
    count = len(rows) // (2 if "complex" in dtypes[0] else 1)
    base, target = (
        [tensor(dtype, dtype, (count,), b"".join(column(rows, i)).hex()) for dtype in dtypes] for i in (0, 1)
    )
    return recovery(base, target, *[f"0{method} 00 {planes(column(rows, 2))}"] * len(base))


# --- words and planes ----------------------------------------------------------------------------------------------


def added(dtypes: str, width: int, made: str) -> tuple[Bytes, Bytes, Bytes]:
    """New leaves of two elements with the bytes 00, 01, 02 and so on, and the planes of each."""
    leaves = [tensor(dtype, dtype, (2,), bytes(range(2 * width)).hex()) for dtype in dtypes.split()]
    return recovery(BASE, leaves, *[f"00 00 {made}"] * len(leaves))


@recovers("DELTA-8")
def words_of_8_bits():
    """The dtypes of one byte: their planes are their bytes."""
    floats = "float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz "
    floats += "float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn "
    return added(floats + "bool int8 uint8 int4 uint4 int2 uint2 int1 uint1", 1, "00 01")


@recovers("DELTA-8")
def words_of_16_bits():
    """The dtypes whose words have 16 bits: the low bytes first, then the high ones."""
    return added("int16 uint16 float16 bfloat16", 2, "00 02 01 03")


@recovers("DELTA-8")
def words_of_32_bits():
    """The dtypes whose words have 32 bits: four planes."""
    return added("int32 uint32 float32", 4, "00 04 01 05 02 06 03 07")


@recovers("DELTA-8")
def words_of_64_bits():
    """The dtypes whose words have 64 bits: eight planes."""
    return added("int64 uint64 float64", 8, "00 08 01 09 02 0a 03 0b 04 0c 05 0d 06 0e 07 0f")


@recovers("DELTA-8")
def words_of_complex32():
    """A word is a part of a complex number: complex32 and bcomplex32 have 4 bytes, and words of 16 bits."""
    return added("complex32 bcomplex32", 4, "00 02 04 06 01 03 05 07")


@recovers("DELTA-8")
def words_of_complex64():
    """complex64 has 8 bytes, and words of 32 bits."""
    return added("complex64", 8, "00 04 08 0c 01 05 09 0d 02 06 0a 0e 03 07 0b 0f")


@recovers("DELTA-8")
def words_of_complex128():
    """complex128 has 16 bytes, and words of 64 bits."""
    made = " ".join(f"{i:02x} {i + 8:02x} {i + 16:02x} {i + 24:02x}" for i in range(8))
    return added("complex128", 16, made)


@recovers("DELTA-9")
def exclusive_or():
    """Words of 64 bits by exclusive or, those of a NaN and an infinity among them."""
    return differences("""
        1 float64 int64 uint64
        3ff0000000000000 3ff0000000000001 0000000000000001
        7ff8000000000001 fff0000000000000 8008000000000001
        0123456789abcdef fedcba9876543210 ffffffffffffffff
    """)


# --- ordered differences ---------------------------------------------------------------------------------------------


@recovers("DELTA-10")
def ordered_difference_of_bfloat16():
    """Up and down by one, from zero to negative zero, over all the range, and NaN with payloads."""
    return differences("""
        2 bfloat16
        3f80 3f81 0002
        3f80 3f7f 0001
        0000 8000 0001
        8000 0000 0002
        bf80 3f80 fe02
        7f80 7fc1 0082
        ff80 ffff 00fd
        8001 0001 0006
    """)


@recovers("DELTA-10")
def ordered_difference_of_float16():
    """The images of float16. From 1 to -1, and from one infinity to the other, are many steps."""
    return differences("""
        2 float16
        3c00 3c01 0002
        3c00 bc00 f001
        fc00 7c00 0ffd   # 63,489 steps up, or 2,047 down modulo 2^16
        0001 8001 0005
    """)


@recovers("DELTA-10")
def ordered_difference_of_float32():
    """The images of float32, among them the first and the last of all, whose difference is 1 modulo 2^32."""
    return differences("""
        2 float32
        3f800000 3f800001 00000002
        3f800000 bf800000 fe000001
        ffffffff 7fffffff 00000001
        7fffffff ffffffff 00000002
        00000000 80000000 00000001
        7f800001 7fc00000 007ffffe
    """)


@recovers("DELTA-10")
def ordered_difference_of_float64():
    """The images of float64, and differences that have more than 53 bits."""
    return differences("""
        2 float64
        3ff0000000000000 3ff0000000000001 0000000000000002
        3ff0000000000000 bff0000000000000 ffc0000000000001
        0000000000000000 8000000000000000 0000000000000001
        4340000000000000 4350000000000001 0020000000000002
        0020000000000000 001fffffffffffff 0000000000000001
    """)


@recovers("DELTA-10")
def ordered_difference_of_complex64():
    """Each part has an image of its own: its highest bit is a sign."""
    return differences("""
        2 complex64
        bf800000 bf7fffff 00000002
        3f800000 3f7ffffe 00000003
        00000000 80000001 00000003
        80000000 00000000 00000002
    """)


@recovers("DELTA-10")
def ordered_difference_of_complex128():
    """The parts are float64."""
    return differences("""
        2 complex128
        bff0000000000000 bfefffffffffffff 0000000000000002
        3ff0000000000000 4000000000000000 0020000000000000
    """)


@recovers("DELTA-10")
def ordered_difference_of_complex32():
    """The parts of complex32 are float16, those of bcomplex32 bfloat16. Here the words of both are the same."""
    return differences("""
        2 complex32 bcomplex32
        3c00 3c02 0004
        bc00 bbff 0002
    """)


@recovers("DELTA-10")
def ordered_difference_of_floats_of_8_bits():
    """The seven floats of 8 bits that have a sign have images."""
    return differences("""
        2 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz
        38 39 02
        39 38 01
        80 00 02
        ff 7f 01
        81 01 06
    """)


@recovers("DELTA-10")
def ordered_difference_of_float8_e8m0fnu():
    """float8_e8m0fnu has no sign: its highest bit belongs to the number, and a word is its own image."""
    return differences("""
        2 float8_e8m0fnu
        7f 80 02
        80 7f 01
        00 ff 01   # modulo 2^8
        80 82 04
    """)


@recovers("DELTA-10")
def ordered_difference_of_floats_of_6_and_4_bits():
    """Their sign is not the highest bit of the byte: a word is its own image."""
    return differences("""
        2 float6_e2m3fn float6_e3m2fn float4_e2m1fn
        00 0f 1e
        08 07 01
        80 7f 01   # a bit without meaning
    """)


@recovers("DELTA-10")
def ordered_difference_of_integers_of_8_bits():
    """Signed or not, an integer is its own image, and the difference is taken modulo 2^8. Bool and int4 go with
    them.
    """
    return differences("""
        2 int8 uint8 bool int4 uint4 int2 uint2 int1 uint1
        7f 80 02
        00 80 ff   # -128
        ff 00 02
        80 7f 01
    """)


@recovers("DELTA-10")
def ordered_difference_of_integers_of_16_bits():
    """Signed or not, an integer is its own image. Taking the sign for that of a float is wrong."""
    return differences("""
        2 int16 uint16
        7fff 8000 0002
        0000 8000 ffff
        ffff 0001 0004
        0100 00ff 0001
    """)


@recovers("DELTA-10")
def ordered_difference_of_integers_of_32_bits():
    """Integers of 32 bits, modulo 2^32."""
    return differences("""
        2 int32 uint32
        7fffffff 80000000 00000002
        ffffffff 00000000 00000002
        00000000 80000000 ffffffff
    """)


@recovers("DELTA-10")
def ordered_difference_of_integers_of_64_bits():
    """Integers of 64 bits, modulo 2^64, of which a float 64 does not hold all digits."""
    return differences("""
        2 int64 uint64
        7fffffffffffffff 8000000000000000 0000000000000002
        ffffffffffffffff 0000000000000000 0000000000000002
        0000000000000000 8000000000000000 ffffffffffffffff
        0020000000000000 0040000000000001 0040000000000002
    """)


@recovers("DELTA-7", "DELTA-10")
def scalars_by_three_methods():
    """Numpy scalars like the base's: by ordered difference, by exclusive or, and as they are."""
    base = [number(name, "float16", "00 3c") for name in "abc"]
    target = [number(name, "float16", "01 3c") for name in "abc"]
    return recovery(base, target, "02 00 02 00", "01 00 01 00", "00 00 01 3c")
