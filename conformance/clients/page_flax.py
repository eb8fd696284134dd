"""A reader of standard flax files, of what `page.py` has."""

from page import MARKER, Cursor, leaf, limited, need


class Tree(Cursor):
    """The root of a flax file: a map of maps."""

    deep, keyed, twice = 514, "FLAX-2", "FLAX-5"


def flax(data):
    """The key path and the leaf of each entry; `data` is a memoryview."""
    c = Tree(data, 0, len(data), "FLAX-6")
    root = c.value() if len(data) else None
    need(type(root) is dict and root and c.at == c.end, "FLAX-1", c.at)
    need(next(iter(root)) != MARKER, "FLAX-3", 0)
    nodes, told = [([], root)], 0
    while nodes:
        path, node = nodes.pop()
        if type(node) is dict and node and next(iter(node)) != MARKER:
            need(MARKER not in node, "FLAX-3", 0)
            nodes += [([*path, key], child) for key, child in reversed(node.items())]
            continue
        need(type(node) is not list, "FLAX-4", 0)
        told += sum(len(part.encode()) + 8 for part in path)
        need(told <= 64 * len(data) + (1 << 20), "FLAX-8", 0)
        yield limited(path, 0), leaf(node, 0)[0]
