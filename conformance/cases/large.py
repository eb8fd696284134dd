"""Leaves and files of gigabytes, made at run time, mostly of zeros, so that they take no room on a disk."""

from ..assembly import MARKER, PATTERN, Bytes, arr_, fill, header, int_, map_, numbered, path_, patterned, raw, str_
from ..declare import accept, flax_accept, given, refuse, refuses_to_write, writes

GIB = 1 << 30
# The SHA-256 of so many zeros; the tests of the suite compute them again.
ZEROS = {
    268_435_456: "a6d72ac7690f53be6ae46ba88506bd97302a093f7108472bd9efc3cefda06484",
    1_073_741_824: "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14",
    1_073_741_825: "6d9bfe50425f2dfe4e2ac07efee1f0bc9d567348ad4aed62704ffe6f5884e9a8",
    1_073_741_826: "d6b3f392c4b327e5a62826b0c5b1be069a83fc5d545cfef547d9b2eee7ccf475",
    1_073_741_829: "4c69f6fb63e24a40ccfc32e544762aa69b7e0749d2714d14ed0e6ed374af673c",
    2_147_352_576: "a235885ae755822dafde6e72643832ddd1b2ad2494e752d83d345835c18917c2",
    2_147_352_577: "d9eb63d28cfe72d88af0a41ff7a4d930f360a1ff964dd59c4176d3ae2b75f78c",
    2_147_483_624: "868e8e10ed72c726be54447f15bbf176daceb8c2c14dc4888d358e551e9e9362",
    2_147_483_625: "22f816dab5ff6ca4f6f7ef23fd2884edaa8a9bf466be86d130a8574ebe4f26b5",
    2_147_483_656: "58a3e88bb31d949356cbde4386c02f3c205285c8b29ccb0b792204647ea55fcf",
    2_684_354_565: "4a457fb514317651e71914b7ea22c062ef635f035fcd490f1b80a3e53aec957d",
    3_221_225_472: "305b66a59d15b252092fbda9d09711230c429f351897cbd430e7b55a35fd3b97",
    4_294_967_272: "12134b407dd9fc095d67f4c2c4345d36d2961d37e6081876f0800bbc2cfeb63a",
    4_294_967_297: "fbb82f7b353676bb562eb82157fcf0ea42c36492ca13ee56dbf82c08b6802c5c",
    5_368_709_120: "7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5",
}


def _in_one_piece(blob: int) -> tuple[Bytes, int]:
    """A record of an int8 array in one piece whose leaf blob has `blob` bytes, and how many elements it has."""
    n = blob - 6 - 1 - 6 - 5 - 5  # ext header, array header, shape, tag, bin header
    leaf = header(0xC9, 4, blob - 6) + raw("01 93 91") + int_(n) + str_("int8") + header(0xC6, 4, n) + fill(0, n)
    return arr_(2) + path_("k") + header(0xC6, 4, blob) + leaf, n


def _chunk(tag: str, width: int, n: int) -> Bytes:
    """An ext 1 of n zero elements."""
    body = arr_(3) + arr_(1) + int_(n) + str_(tag) + _bin(n * width)
    size = body.size
    wide = header(0xC9, 4, size) if size > 0xFFFF else header(0xC7, 1, size)
    return wide + raw("01") + body


def _bin(n: int) -> Bytes:
    return (header(0xC6, 4, n) if n > 0xFFFF else header(0xC4, 1, n)) + fill(0, n)


def _chunked(shape: tuple[int, ...], chunks: list[Bytes]) -> Bytes:
    head = map_(3) + str_(MARKER) + raw("c3") + str_("shape") + numbered([int_(n) for n in shape])
    return head + str_("chunks") + numbered(chunks)


def _record(leaf: Bytes) -> Bytes:
    return arr_(2) + path_("k") + header(0xC6, 4, leaf.size) + leaf


def _zeros(tag: str, shape: tuple[int, ...], nbytes: int, path: str = "k") -> dict[str, object]:
    dims = [str(n) for n in shape]
    return {"path": [path], "kind": "ndarray", "dtype": tag, "shape": dims, "sha256": ZEROS[nbytes], "fill": "00"}


@accept("REC-4", longer=True)
def a_blob_of_2_gib_less_1():
    """A leaf blob of 2^31 - 1 bytes, the largest that loaders built on msgpack-python read."""
    stream, n = _in_one_piece(2 * GIB - 1)
    return stream, [_zeros("int8", (n,), n)]


@accept("REC-4", longer=True)
def a_blob_of_2_gib():
    """A leaf blob of 2^31 bytes: a length that is kept as a signed integer of 32 bits becomes negative."""
    stream, n = _in_one_piece(2 * GIB)
    return stream, [_zeros("int8", (n,), n)]


@accept("REC-3", "REC-4", longer=True)
def a_blob_of_4_gib_less_1():
    """A leaf blob of 2^32 - 1 bytes, the largest that there can be, with another record behind it."""
    stream, n = _in_one_piece(4 * GIB - 1)
    return stream + raw("92 91 a1 6c c4 01 07"), [
        _zeros("int8", (n,), n),
        {"path": ["l"], "kind": "int", "value": "7"},
    ]


@accept("LEAF-13")
def a_payload_of_1_gib():
    """A payload of exactly 2^30 bytes is written in one piece."""
    body = arr_(3) + arr_(1) + int_(GIB) + str_("uint8") + header(0xC6, 4, GIB) + fill(0, GIB)
    return _record(header(0xC9, 4, body.size) + raw("01") + body), [_zeros("uint8", (GIB,), GIB)]


