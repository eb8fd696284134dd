"""Files whose rest is zeros: downloads that were not finished, told as that and from which byte on."""

from __future__ import annotations

from typing import Final

from ..format.errors import FormatError
from ..format.wire import Source
from ..storage.reading_ahead import far_away

_FIRST: Final = 1 << 12  # bytes that are looked at of a file that may have no zeros at its end
_PIECE: Final = 1 << 20  # and then in one go
_FEWEST: Final = 16  # zeros that are more than a value which happens to be zero
_FAR: Final = 1 << 22  # bytes of a file that is far away which are worth fetching for a better message


def tell_zeros(source: Source, error: FormatError, is_salvaged: bool) -> None:
    """Have the advice of an error say that all of the file is zeros from a byte on, where that is what went wrong.

    `is_salvaged` is whether the file is of a kind that `salvage` takes.

    A fault in front of the zeros is another matter: the last array may be zeros by right.
    """
    size, least = source.size, _least(source)
    try:
        start = _start_of_zeros(source, least)
    except (FormatError, OSError):  # what is being written to has its own error, which is told already
        return
    if error.offset is None or size - start < _FEWEST or error.offset + _FEWEST < start:
        return
    where = f"from byte {start} on" if start > least or not least else f"in the last {size - start} bytes at least"
    error.advice = f"{where} the file is nothing but zeros, as a download that did not finish leaves it; get it again"
    if is_salvaged:
        error.advice += ", or rescue the intact leaves with `streamckpt salvage`"


def zeros_from(source: Source) -> int | None:
    """The offset from which on a file is nothing but zeros, None where that are fewer than some. Raises OSError."""
    start = _start_of_zeros(source, _least(source))
    return start if source.size - start >= _FEWEST else None


def _least(source: Source) -> int:
    return max(0, source.size - _FAR) if far_away(source) is not None else 0


def _start_of_zeros(source: Source, least: int) -> int:
    """The offset from which on all bytes are zero; not less than `least`, in front of which nothing is read."""
    end, piece = source.size, _FIRST
    while end > least:
        start = max(least, end - piece)
        if held := len(bytes(source.read_at(start, end - start)).rstrip(b"\0")):
            return start + held
        end, piece = start, _PIECE
    return end
