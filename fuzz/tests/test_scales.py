"""The small scale: every module of the reference that goes by the size of a block is made to go by another."""

import ast
import importlib

import pytest

from fuzz.findings import ROOT
from fuzz.scales import SMALL, TRUE, at_scale
from reference.format import aligned, checksums, parts


def modules_with(size, chapter):
    """Those that take a size from the module of its chapter."""
    for file in (ROOT / "reference").glob("[!t]*/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            is_import = isinstance(node, ast.ImportFrom) and (node.module or "").endswith(chapter)
            if is_import and size in [alias.name for alias in node.names]:
                yield f"reference.{file.parent.name}.{file.stem}"


@pytest.mark.parametrize(
    ("name", "chapter", "field"),
    [("BLOCK", checksums, "block"), ("LEAST", aligned, "padded"), ("LARGEST_WHOLE", parts, "whole")],
)
def test_no_module_is_forgotten(name, chapter, field):
    names = modules_with(name, chapter.__name__.rpartition(".")[2])
    found = [chapter, *(importlib.import_module(module) for module in names)]
    with at_scale(SMALL):
        assert {getattr(module, name) for module in found} == {getattr(SMALL, field)}
    assert {getattr(module, name) for module in found} == {getattr(TRUE, field)}
