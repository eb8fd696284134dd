"""Chapter 01, WIRE-1: the shortest header, on both sides of every boundary."""

from ..assembly import Bytes, fill, raw, record_, str_, together
from ..declare import accept, given, integer, nil, text, writes


def ints(leaves: dict[str, int]) -> tuple[Bytes, list[dict]]:
    """A record for each int, given as its encoding and its value."""
    records = [record_(f"n{n}", raw(f"{code} # {n}")) for code, n in leaves.items()]
    return together(records), [integer(f"n{n}", n) for n in leaves.values()]


@accept("WIRE-1")
def non_negative_ints_at_each_width():
    """The last int of each width and the first of the next, from 0 to 2^64 - 1. A reader that takes an unsigned int
    for a signed one, or that computes in doubles, gets some of them wrong; a writer must use the unsigned forms."""
    return ints(
        {
            "00": 0,
            "7f": 127,
            "cc 80": 128,
            "cc ff": 255,
            "cd 01 00": 256,
            "cd ff ff": 65535,
            "ce 00 01 00 00": 65536,
            "ce 80 00 00 00": 1 << 31,
            "ce ff ff ff ff": (1 << 32) - 1,
            "cf 00 00 00 01 00 00 00 00": 1 << 32,
            "cf 00 20 00 00 00 00 00 01": (1 << 53) + 1,
            "cf 7f ff ff ff ff ff ff ff": (1 << 63) - 1,
            "cf 80 00 00 00 00 00 00 00": 1 << 63,
            "cf ff ff ff ff ff ff ff ff": (1 << 64) - 1,
        }
    )


@accept("WIRE-1")
def negative_ints_at_each_width():
    """The last negative int of each width and the first of the next, from -1 to -2^63."""
    return ints(
        {
            "ff": -1,
            "e0": -32,
            "d0 df": -33,
            "d0 80": -128,
            "d1 ff 7f": -129,
            "d1 80 00": -32768,
            "d2 ff ff 7f ff": -32769,
            "d2 80 00 00 00": -(1 << 31),
            "d3 ff ff ff ff 7f ff ff ff": -(1 << 31) - 1,
            "d3 ff df ff ff ff ff ff ff": -(1 << 53) - 1,
            "d3 80 00 00 00 00 00 00 00": -(1 << 63),
        }
    )


@accept("WIRE-1")
def blobs_of_255_and_256_bytes():
    """The length of the bin around a leaf goes from one byte to two, before that of the str in it does."""
    bytes_ = raw("92 91 a1 61 c4 ff # blob of 255") + raw("d9 fd # str of 253") + fill(0x78, 253)
    bytes_ += raw("92 91 a1 62 c5 01 00 # blob of 256") + raw("d9 fe # str of 254") + fill(0x78, 254)
    bytes_ += raw("92 91 a1 63 c5 01 01 # blob of 257") + raw("d9 ff # str of 255") + fill(0x78, 255)
    bytes_ += raw("92 91 a1 64 c5 01 03 # blob of 259") + raw("da 01 00 # str of 256") + fill(0x78, 256)
    lengths = {"a": 253, "b": 254, "c": 255, "d": 256}
    return bytes_, [text(name, "x" * n) for name, n in lengths.items()]


@accept("WIRE-1", "KEY-1")
def key_paths_of_15_and_16_parts():
    """The count of a key path goes from the header byte into two bytes of its own."""
    bytes_ = raw("92 9f # 15 parts") + raw("a1 61") * 15 + raw("c4 01 c0")
    bytes_ += raw("92 dc 00 10 # 16 parts") + raw("a1 62") * 16 + raw("c4 01 c0")
    return bytes_, [nil(["a"] * 15), nil(["b"] * 16)]


@accept("WIRE-1", "KEY-2")
def parts_of_31_to_256_bytes():
    """Parts of a key path have the headers of any str: 31 bytes take one byte, 32 two, 256 three."""
    bytes_ = together(
        [
            raw("92 91 bf # 31") + fill(0x6B, 31) + raw("c4 01 c0"),
            raw("92 91 d9 20 # 32") + fill(0x6B, 32) + raw("c4 01 c0"),
            raw("92 91 d9 ff # 255") + fill(0x6B, 255) + raw("c4 01 c0"),
            raw("92 91 da 01 00 # 256") + fill(0x6B, 256) + raw("c4 01 c0"),
        ]
    )
    return bytes_, [nil("k" * n) for n in (31, 32, 255, 256)]


@writes("WIRE-1")
def shortest_headers_throughout():
    """One array and one scalar under a long path: a writer that builds its headers from fixed templates, with
    lengths of four bytes, writes something else."""
    path = [f"p{i:02}" for i in range(17)]
    inputs = [
        given(path, "ndarray", dtype="int32", shape=["2", "300"], fill="01"),
        given(["step"], "scalar", dtype="int64", payload="0001000000000000"),
    ]
    bytes_ = raw("92 dc 00 11") + together([str_(part) for part in path])
    bytes_ += raw("c5 09 73 c8 09 6f 01 93 92 02 cd 01 2c a5 69 6e 74 33 32 c5 09 60") + fill(1, 2400)
    bytes_ += raw("92 91 a4 73 74 65 70 c4 15 c7 12 03 93 90 a5 69 6e 74 36 34 c4 08 00 01 00 00 00 00 00 00")
    return inputs, bytes_
