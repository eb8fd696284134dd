"""The installed msgpack, in C and in Python, on sealed streams; `python -m fuzz.old_loaders` tries many more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.old_loaders.__main__ import HERE, judged
from fuzz.old_loaders.files import GIVEN, expected, write_all

NAMES = [name for name in GIVEN if name not in ("large-array", "metadata")]  # which take a while in pure Python


@pytest.mark.slow
@pytest.mark.parametrize("pure", [False, True], ids=["C", "Python"])
def test_old_loaders_read_sealed_streams(pure, tmp_path):
    write_all(tmp_path / "files", NAMES)
    variables = os.environ | ({"MSGPACK_PUREPYTHON": "1"} if pure else {})
    command = [sys.executable, HERE / "reading.py", tmp_path / "files"]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True)
    told = json.loads(done.stdout)
    assert told["versions"]["unpacker"] == ("Python" if pure else "C")
    lines = list(judged(told["found"], "", {name: expected(name) for name in NAMES}))
    assert len(lines) == 6
    for line in lines:
        assert set(line.outcomes.values()) == {"yes"}, line


def test_what_reads_on_its_own_imports_nothing_of_the_project():
    for name in ("reading.py", "classes.py"):
        text = (Path(HERE) / name).read_text()
        assert "import fuzz" not in text
        assert "from fuzz" not in text
        assert "from reference" not in text
