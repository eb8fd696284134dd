"""Wrong programs made from right ones: each refusal left out, each limit moved by one, each comparison off at its
edge."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

# Calls that refuse, by the name of the function or method.
_REFUSING: Final = {"fail", "refuse", "refuse_file", "_refuse", "_refuse_form"}
_ERRORS: Final = {"FormatError", "with_path", "_not_canonical", "_clash_error"}
_EDGES: Final = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_LIMITS: Final = 2  # an integer constant of a module from which on it is moved: 0 and 1 are rarely limits


class Mutant(NamedTuple):
    """One file of the reference with one change, and the whole of its changed text."""

    name: str
    file: str
    line: int
    change: (
        str  # what was changed, and of several that are alike which; it does not depend on where in the file that is
    )
    text: str

    def __str__(self) -> str:
        return f"{self.name} ({self.file}:{self.line}, {self.change})"


def mutants(root: Path, file: str) -> Iterator[Mutant]:
    """All single changes of a file, named by what they change and a number, in the order of the text."""
    text = (root / file).read_text()
    stem = Path(file).stem
    seen: Counter[str] = Counter()
    for kind, change in (("refusal", _without_refusal), ("edge", _off_at_its_edge), ("limit", _with_limit_moved)):
        for number in range(1, 10_000):
            tree = ast.parse(text)
            found = change(tree, number)
            if found is None:
                break
            line, what = found
            seen[what] += 1
            what += f", number {seen[what]} of these" if seen[what] > 1 else ""
            yield Mutant(f"{stem}/{kind}-{number}", file, line, what, ast.unparse(ast.fix_missing_locations(tree)))


Changed = tuple[int, str]  # the line, and what was changed


def _without_refusal(tree: ast.Module, number: int) -> Changed | None:
    def is_refusal(node: ast.AST) -> bool:
        if isinstance(node, ast.Raise):
            return isinstance(node.exc, ast.Call) and _name(node.exc.func) in _ERRORS
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value.func) in _REFUSING

    return _replaced(tree, number, is_refusal, lambda node: ast.Pass(), "left out")


def _off_at_its_edge(tree: ast.Module, number: int) -> Changed | None:
    """Comparisons, each of those in a row, as if their limit were one more or less."""
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    compared.sort(key=lambda node: (node.lineno, node.col_offset))
    edges = [(node, i) for node in compared for i, op in enumerate(node.ops) if type(op) in _EDGES]
    if number > len(edges):
        return None
    node, i = edges[number - 1]
    what = f"off by one: {ast.unparse(node):.100}".rstrip()
    node.ops[i] = _EDGES[type(node.ops[i])]()
    return node.lineno, what


def _with_limit_moved(tree: ast.Module, number: int) -> Changed | None:
    """Integers that are given a name in the module, one more than they are."""
    named = [node for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None]

    def is_limit(node: ast.AST) -> bool:
        return isinstance(node, ast.AnnAssign) and node in named and (_number(node.value) or 0) >= _LIMITS

    def moved(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.AnnAssign)
        assert node.value
        return ast.AnnAssign(
            node.target, node.annotation, ast.BinOp(node.value, ast.Add(), ast.Constant(1)), node.simple
        )

    return _replaced(tree, number, is_limit, moved, "one more")


def _number(node: ast.AST | None) -> int | None:
    """The value of a constant or of arithmetic with constants."""
    match node:
        case ast.Constant(int(value)):
            return value
        case ast.BinOp(left, ast.LShift(), right):
            a, b = _number(left), _number(right)
            return a << b if a is not None and b is not None else None
        case ast.BinOp(left, ast.Sub(), right):
            a, b = _number(left), _number(right)
            return a - b if a is not None and b is not None else None
    return None


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _replaced(
    tree: ast.Module, number: int, chosen: Callable[[ast.AST], bool], change: Callable[[ast.AST], ast.AST], what: str
) -> Changed | None:
    """Change the number-th node that is chosen, and say which it was; None where there are fewer."""
    found = sorted((node for node in ast.walk(tree) if chosen(node)), key=lambda n: (n.lineno, n.col_offset))  # pyright: ignore
    if number > len(found):
        return None
    target = found[number - 1]

    class Change(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return change(node) if node is target else self.generic_visit(node)

    text = ast.unparse(target)
    line = target.lineno  # pyright: ignore
    Change().visit(tree)
    return line, f"{what}: {text:.100}".rstrip()