@accept("LEAF-13", "LEAF-10")
def a_payload_of_1_gib_and_1():
    """A payload of 2^30 + 1 bytes is written in two chunks."""
    chunks = [_chunk("uint8", 1, GIB), _chunk("uint8", 1, 1)]
    return _record(_chunked((GIB + 1,), chunks)), [_zeros("uint8", (GIB + 1,), GIB + 1)]


@accept("LEAF-13", "LEAF-12")
def three_chunks_of_float32():
    """A float32 array of two dimensions and 2^31 + 8 bytes: chunks of 2^28 elements, whatever its shape."""
    n = GIB // 4
    chunks = [_chunk("float32", 4, n), _chunk("float32", 4, n), _chunk("float32", 4, 2)]
    return _record(_chunked((2, n + 1), chunks)), [_zeros("float32", (2, n + 1), 2 * GIB + 8)]


@flax_accept("FLAX-7", "LEAF-13", "FLAX-1")
def a_flax_file_of_more_than_4_gib():
    """In a flax file a leaf may be larger than 4 GiB, which no record of a stream can hold: five chunks."""
    n = 4 * GIB + 1
    chunks = [_chunk("int8", 1, GIB)] * 4 + [_chunk("int8", 1, 1)]
    return map_(1) + str_("k") + _chunked((n,), chunks), [_zeros("int8", (n,), n)]


@accept("STREAM-7", largest=GIB // 4)
def many_leaves_beyond_4_gib():
    """Eighteen leaves of 256 MiB, 4.5 GiB in all: offsets take more than 32 bits, and memory does not add up."""
    n = GIB // 4
    body = arr_(3) + arr_(1) + int_(n) + str_("int8") + header(0xC6, 4, n) + fill(0, n)
    stream, records = Bytes(), []
    for i in range(18):
        leaf = header(0xC9, 4, body.size) + raw("01") + body
        stream += arr_(2) + path_(f"layer_{i}") + header(0xC6, 4, leaf.size) + leaf
        records.append(_zeros("int8", (n,), n, f"layer_{i}"))
    return stream, records


@refuse("STREAM-2", also=("WIRE-3",))
def a_large_leaf_cut_off():
    """A leaf blob of 2^31 bytes of which the last is missing."""
    stream, n = _in_one_piece(2 * GIB)
    return Bytes(*stream.parts[:-1]) + fill(0, n - 1)


@refuse("STREAM-2", also=("WIRE-3",))
def a_record_cut_off_beyond_4_gib():
    """A blob of 2^32 - 1 bytes and then half a record: a position that is kept in 32 bits is back at the start here."""
    return _in_one_piece(4 * GIB - 1)[0] + raw("92 91 a1 6c # the leaf is missing")


@refuses_to_write("REC-3", largest=4 * GIB)
def a_tensor_of_4_gib():
    """An array of 2^32 bytes, chunked or not, fits in no record. The writer says so before its first byte."""
    return [
        given(["a"], "int", value="1"),
        given(["k"], "ndarray", dtype="uint8", shape=[str(4 * GIB)], fill="00"),
    ]


@refuses_to_write("CONF-7", also=("WIRE-1", "LEAF-1"), container="flax", largest=4 * GIB)
def a_bin_of_4_gib_to_a_flax_file():
    """A bin of 2^32 bytes, which fits no header. In a flax file too an array alone may be larger, being chunked."""
    return [given(["k"], "bin", bytes=str(4 * GIB), fill="00")]


@refuses_to_write("REC-3", largest=4 * GIB)
def a_tensor_whose_headers_pass_the_limit():
    """An array of 2^32 - 100 bytes: its payload would fit in a bin, but not with the headers of its five chunks."""
    return [given(["k"], "ndarray", dtype="uint8", shape=[str(4 * GIB - 100)], fill="00")]


def _of_pattern(tag: str, width: int, n: int) -> Bytes:
    """A chunked array of n elements, as a writer writes it."""
    most = GIB // width
    chunks, payload = [], patterned(n * width)
    for first in range(0, n, most):
        count = min(most, n - first)
        size = count * width
        bin_ = header(0xC6, 4, size) if size > 0xFFFF else header(0xC4, 1, size)
        body = arr_(3) + arr_(1) + int_(count) + str_(tag) + bin_ + payload.piece(first * width, size)
        chunks.append(
            (header(0xC9, 4, body.size) if body.size > 0xFFFF else header(0xC7, 1, body.size)) + raw("01") + body
        )
    return _chunked((n,), chunks)


def _given(tag: str, n: int) -> list[dict[str, object]]:
    return [given(["k"], "ndarray", dtype=tag, shape=[str(n)], fill=PATTERN.hex())]


@writes("LEAF-13", "LEAF-12")
def a_pattern_of_1_gib_and_7():
    """A payload of 2^30 + 7 bytes that repeats itself every 251 bytes: what stands in the second chunk is not what
    stands at the beginning of the first."""
    return _given("uint8", GIB + 7), _record(_of_pattern("uint8", 1, GIB + 7))


@writes("LEAF-13", "LEAF-12", container="flax")
def a_pattern_in_three_chunks():
    """A payload of float64 of 2^31 + 24 bytes that repeats itself every 251 bytes, in a flax file: three chunks in
    their order."""
    n = 2 * GIB // 8 + 3
    return _given("float64", n), map_(1) + str_("k") + _of_pattern("float64", 8, n)
