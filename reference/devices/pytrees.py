"""The leaves of any pytree by the key paths under which flax's state dict holds them (spec TREE-1, TREE-2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from ..format.errors import FormatError, article
from ..format.trees import flatten
from .states import flax_expansion, is_traced


class _Mark:
    """Stands for the i-th leaf of a pytree."""

    def __init__(self, index: int) -> None:
        self.index = index


def leaves_of(tree: Any) -> tuple[dict[tuple[str, ...], Any], Callable[[Mapping[tuple[str, ...], Any]], Any]]:
    """The leaves of a pytree by key path, and a function that builds the same tree with some leaves replaced.

    jax knows how to take such a tree apart and put it together, flax under which key path each leaf is stored: a
    tree of marks shows which leaf is which. Raises FormatError for what cannot be a tree of a checkpoint.
    """
    import flax.serialization  # noqa: F401  (so that its classes are known to `flax_expansion`)

    leaves, treedef = jax.tree_util.tree_flatten(tree)
    if jax.tree_util.treedef_is_leaf(treedef):
        raise FormatError("TREE-1", None, None, f"a target is a tree of leaves, not {article(type(tree).__name__)}")
    if any(map(is_traced, leaves)):
        raise FormatError("TREE-1", None, None, "a target inside jax.jit or grad cannot be loaded into; load outside")
    marked = jax.tree_util.tree_unflatten(treedef, [_Mark(i) for i in range(len(leaves))])
    index = {}
    found = {}
    for path, value in flatten(marked, expand=flax_expansion()):
        if isinstance(value, _Mark):
            index[path] = value.index
            found[path] = leaves[value.index]
        else:
            found[path] = value

    def rebuild(values: Mapping[tuple[str, ...], Any]) -> Any:
        new = list(leaves)
        for path, value in values.items():
            if path in index:
                new[index[path]] = value
        return jax.tree_util.tree_unflatten(treedef, new)

    return found, rebuild


class Structure(NamedTuple):
    """What key paths do not show of a pytree: which nodes are lists or tuples, and the nodes without leaves.

    Of the latter None stands for None and for an empty named tuple, as orbax has it, and {} for the others.
    """

    sequences: list[tuple[str, ...]]
    empty: list[tuple[tuple[str, ...], Any]]


def structure_of(tree: Any) -> Structure:
    """The structure of a pytree by the key paths of `leaves_of`. Raises FormatError."""
    import flax.serialization  # noqa: F401

    leaves, treedef = jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_empty)
    marked = jax.tree_util.tree_unflatten(treedef, [_Mark(i) for i in range(len(leaves))])
    sequences: dict[tuple[str, ...], None] = {}
    empty: list[tuple[tuple[str, ...], Any]] = []
    for path, mark in flatten(marked, expand=flax_expansion()):
        if not isinstance(mark, _Mark):
            continue
        keys, leaf = leaves[mark.index]
        if len(keys) == len(path):
            at = (path[:i] for i, key in enumerate(keys) if isinstance(key, jax.tree_util.SequenceKey))
            sequences |= dict.fromkeys(at)
        if _is_empty(leaf):
            is_named = isinstance(leaf, tuple) and hasattr(leaf, "_fields")
            empty.append((path, None if leaf is None or is_named else {}))
            if isinstance(leaf, list | tuple) and not is_named:
                sequences[path] = None
    return Structure(list(sequences), empty)


def _is_empty(node: Any) -> bool:
    return node is None or (isinstance(node, dict | list | tuple | Mapping) and not node)
