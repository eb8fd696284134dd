"""Chapter 06: files that are larger than what a reader holds at a time, and paths that clash far apart."""

import hashlib
from typing import Any

from ..assembly import (
    Bytes,
    arr_,
    bin_,
    chunked_,
    data,
    fill,
    header,
    int_,
    map_,
    ndarray_,
    path_,
    raw,
    record_,
    str_,
    together,
)
from ..declare import accept, array, flax_accept, flax_refuse, floating, integer, refuse, text

WIDE = "\u00e9\u20ac\U0001f9ea"  # characters of two, three and four bytes


def _zeros(n: int) -> Bytes:
    """A bin of n zeros."""
    return header(0xC6, 4, n) + fill(0, n) if n > 0xFFFF else header(0xC5, 2, n) + fill(0, n)


def _padding(path: str, size: int) -> tuple[Bytes, dict[str, Any]]:
    """A record of so many bytes, a bin of zeros under a path of one part, and what a decoder prints of it."""
    around = len(path) + 3
    n = size - around - (6 if size - around - 6 <= 0xFFFF - 3 else 10)
    leaf = _zeros(n)
    blob = header(0xC6, 4, leaf.size) if leaf.size > 0xFFFF else header(0xC5, 2, leaf.size)
    record = arr_(2) + path_(path) + blob + leaf
    assert record.size == size
    digest = hashlib.sha256(bytes(n)).hexdigest()
    return record, {"path": [path], "kind": "bin", "bytes": str(n), "sha256": digest, "fill": "00"}


def _straddling(k: int) -> tuple[Bytes, list[dict[str, Any]]]:
    """Three records of 73 bytes together, in which a header, a key, a shape, a tag, a text and a float can be cut."""
    name = f"{k:02}"
    stream = record_([WIDE, name], ndarray_("float32", (300, 0), ""))
    stream += record_("t" + name, str_(WIDE)) + record_("real" + name, raw("cb 40 09 21 fb 54 44 2d 18"))
    return data(stream.data()), [
        array([WIDE, name], "float32", (300, 0), ""),
        text("t" + name, WIDE),
        floating("real" + name, "400921fb54442d18"),
    ]


PLACES = 73  # bytes of what _straddling gives


def _across(block: int) -> tuple[Bytes, list[dict[str, Any]]]:
    """At the end of each of 73 blocks stand the same records, each time cut by it at another place."""
    stream, records = Bytes(), []
    for k in range(PLACES):
        cut = k * 25 % PLACES
        pad, padded = _padding(f"p{k:02}", (k + 1) * block - cut - stream.size)
        across, wanted = _straddling(k)
        assert across.size == PLACES
        stream += pad + across
        records += [padded, *wanted]
    return stream, records


@accept("STREAM-7", "WIRE-5", longer=True)
def records_across_blocks_of_4_kib():
    """At every 4,096 bytes stand the same records, cut at another place each time: a reader that fetches its input in
    blocks of 4, 8 or 16 KiB has every header, key, shape, tag, text and number in two pieces once."""
    return _across(1 << 12)


@accept("STREAM-7", "WIRE-5", longer=True)
def records_across_blocks_of_64_kib():
    """At every 65,536 bytes stand the same records, cut at another place each time: a reader that fetches its input in
    blocks of 64 to 512 KiB has headers, keys, texts and numbers in two pieces."""
    return _across(1 << 16)


@accept("STREAM-7", "WIRE-5", longer=True, largest=1 << 20)
def records_across_blocks_of_1_mib():
    """At every MiB stand the same records, cut at another place each time: a reader that fetches or maps its input in
    blocks of 1 to 8 MiB has headers, keys, texts and numbers in two pieces."""
    return _across(1 << 20)


@accept("STREAM-7", "STREAM-1", longer=True)
def records_without_payloads_across_blocks():
    """Two thousand records of about 33 bytes without anything large between them, which a reader that goes past
    payloads without fetching them has to fetch in blocks all the same. Long headers stand among them."""
    stream, records = [], []
    for i in range(2000):
        name = f"{i:04}"
        path = arr_(2) + str_(WIDE) + (str_(name), header(0xD9, 1, 4), header(0xDA, 2, 4), header(0xDB, 4, 4))[i % 4]
        path += data(name.encode() if i % 4 else b"")
        stream.append(arr_(2) + path + bin_(ndarray_("bfloat16", (1, 1), "80 3f") if i % 2 else int_(70_000 + i)))
        wanted = array([WIDE, name], "bfloat16", (1, 1), "80 3f") if i % 2 else integer([WIDE, name], 70_000 + i)
        records.append(wanted)
    return data(together(stream).data(), "2,000 records"), records


def _longest(first: str) -> tuple[Bytes, list[str]]:
    """A key path of 512 parts and 65,535 bytes, in the longest headers."""
    parts = [first, *["x" * 128] * 510, "y" * (65_535 - 510 * 128 - len(first))]
    same = data(header(0xDB, 4, 128).data() + b"x" * 128)
    stream = header(0xDD, 4, 512) + header(0xDB, 4, len(first)) + data(first.encode()) + same * 510
    return stream + header(0xDB, 4, len(parts[-1])) + fill(0x79, len(parts[-1])), parts


