"""The Python that the README and the site's first page show passes pyright and mypy, as a reader's own would."""

import os
import re
import subprocess
import sys

import pytest

# Those of the guides are run by the tests of the site.
PAGES = ("README.md", "docs/pages/index.md")
# What they take for granted: names of the reader's own.
GIVEN = """
import re
from typing import Any
import jax
import streamckpt as sc
train_state: Any = None
shapes: Any = None
shardings: Any = None
target: Any = None
state: Any = None
path: Any = None
"""


@pytest.fixture(scope="module")
def modules(root, tmp_path_factory):
    """A module for each block of code, in one folder."""
    folder = tmp_path_factory.mktemp("typing")
    for page in PAGES:
        blocks = re.findall(r"^```python\n(.*?)^```", (root / page).read_text(), flags=re.M | re.S)
        assert blocks, f"{page} shows no Python"
        for i, block in enumerate(blocks):
            (folder / f"{page[:-3].replace('/', '_').lower()}_{i}.py").write_text(GIVEN + block)
    (folder / "public.py").write_text(PUBLIC)
    return folder


# What the signatures promise, as pyright and mypy see it.
PUBLIC = """
from pathlib import Path
from typing import assert_type
import numpy as np
import streamckpt as sc

saving = sc.save("x", {"a": np.zeros(3)}, blocking=False)
assert_type(saving, sc.Saving)
assert_type(saving.done(), bool)
with sc.open(Path("x"), mmap=True) as checkpoint:
    assert_type(checkpoint, sc.Checkpoint)
    assert_type(len(checkpoint), int)
    assert_type(checkpoint.record("a"), sc.Record)
assert_type(sc.scan("x"), list[sc.Record])
for path, leaf in sc.records("x"):
    assert_type(path, tuple[str, ...])
assert_type(sc.convert("x", "y", float_dtype="bf16"), sc.ConvertReport)
assert_type(sc.diff("x", {"a": np.zeros(3)}, "d"), sc.DiffReport)
assert_type(sc.recover("x", "d", "y"), sc.RecoverReport)
assert_type(sc.compare("x", "y"), sc.Comparison)
assert_type(sc.salvage("x", None), sc.SalvageReport)
assert_type(sc.verify("x"), list[sc.Finding])
try:
    sc.load("x")
except sc.FormatError as error:
    assert_type(error.clause, str)
    assert_type(error.offset, int | None)
"""


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["pyright", "mypy"])
def test_what_is_shown_is_well_typed(modules, root, checker, tmp_path):
    pytest.importorskip(checker, reason=f"{checker} is not installed: make lint installs it")
    environment = {**os.environ, "PYTHONPATH": str(root), "MYPYPATH": str(root)}
    if checker == "pyright":
        command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(modules)]
    else:
        flags = ["--follow-imports=silent", "--ignore-missing-imports", f"--cache-dir={tmp_path}", "--no-error-summary"]
        command = [sys.executable, "-m", "mypy", *flags, str(modules)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=modules)
    assert run.returncode == 0, run.stdout + run.stderr
