"""Chapter 02, KEY-3 and KEY-4: how long a key path may be."""

from ..assembly import data, fill, header, raw, str_, together
from ..declare import accept, given, nil, refuse, refuses_to_write
from .sealed_assembly import sealed
from .sealed_leaves import number

NIL = raw("c4 01 c0")


@accept("KEY-3")
def key_path_of_512_parts():
    """The most parts that a key path may have. A reader that goes one call deeper for each may run out of stack."""
    return raw("92 dc 02 00 # 512 parts") + data(bytes.fromhex("a161") * 512) + NIL, [nil(["a"] * 512)]


@accept("KEY-3")
def parts_of_different_key_paths_are_not_added_up():
    """Three key paths of 300 parts each: the limit is one for each path, not for the file."""
    parts = data(bytes.fromhex("a161") * 299)
    names = ("x", "y", "z")
    bytes_ = together([raw("92 dc 01 2c # 300 parts") + parts + str_(name) + NIL for name in names])
    return bytes_, [nil(["a"] * 299 + [name]) for name in names]


@refuse("KEY-3")
def key_path_of_513_parts():
    """One part more than a key path may have."""
    return raw("92") + header(0xDC, 2, 513, "! 513 parts") + data(bytes.fromhex("a161") * 513) + NIL


@refuse("KEY-3")
def key_path_of_65537_parts():
    """65,537 parts, all of them there: the count, in four bytes, is 1 in the lower two."""
    return raw("92") + header(0xDD, 4, 65_537, "! 65,537 parts") + data(b"\xa0" * 65_537) + NIL


@accept("KEY-3", "PART-3", since="2.0")
def key_path_of_512_parts_in_a_sealed_stream():
    """The most parts that a key path may have, none of which is the key of a part of an array."""
    return sealed([number("a", 1), number(("k",) * 512, 7)]).accepted()


@refuse("KEY-3", since="2.0")
def key_path_of_513_parts_in_a_sealed_stream():
    """One part more than a key path may have: the last is not the key of a part of an array."""
    whole = sealed([number("a", 1), number(("k",) * 513, 7)])
    blob = whole.records[1].data.piece(1 + 3 + 2 * 513, 6)
    record = raw("92") + header(0xDC, 2, 513, "! 513 parts") + data(b"\xa1k" * 513) + blob
    return whole._replace(records=[whole.records[0], whole.records[1]._replace(data=record)]).data()


@refuses_to_write("KEY-3")
def writing_a_key_path_of_513_parts():
    """A writer refuses the 513th part."""
    return [given(["a"] * 513, "nil")]


@accept("KEY-4")
def parts_of_65535_bytes_together():
    """511 parts of 128 bytes and one of 127. With their headers they take more than 65,535 bytes, and headers are not
    counted."""
    parts = ["a" * 128] * 511 + ["b" * 127]
    return raw("92 dc 02 00") + data((b"\xd9\x80" + b"a" * 128) * 511 + b"\xd9\x7f" + b"b" * 127) + NIL, [nil(parts)]


@accept("KEY-4")
def part_of_65535_bytes_in_characters_of_three():
    """21,845 characters of three bytes each are 65,535 bytes."""
    return raw("92 91 da ff ff") + data("€".encode() * 21_845) + NIL, [nil("€" * 21_845)]


@accept("KEY-4", "KEY-5")
def part_of_65535_slashes():
    """The display form of this key path is twice as long as its bytes, and it is the bytes that count."""
    return raw("92 91 da ff ff") + fill(0x2F, 65_535) + NIL, [nil("/" * 65_535)]


@accept("KEY-4")
def bytes_of_different_key_paths_are_not_added_up():
    """Two key paths of 40,000 bytes each: the limit is one for each path, not for the file."""
    bytes_ = raw("92 91 da 9c 40") + fill(0x61, 40_000) + NIL + raw("92 91 da 9c 40") + fill(0x62, 40_000) + NIL
    return bytes_, [nil("a" * 40_000), nil("b" * 40_000)]


@refuse("WIRE-5", "KEY-4")
def parts_of_65535_bytes_of_which_the_last_is_not_utf_8():
    """The key path has as many bytes as it may. The fault is in its last part, and not in the path."""
    return raw("92 92 da ff fe") + fill(0x61, 65_534) + raw("a1 # ! not UTF-8") + raw("ff") + NIL


@refuse("KEY-4")
def part_of_65536_bytes():
    """One part with one byte more than a key path may have. In 16 bits its length is 0."""
    return raw("92") + raw("91 # ! one part") + raw("db 00 01 00 00 # str of 65,536") + fill(0x61, 65_536) + NIL


@refuse("KEY-4")
def parts_of_65536_bytes_together():
    """512 parts of 128 bytes each. Every one is short; with the last one they have one byte too many together."""
    parts = data((b"\xd9\x80" + b"a" * 128) * 511)
    return raw("92") + raw("dc 02 00 # ! 512 parts") + parts + raw("d9 80 # the byte 65,536") + fill(0x61, 128) + NIL


@refuse("KEY-4")
def last_part_of_one_byte_too_many():
    """The first part takes the 65,535 bytes that are allowed, and the second takes one more."""
    return raw("92") + raw("92 # ! two parts") + raw("da ff ff") + fill(0x61, 65_535) + raw('a1 62 # "b"') + NIL


@refuse("KEY-4")
def part_of_65538_bytes_in_21846_characters():
    """21,846 characters of three bytes each: counted as characters, they would be few enough."""
    return (
        raw("92") + raw("91 # ! one part") + raw("db 00 01 00 02 # str of 65,538") + data("€".encode() * 21_846) + NIL
    )


@refuses_to_write("KEY-4")
def writing_a_part_of_65536_bytes():
    """A writer refuses a key that is one byte too long."""
    return [given(["a" * 65_536], "nil")]