BLOCKS = (1 << 17, 1 << 18, 1 << 19, 1 << 20)


@accept("STREAM-7", "KEY-4", longer=True)
def longest_key_paths_across_blocks():
    """Records with the longest key path and the longest shape begin 65,540 bytes before the end of a block of 128 KiB
    to 1 MiB: a reader that has 64 KiB at hand for what is not a payload has too little."""
    dims = together([header(0xD3, 8, 1)] * 64)
    stream, records = Bytes(), []
    for k, block in enumerate(BLOCKS):
        pad, padded = _padding(f"p{k}", block - 65_540 - stream.size)
        path, parts = _longest(f"q{k}")
        shape = header(0xDD, 4, 64) + dims
        body = header(0xDD, 4, 3) + shape + header(0xC6, 4, 4) + data(b"int8") + header(0xC6, 4, 1) + data(b"\x07")
        blob = header(0xC9, 4, body.size) + data(b"\x01") + body
        stream += pad + header(0xDD, 4, 2) + path + header(0xC6, 4, blob.size) + blob
        records += [padded, array(parts, "int8", (1,) * 64, "07")]
    return stream, records


@flax_accept("KEY-4", "FLAX-3", longer=True)
def longest_keys_across_blocks_of_a_flax_file():
    """Keys of 65,535 bytes over chunked arrays begin 65,560 bytes before the end of a block of 128 KiB to 1 MiB, so
    that the marker behind each of them is cut."""
    chunked = chunked_((1,) * 64, [ndarray_("int8", (1,), "07")])
    stream, records = map_(8), []
    for k, block in enumerate(BLOCKS):
        name = f"{k}" + "x" * 65_534
        n = block - 65_560 - stream.size - 2 - 5
        stream += str_(str(k)) + header(0xC6, 4, n) + fill(0, n)
        digest = hashlib.sha256(bytes(n)).hexdigest()
        records.append({"path": [str(k)], "kind": "bin", "bytes": str(n), "sha256": digest, "fill": "00"})
        stream += header(0xDB, 4, 65_535) + data(str(k).encode()) + fill(0x78, 65_534) + chunked
        records.append(array([name], "int8", (1,) * 64, "07"))
    return stream, records


@refuse("STREAM-4")
def the_first_of_many_records_twice():
    """Twenty thousand records, and then the path of the first: a reader that looks back a thousand records, or that
    compares neighbours, does not find it."""
    stream = b"".join(record_(f"{i:04x}", int_(i % 100)).data() for i in range(20_000))
    return data(stream, "20,000 records") + raw("92 # ! the first path again") + path_("0000") + bin_(int_(0))


@refuse("STREAM-5")
def the_first_of_many_records_as_a_subtree():
    """Twenty thousand records, and then a leaf under the path of the first."""
    stream = b"".join(record_(f"{i:04x}", int_(i % 100)).data() for i in range(20_000))
    return data(stream, "20,000 records") + raw("92 # ! under a leaf") + path_("0000", "a") + bin_(int_(0))


@flax_refuse("FLAX-5")
def the_first_of_many_keys_twice():
    """A map of 20,001 entries, of which the last has the key of the first."""
    entries = b"".join(str_(f"{i:04x}").data() + b"\xc0" for i in range(20_000))
    return map_(20_001) + data(entries, "20,000 entries") + str_("0000", "! again") + raw("c0")


SEPARATORS = (
    "\0 \x01 \t \n \x1c \x1d \x1e \x1f \x7f , ; : :: | || - -> _ __ + = # @ \\ ' \" ',' \",\" \ufffd \u241f \U0010ffff"
)


@accept("STREAM-4", "KEY-2")
def paths_that_join_to_one_text_with_other_separators():
    """For each of many separators that a reader may join parts with: a path of two parts, and one of one part that has
    the separator in it. They are two key paths, and neither is the beginning of the other."""
    stream, records = Bytes(), []
    for i, separator in enumerate([" ", *SEPARATORS.split(" ")]):
        for path in ([f"{i}", "b"], [f"{i}{separator}b"]):
            stream += record_(path, int_(i))
            records.append(integer(path, i))
    return data(stream.data()), records


@accept("STREAM-4", "KEY-2")
def paths_of_one_hash():
    """Pairs of keys that have one CRC-32, one FNV-1a of 32 bits, one hash of Java, one of Bernstein: a reader that
    keeps hashes in place of key paths takes the second of each pair for the first."""
    pairs = (
        "plumless",
        "buckeroo",
        "costarring",
        "liquid",
        "declinate",
        "macallums",
        "Aa",
        "BB",
        "hetairas",
        "mentioner",
    )
    stream = together([record_(part, int_(i)) for i, part in enumerate(pairs)])
    return stream, [integer(part, i) for i, part in enumerate(pairs)]
