"""Chapter 09: kinds of files, told from their first bytes (CONV-6)."""

from ..assembly import Bytes, data, fill, ndarray_, raw, record_
from ..declare import Conversion, accept, converts, integer, refuse, refuses_to_convert

FOREIGN = ("REC-1", "STREAM-1")  # what a reader of streams names, which has no need to know what a file is
RECORD = "92 91 a1 77 c4 01 07"  # "w": 7


def safetensors_(header: str, payload: str = "") -> Bytes:
    """A safetensors file: the length of its header, the header, the payloads."""
    text = header.encode()
    size = data(len(text).to_bytes(8, "little"), f"length of the header, {len(text)}")
    return size + data(text, "header") + data(bytes.fromhex(payload), "payloads")


def header_of(size: int, dtype: str = "F32", name: str = "w") -> str:
    """The header of one tensor of shape (1,), padded with spaces to a length."""
    width = {"F32": 4, "U8": 1}[dtype]
    return f'{{"{name}":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,{width}]}}}}'.ljust(size)


PICKLE = raw("""
    80 04                               # ! pickle, protocol 4
    95 0c 00 00 00 00 00 00 00          # a frame
    7d 94 8c 01 77 94 4b 07 73 2e       # {"w": 7}
""")
ZIP = raw("""
    50 4b 03 04 00 00 08 08 00 00 00 00 # ! "PK": a local file header
    00 00 00 00 00 00 00 00 00 00 00 00 10 00 12 00
    61 72 63 68 69 76 65 2f 64 61 74 61 2e 70 6b 6c  # "archive/data.pkl"
""")
HTML = data(b"\n<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n", "! the page of a failed download")
DELTA = raw("92 92 b0 73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61 a3 31 2e 30 # the mark of a delta")
FLAX = raw('81 a1 77 07 # ! a map, {"w": 7}')


@refuse("CONV-6", also=FOREIGN)
def pickle_is_no_stream():
    """A pickle of protocol 4, the first byte of which is an empty map of MessagePack."""
    return PICKLE


@refuse("CONV-6", also=FOREIGN)
def zip_is_no_stream():
    """A torch `.pth` is a zip archive. Its first byte is the integer 80."""
    return ZIP


@refuse("CONV-6", also=FOREIGN)
def gzip_is_no_stream():
    """A stream that has been packed with gzip. A reader does not unpack what it is given."""
    return raw(f"""
        1f 8b 08 00 00 00 00 00 00 ff       # ! gzip
        01 07 00 f8 ff {RECORD} # a stored block
        f0 c9 77 99 07 00 00 00             # CRC-32, size
    """)


@refuse("CONV-6", also=FOREIGN)
def zstd_is_no_stream():
    """A stream in a zstd frame. Its first byte is the integer 40."""
    return raw("28 b5 2f fd # ! zstd") + raw(f"20 07 39 00 00 {RECORD} # one raw block")


@refuse("CONV-6", also=FOREIGN)
def xz_is_no_stream():
    """The head of an xz file. Its first byte is the integer -3."""
    return raw("fd 37 7a 58 5a 00 00 04 e6 d6 b4 46 # ! xz")


@refuse("CONV-6", also=FOREIGN)
def bzip2_is_no_stream():
    """The head of a bzip2 file. Its first byte is the integer 66."""
    return raw("42 5a 68 39 17 72 45 38 50 90 00 00 00 00 # ! bzip2, of nothing")


@refuse("CONV-6", also=FOREIGN)
def numpy_file_is_no_stream():
    """A `.npy` file begins with what is an array of three in MessagePack."""
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
    return (
        raw("93 4e 55 4d 50 59 01 00 76 00 # ! npy, version 1.0") + data(head.ljust(117) + b"\n") + raw("00 00 80 3f")
    )


@refuse("CONV-6", also=FOREIGN)
def hdf5_is_no_stream():
    """An HDF5 file begins with what is a map of nine in MessagePack."""
    return raw("89 48 44 46 0d 0a 1a 0a # ! HDF5") + fill(0, 16)


