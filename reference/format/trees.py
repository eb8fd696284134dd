"""Spec chapter 07: a nested state dict, flattened into key paths and leaves, and nested again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from .errors import FormatError, article
from .keypaths import MAX_PARTS, KeyPath, display, encode_keypath


class _HasPath(Protocol):
    @property
    def path(self) -> tuple[str, ...]: ...


_T = TypeVar("_T", bound=_HasPath)


# What is a leaf for sure, and by far the most of a tree: it is not asked whether it can be expanded.
_LEAVES: Final = frozenset((np.ndarray, bool, int, float, str, bytes, type(None)))

_TEXT: Final = frozenset((str,))

Expand = Callable[[Any], Any]  # turns an object of a class unknown here into a map, and returns leaves as they are


def _children(node: Any) -> Collection[tuple[str, Any]] | None:
    """The keys and children of an inner node, None for a leaf."""
    if type(node) is dict or isinstance(node, Mapping):
        # TREE-3: "A writer turns a key that is not a text into one, and MUST refuse a map in which two keys
        #          give the same text."
        if _TEXT.issuperset(map(type, node)):
            return node.items()
        children = [(str(key), child) for key, child in node.items()]
        if len({key for key, _ in children}) != len(children):
            raise FormatError("TREE-3", None, None, "two keys of a map give the same text")
        return children
    # TREE-2: "A writer turns a list or tuple into a map with the keys `0`, `1`, ... in decimal, and a named
    #          tuple into a map from its field names."
    if isinstance(node, tuple) and (names := getattr(node, "_fields", None)) is not None:
        return [(name, getattr(node, name)) for name in names]
    if isinstance(node, list | tuple):
        return [(str(i), child) for i, child in enumerate(node)]
    return None


def _how_to_save(tree: Any) -> str | None:
    """What to do with an object that is not a tree."""
    if isinstance(tree, str) or hasattr(tree, "__fspath__"):
        return "the path comes first: save(path, tree)"
    if hasattr(tree, "shape") or isinstance(tree, bool | int | float | bytes):
        return "give it a name, as in {'w': ...}"
    return "for an nnx module, save nnx.state(module)" if type(tree).__module__ != "builtins" else None


# TREE-5: "A writer emits the records in depth-first order: the children of a map in the order in which the
#          map holds them, each subtree whole before the next."
def flatten(
    tree: Any, keep_empty_nodes: bool = False, expand: Expand | None = None
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Key paths and leaves of a nested map, list or tuple, depth first.

    Empty nodes are left out (TREE-4), or given as {} with `keep_empty_nodes`. `expand` turns objects of other
    classes into maps, and returns what it does not know as it is. Raises KEY-3, TREE-1, TREE-3, and KEY-4 and WIRE-5
    for an empty node that is left out.
    """
    expand = expand or (lambda node: node)
    root = _children(tree)
    if root is None:
        root = _children(expand(tree))
    if root is None:
        detail = f"a tree is a map, list or tuple, not {article(type(tree).__name__)}"
        raise FormatError("TREE-1", None, None, detail, _how_to_save(tree))
    stack: list[tuple[tuple[str, ...], Iterator[tuple[str, Any]]]] = [((), iter(root))]
    while stack:
        parent, children = stack[-1]
        for key, child in children:
            path = (*parent, key)
            if len(path) > MAX_PARTS:
                raise FormatError("KEY-3", None, KeyPath(path[:8]), f"the tree is deeper than {MAX_PARTS} levels")
            if type(child) in _LEAVES:
                yield path, child
                continue
            try:
                below = _children(child)
                if below is None:
                    child = expand(child)
                    below = _children(child)
            except FormatError as error:
                error.path = KeyPath(path)
                raise
            if below is None:
                yield path, child
            elif below:
                stack.append((path, iter(below)))
                break
            elif keep_empty_nodes:
                yield path, {}
            else:
                # TREE-4: "An empty node that is left out is part of the tree all the same"
                encode_keypath(path)
        else:
            stack.pop()


# TREE-1: "The records of a stream stand for a nested map: each part of a key path is a key, and the leaf is
#          the value at its end."
def unflatten(items: Iterable[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    """The nested dict of key paths and leaves. Raises ValueError where two clash.

    That a path goes on below an empty node is not seen.
    """
    root: dict[str, Any] = {}
    last: tuple[str, ...] = ()
    node = root
    for path, value in items:
        if path[:-1] != last:
            node = root
            for part in path[:-1]:
                node = node.setdefault(part, {})
                if type(node) is not dict:
                    raise ValueError(f"{display(path)} is under a leaf")
            last = path[:-1]
        count = len(node)
        node[path[-1]] = value
        if len(node) == count:
            raise ValueError(f"{display(path)} occurs twice in the tree, or is above another leaf")
    return root


def depth_first(items: Iterable[_T]) -> list[_T]:
    """Things with a `path`, the children of one node brought together, in the order in which nodes first appear."""
    found: list[_T] = []
    root = unflatten((item.path, item) for item in items)
    stack = [iter(root.values())]
    while stack:
        for child in stack[-1]:
            if isinstance(child, dict):
                stack.append(iter(child.values()))
                break
            found.append(child)
        else:
            stack.pop()
    return found


# TREE-6: "A train state is a tree with an entry `step` and a subtree `params` at its root."
def is_train_state(paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether these key paths are those of a train state."""
    roots: dict[str, bool] = {}
    for path in paths:
        roots[path[0]] = len(path) > 1
    return "step" in roots and roots.get("params", False)
