"""Spec chapters 16 and 17 of version 2.0: the seal behind the records, or in a file of its own."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, NoReturn

from .checksums import checksum
from .errors import FormatError
from .indexes import Index, read_index
from .wire import Source

MARK: Final = b"\xdd\x00\x00\x00\x02"  # SEAL-1: "The first record of a sealed stream begins with the mark"
RECORD: Final = b"\x92"  # an array of two, which begins every other record
DETACHED_SUFFIX: Final = ".seal"  # DETACHED-1: "its name is that of the stream with `.seal` behind it"
MAJOR, MINOR = 2, 0
VERSION: Final = f"{MAJOR}.{MINOR}"
SIGNATURE: Final = b"streamckpt-seal\n"
_FIELDS: Final = struct.Struct(">QIIHH")  # offset of the seal, bytes and checksum of the index, version
FOOTER: Final = _FIELDS.size + 4 + len(SIGNATURE)  # SEAL-4: "The footer is the last 40 bytes of the file."
_HEAD: Final = 5  # bytes of the header of the seal
_LONGEST: Final = (1 << 31) - 1  # SEAL-3: "The length is at most 2^31 - 1."
_TAIL: Final = 1 << 16  # SEAL-8: "the last 64 KiB, and as much before them as the index takes"
_ADVICE: Final = "copy or save it again, or rescue the intact leaves with `streamckpt salvage`"


def ends_as_detached(tail: bytes, size: int) -> bool:
    """Whether a file of `size` bytes, of which these are the last, is a detached seal. A sealed stream ends so, too."""
    if len(tail) != FOOTER or not tail.endswith(SIGNATURE):
        return False
    return _FIELDS.unpack_from(tail)[1] + FOOTER == size


class Seal(NamedTuple):
    """A seal: its index, the offset at which the records end, and where the index stands, as (offset, bytes)."""

    index: Index  # pyright: ignore[reportIncompatibleMethodOverride]
    records_end: int
    index_at: tuple[int, int]
    is_detached: bool = False


def is_sealed(head: bytes) -> bool:
    """Whether a file whose first bytes these are is, or was, a sealed stream."""
    return head.startswith(MARK)


def ends_sealed(source: Source) -> bool:
    """Whether a file ends as a sealed stream does, whatever it begins with."""
    at = max(0, source.size - FOOTER)
    return source.read_at(at, source.size - at).endswith(SIGNATURE)


def read_seal(source: Source, size: int | None = None) -> Seal:
    """The seal of a sealed stream, found from the end of the file, or of its first `size` bytes. Raises FormatError."""
    size = source.size if size is None else size
    tail_at = max(0, size - _TAIL)
    tail = source.read_at(tail_at, size - tail_at)
    seal_at, length, crc = _read_footer(tail, size)
    if seal_at + _HEAD + length + FOOTER != size:
        _refuse("SEAL-4", size - FOOTER, f"the footer belongs to a file of {seal_at + _HEAD + length + FOOTER} bytes")
    if length + FOOTER + 1 > _LONGEST:
        _refuse("SEAL-3", seal_at, f"the seal takes {length + FOOTER} bytes; at most {_LONGEST - 1} are allowed")
    tail = source.read_at(seal_at, size - seal_at) if seal_at < tail_at else tail[seal_at - tail_at :]
    # SEAL-3: "A seal is the byte `c6`, a length of 4 bytes, the index, and the footer; the length is one more than the
    #          bytes of index and footer."
    if tail[:_HEAD] != _head(length):
        _refuse("SEAL-3", seal_at, "the seal does not begin with the length of a bin that lacks its last byte")
    at = seal_at + _HEAD
    index = _checked_index(tail[_HEAD:-FOOTER], crc, at)
    return Seal(read_index(index, at, seal_at), seal_at, (at, length))


def read_detached_seal(source: Source, size: int) -> Seal:
    """The seal, in a file of its own, of a stream of `size` bytes. Raises FormatError."""
    tail_at = max(0, source.size - FOOTER)
    tail = source.read_at(tail_at, source.size - tail_at)
    if not tail.endswith(SIGNATURE):
        _refuse("SEAL-5", source.size, "this is not a seal, or it has been cut off")
    records_end, length, crc = _read_footer(tail, source.size)
    if length + FOOTER != source.size:
        _refuse("SEAL-4", source.size - FOOTER, f"the footer belongs to a seal of {length + FOOTER} bytes")
    if records_end != size:
        # DETACHED-2: "A seal MUST fit the stream beside which it stands."
        detail = f"this seal belongs to a stream of {records_end} bytes, and the one beside it has {size}"
        raise FormatError("DETACHED-2", source.size - FOOTER, None, detail, "remove the seal, or get the stream again")
    index = _checked_index(source.read_at(0, length), crc, 0)
    return Seal(read_index(index, 0, records_end, detached=True), records_end, (0, length), is_detached=True)


def _read_footer(tail: bytes, size: int) -> tuple[int, int, int]:
    """The offset of the seal, and the bytes and the checksum of the index."""
    if len(tail) < FOOTER or not tail.endswith(SIGNATURE):
        # SEAL-5: "A file that begins with the mark and does not end with a footer has been cut off, and MUST be
        #          refused."
        raise FormatError("SEAL-5", size, None, "a sealed stream ends without its seal: it has been cut off", _ADVICE)
    fields, crc = tail[-FOOTER : -FOOTER + _FIELDS.size], tail[-FOOTER + _FIELDS.size : -len(SIGNATURE)]
    if checksum(fields) != int.from_bytes(crc, "big"):
        _refuse("SEAL-4", size - FOOTER, "the footer does not match its checksum: it is damaged")
    seal_at, length, index_crc, major, minor = _FIELDS.unpack(fields)
    if (major, minor) != (MAJOR, MINOR):
        # SEAL-6: "A reader MUST refuse a footer of another major or minor version, and name the version."
        detail = f"this stream has version {major}.{minor}, and the newest known here is {VERSION}"
        raise FormatError("SEAL-6", size - FOOTER, None, detail, "read it with a newer release")
    return seal_at, length, index_crc


def _checked_index(data: bytes, crc: int, at: int) -> bytes:
    if checksum(data) != crc:
        _refuse("SEAL-4", at, "the index does not match its checksum: it is damaged")
    return data


def _refuse(clause: str, at: int, detail: str) -> NoReturn:
    raise FormatError(clause, at, None, detail, _ADVICE)


def _head(length: int) -> bytes:
    return b"\xc6" + (length + FOOTER + 1).to_bytes(4, "big")


def seal_size(index: int) -> int:
    """The bytes of a seal with an index of so many. Raises SEAL-3."""
    if index + FOOTER + 1 > _LONGEST:
        detail = f"the index takes {index} bytes, and a seal has at most {_LONGEST}"
        raise FormatError("SEAL-3", None, None, detail, "write the tree to several files")
    return _HEAD + index + FOOTER


def encode_seal(index: bytes, records_end: int, detached: bool = False) -> bytes:
    """A seal (SEAL-3), or with `detached` what stands in a file of its own (DETACHED-1)."""
    fields = _FIELDS.pack(records_end, len(index), checksum(index), MAJOR, MINOR)
    footer = fields + checksum(fields).to_bytes(4, "big") + SIGNATURE
    return index + footer if detached else _head(len(index)) + index + footer