@refuse("CONV-6", also=FOREIGN)
def git_lfs_pointer_is_no_stream():
    """What a clone without git-lfs has in place of the weights."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 13476925163\n"
    return data(pointer, "! a git-lfs pointer")


@refuse("CONV-6", also=FOREIGN)
def json_is_no_stream():
    """An index of shards. Its first byte is the integer 123."""
    return data(b'{"metadata": {"total_size": 4}, "weight_map": {"w": "flax_model-00001.msgpack"}}', "! JSON")


@refuse("CONV-6", also=FOREIGN)
def html_is_no_stream():
    """A page that was saved in place of the weights, after a line feed."""
    return HTML


@refuse("CONV-6", also=FOREIGN)
def flax_file_is_no_stream():
    """The standard flax file of one leaf is a map."""
    return FLAX


@refuse("CONV-6", also=FOREIGN)
def safetensors_is_no_stream():
    """A safetensors file, whose first byte is that of a length."""
    return (
        raw("40 00 00 00 00 00 00 00 # ! length of the header, 64") + data(header_of(64).encode()) + raw("00 00 80 3f")
    )


@refuse("CONV-6", also=("KEY-1", *FOREIGN))
def safetensors_that_begins_like_a_stream():
    """A safetensors header of 146 bytes: the first byte of the file, 92, is the beginning of a record."""
    return safetensors_(header_of(146), "00 00 80 3f")


@refuse("CONV-6", also=("DELTA-13", "DELTA-1", "REC-2", "REC-1"))
def delta_is_no_stream():
    """A delta, whose mark is a record but for the leaf blob, where a text stands."""
    return DELTA + raw('a5 64 65 6c 74 61 # "delta"') + record_("manifest", raw("a2 7b 7d"))


@accept("CONV-6", "KEY-2")
def key_with_the_name_of_a_delta():
    """A stream with a key path that begins as the mark of a delta, in its second record, where it means nothing."""
    return raw(f"""
        {RECORD}
        92 92 b0 73 74 72 65 61 6d 63 6b 70 74 2d 64 65 6c 74 61 # ["streamckpt-delta",
        a3 31 2e 30 c4 01 01                                      #  "1.0"]: 1
    """), [integer("w", 7), integer(("streamckpt-delta", "1.0"), 1)]


@refuses_to_convert("CONV-6", also=("DELTA-13", "DELTA-1"))
def delta_is_no_checkpoint():
    """A delta that is given without a prefix is refused, and not taken for a stream: DELTA-13."""
    return Conversion(None), DELTA + raw("a5 64 65 6c 74 61") + record_("manifest", raw("a2 7b 7d"))


@refuses_to_convert("CONV-6")
def pickle_is_no_checkpoint():
    """Without a prefix a pickle is recognised, and refused. It is not opened: a pickle can run any code."""
    return Conversion(None), PICKLE


@refuses_to_convert("CONV-6")
def zip_is_no_checkpoint():
    """Without a prefix a zip archive is recognised, and refused."""
    return Conversion(None), ZIP


@refuses_to_convert("CONV-6")
def html_is_no_checkpoint():
    """Without a prefix a page is recognised behind white space, and refused."""
    return Conversion(None), HTML


@refuses_to_convert("CONV-6", also=("REC-1", "FLAX-1"))
def file_of_no_known_kind():
    """4,096 zeros, as a download leaves them that has set the size of a file and then failed."""
    return Conversion(None), raw("00 # ! zeros") + fill(0, 4095)


@refuses_to_convert("CONV-6", also=("STREAM-3",))
def empty_file_without_a_prefix():
    """A file of 0 bytes is none of the kinds."""
    return Conversion(None), data(b"")


@converts("CONV-6", "WIRE-2")
def stream_that_begins_with_dc():
    """The array header of the first record takes three bytes. It is recognised as a stream."""
    return Conversion(None), raw("dc 00 02 91 a1 77 c4 01 07"), raw(RECORD)


@converts("CONV-6", "WIRE-2", until="1.0")
def stream_that_begins_with_dd():
    """The array header of the first record takes five bytes. It is recognised as a stream."""
    return Conversion(None), raw("dd 00 00 00 02 91 a1 77 c4 01 07"), raw(RECORD)


@converts("CONV-6", "WIRE-2")
def flax_file_that_begins_with_df():
    """The header of the root map takes five bytes. It is recognised as a flax file."""
    return Conversion(None), raw("df 00 00 00 01 a1 77 07"), raw(RECORD)


@converts("CONV-6")
def safetensors_that_begins_with_92():
    """A header of 146 bytes. The row of safetensors stands before that of streams, and decides."""
    return (
        Conversion(None),
        safetensors_(header_of(146), "00 00 80 3f"),
        record_("w", ndarray_("float32", (1,), "0000803f")),
    )


@converts("CONV-6")
def safetensors_that_begins_with_80_02():
    """A header of 640 bytes, so that the file begins as a pickle does. The row of safetensors stands first."""
    return Conversion(None), safetensors_(header_of(640, "U8"), "07"), record_("w", ndarray_("uint8", (1,), "07"))


@converts("CONV-6")
def flax_file_that_looks_like_safetensors():
    """Eight bytes of a small length, then `{`: but a header of 42,625 bytes does not fit into the file. It is a flax
    file.
    """
    key = raw("81 a6 00 00 00 00 00 00 # a map of 1, a key of six NUL")
    return Conversion(None), key + raw("7b # the int 123"), raw("92 91 a6 00 00 00 00 00 00 c4 01 7b")


@converts("CONV-6", "CONV-5")
def flax_file_that_is_said_to_be_one():
    """This file holds the header that its first bytes speak of, and is a flax file all the same: the prefix says so."""
    text = data(bytes(43_000))
    source = raw("82 a6 00 00 00 00 00 00 7b a1 73 # a map of 2") + raw("c5 a7 f8 # bin") + text
    return Conversion("flax"), source, raw("92 91 a6 00 00 00 00 00 00 c4 01 7b") + record_("s", raw("c5 a7 f8") + text)
