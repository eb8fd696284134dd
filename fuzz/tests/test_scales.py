"""The small scale: every module of the reference that goes by the size of a block is made to go by another."""

import ast
from pathlib import Path

import reference
from fuzz.scales import SMALL, TRUE, at_scale
from reference.format import checksums


def modules_with_blocks():
    """Those that take BLOCK from the chapter on checksums."""
    for file in Path(reference.__file__).parent.glob("[!t]*/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("checksums") and "BLOCK" in names:
                yield f"reference.{file.parent.name}.{file.stem}"


def test_no_module_is_forgotten():
    import importlib

    found = [importlib.import_module(name) for name in modules_with_blocks()]
    assert len(found) >= 2
    with at_scale(SMALL):
        assert {module.BLOCK for module in (checksums, *found)} == {SMALL.block}
    assert {module.BLOCK for module in (checksums, *found)} == {TRUE.block}
