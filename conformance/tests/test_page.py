"""The reader on one page, and its second page for sealed streams: short, and right in all cases."""

import ast
import contextlib
import importlib
import re
import sys
import types
from pathlib import Path

import pytest

from conformance import NEWEST
from conformance.callables import judge_callable
from conformance.clauses import read_clauses
from conformance.clients.in_process import PAGE, PAGE_REJECTS, page_client
from conformance.judge import checks
from conformance.model import load_corpus
from docs.generators.one_page import PAGES, clauses_of

CLIENTS_FOLDER = Path(__file__).parents[1] / "clients"
LONGEST = 150  # lines that are not blank


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_a_page(name):
    text = (CLIENTS_FOLDER / name).read_text()
    assert sum(bool(line.strip()) for line in text.splitlines()) <= LONGEST
    imported = {
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names
    }
    taken = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert {one for one in imported | taken if one not in sys.stdlib_module_names} <= {"numpy", "ml_dtypes", "page"}


@pytest.mark.conformance(part="decode", spec=NEWEST, every=20)
def test_the_pages_read_every_stream(conformance_checks):
    conformance_checks.judge(PAGE["decode"], PAGE_REJECTS)


@pytest.mark.conformance(part="flax-decode", spec=NEWEST, every=20)
def test_the_pages_read_every_flax_file(conformance_checks):
    conformance_checks.judge(PAGE["flax-decode"], PAGE_REJECTS)


@pytest.mark.conformance(part="decode", spec="1.0", every=20)
@pytest.mark.slow
def test_the_first_page_alone_reads_every_stream_of_1_0(conformance_checks):
    conformance_checks.judge(lambda path: page_client.plain(str(path)), PAGE_REJECTS)


def test_every_clause_that_a_page_names_exists():
    named = {clause for name in PAGES for _, clauses in clauses_of(name) for clause in clauses}
    assert named <= set(read_clauses(NEWEST))
    assert len(named) > 50


# --- each refusal that is left out is noticed -----------------------------------------------------------------------

MODULES = ("page", "page_flax", "page_sealed", "page_client")
# Refusals that are gone without a case that shows it, each with the reason.
UNNOTICED = {
    "need(next(iter(value)) == MARKER, 'LEAF-1', at)": "what follows refuses the same map, by LEAF-10",
    "need(c.end, 'STREAM-3', 0)": "no case has a file of 0 bytes beside a seal that lists no leaf",
    "need(c.value() == name, 'INDEX-5', c.at)": "the key is not read, either, and its value is another",
    "need(path.pop() == f'__part_{i}_of_{len(row[4])}__' and path == row[0], 'PART-3', at)": "nor is the key taken off",
    "need(bytes_of(shape, width, at) == size, 'PART-2', at)": "the shapes of the boxes give the size, too",
    "need([part.shape for part in parts] == [(1,) * cut + (n, *shape[cut + 1:]) for n in boxes], 'PART-2', at)": (
        "parts that are not refused for another reason have gigabytes; `make results` has none for callables"
    ),
    "need(next(iter(root)) != MARKER, 'FLAX-3', 0)": "a chunked array at the root has a key path without a part",
    "need(type(node) is not list, 'FLAX-4', 0)": "a list is no leaf, either",
}


def is_refusal(node):
    call = node.value if isinstance(node, ast.Expr) else node.exc if isinstance(node, ast.Raise) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in ("need", "Refused") and len(call.args) > 1


def refusals():
    """The file, and the place and text, of each statement that refuses."""
    for name in PAGES:
        found = [node for node in ast.walk(ast.parse((CLIENTS_FOLDER / name).read_text())) if is_refusal(node)]
        for number, node in enumerate(found):
            if not ast.unparse(node).startswith("raise Refused(clause,"):  # the one in `need` itself
                yield pytest.param(name, number, ast.unparse(node), id=f"{name.removesuffix('.py')}-{number}")


class LeftOut(ast.NodeTransformer):
    """A program without one of its refusals."""

    def __init__(self, node):
        self.node = node

    def generic_visit(self, node):
        return ast.Pass() if node is self.node else super().generic_visit(node)


@contextlib.contextmanager
def without(name, number):
    """The client, one of whose pages lacks a refusal."""
    before = {module: sys.modules.pop(module) for module in MODULES if module in sys.modules}
    try:
        tree = ast.parse((CLIENTS_FOLDER / name).read_text())
        left_out = [node for node in ast.walk(tree) if is_refusal(node)][number]
        module = types.ModuleType(name.removesuffix(".py"))
        sys.modules[module.__name__] = module
        exec(compile(ast.fix_missing_locations(LeftOut(left_out).visit(tree)), name, "exec"), vars(module))
        yield importlib.import_module("page_client")
    finally:
        for module in MODULES:
            sys.modules.pop(module, None)
        sys.modules.update(before)


@pytest.fixture(scope="module")
def refused():
    """Cases that are refused, those made by hand first."""
    cases = [case for case in load_corpus(spec=NEWEST).cases if case.want == "reject" and case.size < 1 << 25]
    return [*checks(sorted(cases, key=lambda case: (case.rule is not None, case.size)), ("decode", "flax-decode"))]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "number", "text"), [*refusals()])
def test_a_refusal_that_is_left_out_is_noticed(name, number, text, refused):
    named = set(re.findall(r"[A-Z]+-[0-9]+", text))
    # Those of its clauses, all; and of the others that do not take long some.
    first = [check for check in refused if named & {*check.case.clauses, *check.case.also}]
    others = [check for check in refused if check.case.size < 1 << 17][::10]
    with without(name, number) as client:
        calls = {"decode": client.decode, "flax-decode": client.flax_decode}
        noticed = any(not judge(check, calls, client.page.Refused) for check in [*first, *others])
    assert noticed != (text in UNNOTICED), text


def judge(check, calls, rejects):
    return judge_callable(check, lambda path: calls[check.part](str(path)), rejects).passed
