"""Key paths out of proportion to the file (FLAX-8): of leaves of every kind, each of which counts."""

from __future__ import annotations

from typing import Final

from ..assembly import data, map_, str_, together
from .product import Plain, product
from .specimens import SPECIMENS
from .values import assembled

_FIRST: Final = 20_000  # bytes of the key above all leaves
_KINDS: Final = [Plain(one.name, f"each of them {one.about}", assembled(one.value).data()) for one in SPECIMENS]


@product("FLAX-8", want="reject", places=_KINDS, part=lambda _: "flax")
def key_paths_of_one_kind(kind: Plain, _: Plain):
    """Leaves of one kind under one long key: as many as are one too many for a file of that size."""
    leaves, size, counted = 0, 0, 0
    while counted <= (1 << 20) + 64 * size:
        leaves += 1
        counted = leaves * (_FIRST + 3 + 8 * 2)
        size = map_(1).size + str_("x" * _FIRST).size + map_(leaves).size + leaves * (4 + len(kind.value))
    inside = together([str_(f"{i:03}") + data(kind.value) for i in range(leaves)])
    return data((map_(1) + str_("x" * _FIRST) + map_(leaves) + inside).data())
