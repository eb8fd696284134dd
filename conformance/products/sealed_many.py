"""Sealed streams of many leaves: who counts them, or their digests, in 12 to 16 bits finds fewer (INDEX-1, INDEX-9)."""

from __future__ import annotations

from typing import Any, Final

from ..assembly import Bytes, Part, arr_, bin_, data, hexed, int_, map_, path_, raw, str_
from ..cases.sealed_assembly import MARK, checksum, digests_of, seal_
from ..cases.sealed_leaves import number
from ..declare import integer
from ..repetition import Counted, Listed
from .product import Plain, product

_KEY: Final = "%06x"
_SUM: Final = 4  # bytes of a checksum


def _keyed(before: Bytes, behind: Bytes, n: int, first: int, sums: list[bytes]) -> Bytes:
    """What holds a key, so many times from a number on; it ends with a checksum where there are any."""
    one = (before + path_("000000") + behind).data()
    listed = Listed(len(one), b"".join(sums).hex()) if sums else None
    one += bytes(_SUM * bool(sums))
    return Bytes(Part(one, "", n, counted=Counted(one.index(b"000000"), first=first), listed=listed))


def _entries(size: int, n: int, first: int, sums: list[bytes]) -> Bytes:
    """INDEX-2, of leaves whose records have so many bytes."""
    record = raw("91 93") + int_(size) + raw("c0 c4 04")
    return _keyed(raw("95"), str_("int") + raw("c0 c0") + record, n, first, sums)


def _many(n: int, digests: bool) -> tuple[Bytes, list[dict[str, Any]], dict[str, Any]]:
    """So many leaves of the int 7, whose keys are numbers."""
    leaf = bin_(int_(7))
    first, rest = _keyed(hexed(MARK), leaf, 1, 0, []), _keyed(arr_(2), leaf, n - 1, 1, [])
    size = rest.size // (n - 1)
    whole = rest.data()
    sums = [checksum(first), *(checksum(data(whole[at : at + size])) for at in range(0, len(whole), size))]
    found = digests_of([number(f"{i:06x}", 7) for i in range(n)]) if digests else None
    before = first + rest
    head = map_(5 if found else 4) + str_("alignment") + int_(64) + str_("checksum") + bin_(data(checksum(before)))
    entries = _entries(first.size, 1, 0, sums[:1]) + _entries(size, n - 1, 1, sums[1:])
    index = head + str_("leaves") + arr_(n) + entries + str_("metadata") + map_(0)
    if found:
        index += str_("digests") + bin_(data(found))
    seal = {"version": "2.0", "alignment": "64", "checksum": checksum(before).hex()}
    seal |= {"metadata": {"kind": "map", "value": []}, "digests": found.hex() if found else None}
    read = integer(_KEY, 7) | {"series": n, "checksums": b"".join(sums).hex()}
    return before + seal_(before.size, index), [read], seal


_NUMBERS: Final = (
    Plain("2100-with-digests", "2,100 leaves with digests, which take more than 65,535 bytes", (2100, True)),
    Plain("70000", "70,000 leaves", (70_000, False)),
)


@product("INDEX-1", "INDEX-2", "INDEX-9", want="accept", places=_NUMBERS, canonical=True)
def many_leaves_in_the_index(place: Plain, _: Plain):
    """The index has more leaves, or digests, than a number of 16 bits counts or measures."""
    return _many(*place.value)
