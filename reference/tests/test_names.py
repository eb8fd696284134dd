"""`streamckpt` and `reference` are one library under two names."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reference
import streamckpt as sc
from reference import checkpointer, convert, delta, salvage, verify
from reference.format.extras import how_to_install
from streamckpt.checkpointer import StreamingCheckpointer

WEIGHTS = {"a": {"w": np.arange(6.0)}}


def test_both_names_mean_the_same_objects():
    for name in reference.__all__:
        assert getattr(sc, name) is getattr(reference, name), name
    for module, names in (
        (convert, ["convert", "ConvertReport"]),
        (delta, delta.__all__),
        (salvage, ["salvage", "SalvageReport", "Doubt"]),
        (verify, ["verify", "Finding", "NotedLeaf"]),
        (checkpointer, ["StreamingCheckpointer"]),
    ):
        for name in names:
            assert getattr(sc, name) is getattr(module, name), name
            assert name in sc.__all__
    assert sc.StreamingCheckpointer is StreamingCheckpointer
    assert (sc.__version__, sc.SPEC_VERSION) == (reference.__version__, reference.SPEC_VERSION)


def test_every_public_name_is_there_and_documented():
    assert len(set(sc.__all__)) == len(sc.__all__)
    for name in sc.__all__:
        found = getattr(sc, name)
        assert isinstance(found, str) or found.__doc__, f"{name} says nothing of itself"
    assert {name for name in dir(sc) if not name.startswith("__")} == set(sc.__all__) - {"__version__"}
    assert "__version__" in dir(sc)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        sc.lode  # noqa: B018


def test_differences_are_there_without_a_second_import():
    code = "import streamckpt as sc; print(sc.delta.diff is sc.diff, sc.delta.recover.__module__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split()[0] == "True"
    for name in delta.__all__:
        assert getattr(sc.delta, name) is getattr(delta, name)


LACKING = """
import sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "{}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Lacking())
"""


@pytest.mark.parametrize("missing", ["jax", "flax"])
@pytest.mark.parametrize(
    "ask",
    [
        "sc.StreamingCheckpointer",
        "import streamckpt.checkpointer",
        "sc.load('x', like={'a': {'w': np.zeros(6)}})",
    ],
)
def test_what_needs_jax_says_what_to_install(missing, ask, tmp_path):
    """In a Python that has none: the rest works there."""
    code = f"{LACKING.format(missing)}import numpy as np, streamckpt as sc\n"
    code += "sc.save('x', {'a': {'w': np.arange(6.0)}})\nassert sc.load('x')['a']['w'][5] == 5\n"
    run = subprocess.run([sys.executable, "-c", code + ask], capture_output=True, text=True, cwd=tmp_path)
    if missing == "flax" and run.returncode == 0:
        assert "load" in ask  # which takes flax where it is there
        return
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert last.endswith(f"needs {missing}, which is not installed: {how_to_install('jax')}")


def test_a_module_at_the_top_is_no_function_of_the_library_and_hides_none(tmp_path):
    """Importing reference.convert and its like changes nothing under the other name."""
    code = (
        "import streamckpt as sc, reference.convert, reference.diff, reference.compare, reference.verify, "
        "reference.inspect, reference.salvage, reference.delta, sys\n"
        "assert all(callable(getattr(sc, name)) for name in 'convert diff compare verify salvage records'.split())\n"
        "assert callable(reference.records)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_is_as_light_as_the_other_name():
    names = "('jax', 'flax', 'rich', 'safetensors', 'zstandard', 'pytest')"
    code = f"import sys, streamckpt; print([m for m in {names} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["streamckpt", "reference"])
def test_all_commands_stand_under_one_name(tmp_path, module):
    sc.save(tmp_path / "x", WEIGHTS)
    run = subprocess.run([sys.executable, "-m", module, "inspect", tmp_path / "x"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert "float64[6]" in run.stdout
    run = subprocess.run([sys.executable, "-m", module, "inspekt"], capture_output=True, text=True)
    assert run.returncode == 2


def test_both_say_that_they_are_typed(root: Path):
    assert (root / "streamckpt/py.typed").exists()
    assert (root / "reference/py.typed").exists()


def test_the_functions_take_what_their_fellows_take(tmp_path):
    """One spelling for each idea: a keyword means the same wherever it stands."""
    sc.save(tmp_path / "a", WEIGHTS, float_dtype="fp32")
    sc.convert(tmp_path / "a", tmp_path / "b", float_dtype="bf16", include="a/*", progress=False)
    assert sc.load(tmp_path / "b", include="a/*")["a"]["w"].dtype.name == "bfloat16"
    assert sc.compare(tmp_path / "a", tmp_path / "b", include="a/*", progress=False).count("changed") == 1
    sc.diff(tmp_path / "a", tmp_path / "b", tmp_path / "d", progress=False)
    sc.recover(tmp_path / "a", tmp_path / "d", tmp_path / "c", float_dtype="fp16", progress=False)
    assert sc.load(tmp_path / "c")["a"]["w"].dtype == np.float16
    assert sc.verify(tmp_path / "c", progress=False) == []


def test_a_name_that_is_mistyped_is_told_with_what_may_be_meant():
    with pytest.raises(AttributeError) as caught:
        sc.lod  # type: ignore[attr-defined]  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("lod", sc)  # from which Python makes "Did you mean: 'load'?"


@pytest.mark.parametrize("call", [sc.load, sc.open, sc.scan, sc.verify, lambda path: sc.save(path, {"a": 1})])
@pytest.mark.parametrize("path", [b"weights", None, {"a": 1}, 3])
def test_what_cannot_name_a_checkpoint_is_said_to_be_what_it_is(call, path):
    with pytest.raises(TypeError, match=f"named by a path or a URL, a str or a Path, not {type(path).__name__}$"):
        call(path)


def test_a_leaf_is_named_where_a_subtree_is_asked_for(tmp_path):
    sc.save(tmp_path / "x", {"head": {"a b": 1}})
    with pytest.raises(sc.FormatError) as caught:
        sc.load(tmp_path / "x", "head/a b")
    assert "sc.open(path)['head/a b'] reads it, and a command takes it by --include='head/a b'" in str(caught.value)
    with sc.open(tmp_path / "x") as checkpoint:
        assert checkpoint["head/a b"] == 1
