"""What a session shows of an opened checkpoint: its tree with sizes, as text and as HTML, and completions of its keys.

Nothing is read for it, and what is shown has a bound, however many leaves there are.
"""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..containers.container import Contents, Unheld
from ..format.keypaths import display, printable
from ..format.leaves import size_text
from ..format.records import Record
from ..storage.place import OpenedFile

_LINES: Final = 32  # of text: what a terminal shows at once
_CHILDREN: Final = 8  # of one node in text; of more the first are shown, and how many follow
_FIRST: Final = 3
_ROWS: Final = 2_000  # of HTML, which unfolds
_WIDEST: Final = 200
# What the modules of this package take of a checkpoint, which a session does not offer to whoever looks into one.
_INNER: Final = frozenset(
    ["contents", "leave_out", "listed", "memory", "named_in_errors", "refusal", "select", "source", "unheld"]
)


class _Node:
    """A part of a key path: its subtree, its leaf, or of names that clash both."""

    __slots__ = ("children", "leaf", "leaves", "nbytes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.leaf: str | None = None
        self.leaves = 0
        self.nbytes = 0

    def add(self, path: tuple[str, ...], leaf: str, nbytes: int) -> None:
        self.leaves, self.nbytes, node = self.leaves + 1, self.nbytes + nbytes, self
        for part in path:
            node = node.children.setdefault(part, _Node())
            node.leaves, node.nbytes = node.leaves + 1, node.nbytes + nbytes
        node.leaf = leaf


class _Row(NamedTuple):
    """A line of the tree. `node` is None where it says how many children are left out."""

    name: str
    what: str
    nbytes: int
    node: _Node | None


class Shown:
    """What `Checkpoint` shows of itself."""

    kind: str
    contents: Contents
    source: OpenedFile
    unheld: tuple[Unheld, ...]
    _records: list[Record]

    def _heading(self) -> str:
        kind = self.kind if self.contents.seal is None else f"sealed {self.kind}"
        leaves = _counted(len(self._records) + len(self.unheld))
        return f"Checkpoint {printable(self.source.name)}: {kind}, {leaves}, {size_text(self.source.size)}"

    def _root(self) -> _Node:
        root = _Node()
        for record in self._records:
            root.add(record.path, record.described(), record.stored_size())
        for each in self.unheld:
            root.add(each.path, f"{printable(each.text)} (cannot be read)", each.nbytes)
        return root

    def __repr__(self) -> str:
        root = self._root()
        opened = _opened(root, _LINES, _CHILDREN, _FIRST)
        rows = list(_walk(root, opened, _CHILDREN, _FIRST))
        names = ["  " * depth + row.name for depth, row in rows]
        width, wide = max(map(len, names), default=0), max((len(row.what) for _, row in rows), default=0)
        lines = [
            f"  {name:{width}}  {row.what:{wide}}  {_size(row):>8}".rstrip()
            for name, (_, row) in zip(names, rows, strict=True)
        ]
        return "\n".join([f"<{self._heading()}>", *lines])

    def _repr_html_(self) -> str:
        root = self._root()
        opened = _opened(root, _ROWS, _WIDEST, _WIDEST)
        return (
            '<div style="font-family:monospace;line-height:1.5">'
            f"<strong>{html.escape(self._heading())}</strong>{_listed(root, opened, 0)}</div>"
        )

    def __dir__(self) -> list[str]:
        return sorted(set(super().__dir__()) - _INNER)

    def _ipython_key_completions_(self) -> list[str]:
        return [display(record.path) for record in self._records]


def _counted(leaves: int) -> str:
    return "1 leaf" if leaves == 1 else f"{leaves:,} leaves"


def _rows(node: _Node, most: int, first: int) -> list[_Row]:
    """A line for each child, or for the first of many and one for the others."""
    children = list(node.children.items())
    shown = children if len(children) <= most else children[:first]
    rows = [_Row(display((name,)), _what(child), child.nbytes, child) for name, child in shown]
    if left := children[len(shown) :]:
        nbytes, leaves = sum(child.nbytes for _, child in left), sum(child.leaves for _, child in left)
        rows.append(_Row(f"... {len(left):,} more", _counted(leaves), nbytes, None))
    return rows


def _size(row: _Row) -> str:
    """Of small values, which take some bytes or are not known yet, nothing is said."""
    return size_text(row.nbytes) if row.nbytes else ""


def _what(node: _Node) -> str:
    return _counted(node.leaves) if node.leaf is None else node.leaf


def _opened(root: _Node, lines: int, most: int, first: int) -> set[int]:
    """The nodes (by their ids) whose children are shown: level by level, as long as there is room."""
    opened, queue = set[int](), deque([root])
    while queue:
        node = queue.popleft()
        rows = _rows(node, most, first)
        if node is not root and len(rows) > lines:
            continue
        lines -= len(rows)
        opened.add(id(node))
        queue.extend(row.node for row in rows if row.node is not None and row.node.children)
    return opened


def _walk(node: _Node, opened: set[int], most: int, first: int) -> Iterator[tuple[int, _Row]]:
    """The lines of a tree with their depths."""
    stack = [(0, row) for row in reversed(_rows(node, most, first))]
    while stack:
        depth, row = stack.pop()
        yield depth, row
        if row.node is not None and id(row.node) in opened:
            stack.extend((depth + 1, below) for below in reversed(_rows(row.node, most, first)))


def _listed(node: _Node, opened: set[int], depth: int) -> str:
    """The children of a node as HTML; subtrees unfold without a script."""
    items = []
    for row in _rows(node, _WIDEST, _WIDEST):
        about = f"{row.what}, {_size(row)}" if row.nbytes else row.what
        line = f"{html.escape(row.name)} <span style='opacity:0.8'>{html.escape(about)}</span>"
        if row.node is not None and row.node.children and id(row.node) in opened:
            unfolded = " open" if depth < 1 and len(row.node.children) <= _CHILDREN else ""
            below = _listed(row.node, opened, depth + 1)
            items.append(f"<li><details{unfolded}><summary>{line}</summary>{below}</details></li>")
        else:
            items.append(f"<li>{line}</li>")
    return f"<ul style='list-style:none;margin:0;padding-left:1.2em'>{''.join(items)}</ul>"
