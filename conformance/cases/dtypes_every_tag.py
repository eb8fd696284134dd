"""Chapter 03: what holds for every tag by itself, where a table of a reader or a writer may have forgotten one."""

from typing import Any

from ..assembly import Bytes, data, loose_, ndarray_, record_, scalar_, together
from ..declare import SHOULD, given, refuse, writes
from .dtypes_refused import tagged

# The tags whose elements have an order of bytes, with the width of what is swapped and the number of parts.
ORDERED = {
    "int16": (2, 1),
    "uint16": (2, 1),
    "float16": (2, 1),
    "bfloat16": (2, 1),
    "int32": (4, 1),
    "uint32": (4, 1),
    "float32": (4, 1),
    "int64": (8, 1),
    "uint64": (8, 1),
    "float64": (8, 1),
    "complex32": (2, 2),
    "bcomplex32": (2, 2),
    "complex64": (4, 2),
    "complex128": (8, 2),
}
# The tags whose elements take less than 8 bits.
SMALL = {
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float4_e2m1fn": 4,
    "int4": 4,
    "uint4": 4,
    "int2": 2,
    "uint2": 2,
    "int1": 1,
    "uint1": 1,
}
FLOATS_OF_8_BITS = "e3m4 e4m3 e4m3b11fnuz e4m3fn e4m3fnuz e5m2 e5m2fnuz e8m0fnu"
OF_ONE_BYTE = ("bool", "int8", "uint8", *(f"float8_{name}" for name in FLOATS_OF_8_BITS.split()), *SMALL)


@writes("DTYPE-3", "DTYPE-6")
def big_endian_elements_of_every_tag():
    """Three big-endian elements of every dtype that has an order of bytes: none may be missing in a writer's table, and
    each element, of a complex one each part, is swapped by itself."""
    inputs: list[dict[str, Any]] = []
    stream = Bytes()
    for tag, (width, parts) in ORDERED.items():
        big = bytes(range(1, 3 * width * parts + 1))
        little = b"".join(big[at : at + width][::-1] for at in range(0, len(big), width))
        inputs.append(given([tag], "ndarray", dtype=tag, shape=["3"], payload=big.hex(), byte_order="big"))
        stream += record_(tag, ndarray_(tag, (3,), data(little)))
    return inputs, stream


@writes("DTYPE-3")
def big_endian_elements_of_every_tag_of_one_byte():
    """Three elements of one byte of every dtype that has them, from a big-endian machine: nothing is swapped."""
    inputs = [
        given([tag], "ndarray", dtype=tag, shape=["3"], payload="000101", byte_order="big") for tag in OF_ONE_BYTE
    ]
    return inputs, together([record_(tag, ndarray_(tag, (3,), "00 01 01")) for tag in OF_ONE_BYTE])


@writes("DTYPE-3")
def big_endian_array_of_many_elements():
    """65,536 big-endian uint16 elements, so that a writer which swaps in blocks has more than one of them."""
    big = b"".join(n.to_bytes(2, "big") for n in range(65_536))
    little = b"".join(n.to_bytes(2, "little") for n in range(65_536))
    inputs = [given(["k"], "ndarray", dtype="uint16", shape=["65536"], payload=big.hex(), byte_order="big")]
    return inputs, record_("k", ndarray_("uint16", (65_536,), data(little)))


@writes("DTYPE-4", level=SHOULD)
def writing_every_byte_of_the_small_dtypes():
    """All 256 bytes as elements of each dtype of less than 8 bits. A writer should keep the bits of the value, and
    write the others as zeros."""
    every = bytes(range(256))
    inputs = [given([tag], "ndarray", dtype=tag, shape=["256"], payload=every.hex()) for tag in SMALL]
    return inputs, together(
        [
            record_(tag, ndarray_(tag, (256,), loose_(tag, bytes(byte & (1 << bits) - 1 for byte in every).hex())))
            for tag, bits in SMALL.items()
        ]
    )


@writes("DTYPE-4", "DTYPE-5", level=SHOULD)
def writing_scalars_with_high_bits():
    """A scalar of bool and one of each dtype of less than 8 bits, every bit of their bytes set."""
    inputs = [given([tag], "scalar", dtype=tag, payload="ff") for tag in ("bool", *SMALL)]
    return inputs, together(
        [
            record_("bool", scalar_("bool", loose_("bool", "01"))),
            *(record_(tag, scalar_(tag, loose_(tag, f"{(1 << bits) - 1:02x}"))) for tag, bits in SMALL.items()),
        ]
    )


def _refused(name: str, tag: str, payload: str, about: str) -> None:
    def case() -> Bytes:
        return tagged(tag, payload)

    case.__name__, case.__doc__ = name, about
    refuse("DTYPE-1")(case)


F32, F64 = "00 00 80 3f", "00 00 00 00 00 00 f0 3f"  # 1.0
_refused("tag_f32", "f32", F32, 'The name "f32", as Rust and Julia have it in their types.')
_refused("tag_of_safetensors", "F32", F32, 'The name "F32", which is that of float32 in a safetensors file.')
_refused("tag_of_pytorch", "torch.float32", F32, 'The name "torch.float32", as PyTorch shows a dtype.')
_refused("tag_double", "double", F64, 'The name "double" is float64 to numpy and to C.')
_refused("tag_complex", "complex", f"{F64} {F64}", 'The name "complex" is complex128 to numpy, and begins three tags.')
_refused("tag_one_letter_of_numpy", "d", F64, 'The name "d" is float64 to numpy and to the struct module of Python.')
_refused(
    "tag_of_an_older_ml_dtypes", "float8_e4m3b11", "38", 'The name "float8_e4m3b11", an older one of a type of 8 bits.'
)
_refused("tag_with_a_blank_before_it", " float32", F32, 'A blank and the name "float32".')
_refused(
    "tag_with_a_shape", "2float32", f"{F32} {F32}", 'The name "2float32" is to numpy a dtype of two elements in one.'
)
_refused(
    "tag_of_two_fields", "float32,float32", f"{F32} {F32}", 'The name "float32,float32" is a structured dtype to numpy.'
)
