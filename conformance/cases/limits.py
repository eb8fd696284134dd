"""Counts, lengths and sizes at their limits: the last that a header, a path or a blob holds, and the first that it does
not."""

import hashlib

from ..assembly import (
    Bytes,
    Part,
    arr_,
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
from ..declare import accept, array, flax_accept, flax_refuse, integer, nil
from ..repetition import Counted


@flax_refuse("KEY-4", "FLAX-2")
def flax_path_of_65536_bytes():
    """A path of two keys with 65,536 bytes together, one more than a reader takes."""
    first, last = "a" * 65_000, "b" * 536
    return map_(1) + data(str_(first).data(), "65,000 bytes") + map_(1) + str_(last, "! 536 bytes") + int_(1)


@flax_refuse("KEY-4", "FLAX-2")
def flax_key_of_65536_bytes():
    """A key of a flax file has one byte more than a key path may have. In 16 bits its length is 0."""
    return map_(1) + header(0xDB, 4, 65_536, "! 65,536 bytes") + fill(0x61, 65_536) + int_(7)


@flax_refuse("KEY-4", "FLAX-2", "LEAF-9")
def flax_path_of_65536_bytes_to_an_empty_node():
    """A path of 65,536 bytes in two keys ends at an empty node, which counts as a leaf."""
    outer = map_(1) + header(0xDA, 2, 65_535) + fill(0x61, 65_535)
    return outer + map_(1) + str_("b", "! the byte 65,536") + raw("80")


@flax_accept("FLAX-7", "WIRE-1")
def maps_of_15_and_16_entries():
    """Below the root stand a map of 15 entries, whose header has one byte, and one of 16, whose header has three."""
    inner = {"a": 15, "b": 16}
    stream = map_(2)
    for name, n in inner.items():
        stream += str_(name) + map_(n) + together([str_(f"{i:02}") + int_(i) for i in range(n)])
    return stream, [integer([name, f"{i:02}"], i) for name, n in inner.items() for i in range(n)]


@flax_accept("FLAX-7", "WIRE-1")
def map_of_65536_entries():
    """A map of 65,536 entries, the first whose count takes four bytes."""
    entry = str_("000000").data() + b"\xc0"
    entries = Bytes(Part(entry, "65,536 entries", 65_536, counted=Counted(1)))
    return map_(65_536) + entries, [nil("%06x") | {"series": 65_536}]


@accept("WIRE-1", "LEAF-3")
def shapes_of_15_and_16_dimensions():
    """A shape of 15 dimensions, whose header has one byte, and one of 16, whose header has three."""
    return together([record_(str(n), ndarray_("int8", (1,) * n, "07")) for n in (15, 16)]), [
        array(str(n), "int8", (1,) * n, "07") for n in (15, 16)
    ]


PATTERN = bytes((i * 7 + i // 11) % 256 for i in range(251))


@accept("LEAF-5")
def payload_of_530000_bytes():
    """A payload that repeats itself only every 251 bytes, so that a reader or writer which takes it in blocks and takes
    one of them twice, or from the wrong place, does not get away with it."""
    payload = data((PATTERN * 2112)[:530_000])
    return record_("k", ndarray_("uint8", (530_000,), payload)), [array("k", "uint8", (530_000,), payload)]


@accept("LEAF-5", "STREAM-7", longer=True)
def payload_of_10_mib():
    """An array, a chunk, a bin in turn, each of 10 MiB that repeat themselves only every 251 bytes: blocks of 4 KiB to
    8 MiB are each different from the one before."""
    times = 41_776
    payload, n = Bytes(Part(PATTERN, "", times)), 251 * times
    digest = hashlib.sha256(PATTERN * times).hexdigest()
    body = arr_(3) + arr_(1) + int_(n) + str_("uint8") + header(0xC6, 4, n) + payload
    whole = header(0xC9, 4, body.size) + raw("01") + body
    stream, records = Bytes(), []
    for name, leaf in {"array": whole, "chunked": chunked_((n,), [whole]), "bin": header(0xC6, 4, n) + payload}.items():
        stream += arr_(2) + path_(name) + header(0xC6, 4, leaf.size) + leaf
        records.append({"path": [name], "kind": "ndarray", "dtype": "uint8", "shape": [str(n)], "sha256": digest})
    records[-1] = {"path": ["bin"], "kind": "bin", "bytes": str(n), "sha256": digest}
    return stream, records


# The SHA-256 of 4,294,967,290 zeros.
ZEROS = "fe9f6f3b1a360c97d8c6a1e5951cb1317bb07e8e46030a0debceb7828e61de77"


@accept("REC-3", "REC-4", "WIRE-1")
def a_bin_whose_blob_just_fits():
    """A bin of 2^32 - 6 bytes: with its header of 5 bytes it fills the largest leaf blob. It is read, and written."""
    n = 2**32 - 6
    stream = arr_(2) + path_("k") + header(0xC6, 4, n + 5) + header(0xC6, 4, n) + fill(0, n)
    return stream, [{"path": ["k"], "kind": "bin", "bytes": str(n), "sha256": ZEROS, "fill": "00"}]
