"""Loading into the structure and types of a target tree, and choosing leaves."""

import re

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.core import FrozenDict, freeze

import reference
from fuzz.equality import same
from reference.format.errors import UsageError
from reference.tests.states import OPTIMIZERS, equal, train_state
from reference.tests.versions import nnx


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_train_state_comes_back_as_it_was(optimizer, path):
    state = train_state(optimizer)
    reference.save(path, state)
    like = train_state(optimizer, seed=1)
    assert not equal(like, state)
    loaded = reference.load(path, like=like)
    assert equal(loaded, state)
    assert type(loaded.opt_state) is type(state.opt_state)
    shapes = jax.eval_shape(lambda: state)
    assert equal(reference.load(path, like=shapes), state)


def test_a_fresh_state_takes_a_trained_one(path):
    """A new state counts its steps in a Python int, a trained one in an array, and either way round."""
    state = train_state()
    reference.save(path, state.replace(step=np.int32(7)))
    assert reference.load(path, like=state.replace(step=0)).step == 7
    reference.save(path, state.replace(step=8))
    loaded = reference.load(path, like=state.replace(step=jnp.zeros((), jnp.int32)))
    assert isinstance(loaded.step, jax.Array)
    assert loaded.step == 8


def test_an_nnx_state_goes_to_the_file_and_back(path):
    state, other = (nnx.state(nnx.Linear(2, 3, rngs=nnx.Rngs(seed))) for seed in (0, 1))
    reference.save(path, {"model": state, "step": 3})
    assert next(str(reference.KeyPath(record.path)) for record in reference.scan(path)).startswith("model/")
    loaded = reference.load(path, like={"model": other, "step": 0})
    assert type(loaded["model"]) is type(state)
    assert equal(loaded["model"], state)
    assert not equal(other, state)


@pytest.mark.skipif(not hasattr(flax, "nnx"), reason="nnx of flax 0.8.3 has a Sequential of one layer at most")
def test_nnx_states_go_to_the_file_and_back(path):
    module = nnx.Sequential(nnx.Linear(2, 3, rngs=nnx.Rngs(0)), nnx.BatchNorm(3, rngs=nnx.Rngs(0)))
    state = nnx.state(module)
    reference.save(path, state)
    assert "layers/0/kernel" in [str(reference.KeyPath(record.path)) for record in reference.scan(path)]
    other = nnx.state(nnx.Sequential(nnx.Linear(2, 3, rngs=nnx.Rngs(1)), nnx.BatchNorm(3, rngs=nnx.Rngs(1))))
    loaded = reference.load(path, like=other)
    assert type(loaded) is type(state)
    assert equal(loaded, state)
    nnx.update(module, loaded)


def test_an_nnx_module_is_refused_with_what_to_save(path):
    with pytest.raises(reference.FormatError, match=r"not a Linear .*nnx.state\(module\)"):
        reference.save(path, nnx.Linear(2, 3, rngs=nnx.Rngs(0)))


def test_frozen_and_boxed_trees_keep_their_classes(path):
    tree = freeze({"a": nn.Partitioned(jnp.arange(4.0), names=("x",)), "b": [jnp.ones(2), (np.int8(3),)]})
    reference.save(path, tree)
    like = jax.tree.map(np.zeros_like, tree)
    loaded = reference.load(path, like=like)
    assert isinstance(loaded, FrozenDict)
    assert loaded["a"].names == ("x",)
    assert equal(loaded, tree)


def test_numpy_targets_give_numpy_and_python_targets_give_python(path):
    tree = {
        "array": np.arange(3),
        "scalar": np.float32(2),
        "int": 3,
        "float": 1.5,
        "text": "é",
        "raw": b"x",
        "nil": None,
    }
    reference.save(path, {**tree, "flag": True, "whole": 2, "zero": np.int64(4)})
    like = {
        "array": np.zeros(3, int),
        "scalar": np.float32(0),
        "int": 0,
        "float": 0.0,
        "text": "",
        "raw": b"",
        "nil": None,
    }
    loaded = reference.load(path, like={**like, "flag": False, "whole": 0.0, "zero": 0})
    assert same({key: loaded[key] for key in tree}, tree)
    assert (loaded["flag"], loaded["whole"], loaded["zero"]) == (True, 2.0, 4)
    assert (type(loaded["whole"]), type(loaded["zero"])) == (float, int)


def test_all_that_does_not_fit_is_one_report(path):
    reference.save(path, {"a": np.zeros((2, 3)), "b": {"c": np.zeros(2, np.int8), "d": 1}, "e": "text", "f": 1.5})
    like = {"a": np.zeros((3, 2)), "b": {"c": np.zeros(2, np.float32), "z": 0}, "e": 1, "f": 0}
    with pytest.raises(reference.TargetMismatch) as caught:
        reference.load(path, like=like)
    error = caught.value
    assert error.missing == [("b", "z")]
    assert error.unexpected == [("b", "d")]
    assert error.shapes == [(("a",), "float64[3,2]", "float64[2,3]")]
    assert [entry[0] for entry in error.dtypes] == [("b", "c"), ("e",), ("f",)]
    text = str(error)
    assert str(path) in text
    assert "    a: float64[3,2] is wanted, the checkpoint holds float64[2,3]" in text
    assert "    b/c: float32[2] is wanted, the checkpoint holds int8[2]" in text
    assert "    f: Python's int is wanted, the checkpoint holds float 1.5" in text


def test_a_target_of_none_may_be_missing_and_takes_nothing_else(path):
    reference.save(path, {"a": 1, "nil": None})
    assert reference.load(path, like={"a": 0, "nil": None, "gone": None}) == {"a": 1, "nil": None, "gone": None}
    with pytest.raises(reference.TargetMismatch) as caught:
        reference.load(path, like={"a": None, "nil": np.zeros(())})
    assert [entry[0] for entry in caught.value.dtypes] == [("a",), ("nil",)]


def test_a_numpy_scalar_stays_one_and_integers_that_do_not_fit_are_named(path):
    reference.save(path, {"a": 1.5, "b": 300})
    loaded = reference.load(path, like={"a": np.float32(0), "b": np.int16(0)})
    assert same(loaded, {"a": np.float32(1.5), "b": np.int16(300)})
    with pytest.raises(ValueError, match="b: the integers 300 to 300 do not fit in int8"):
        reference.load(path, like={"a": 0.0, "b": np.int8(0)})


def test_what_is_no_tree_is_no_target(path):
    reference.save(path, {"a": 1.5})
    with pytest.raises(reference.FormatError, match="a target is a tree of leaves, not an ndarray"):
        reference.load(path, like=np.zeros(3))
    with pytest.raises(UsageError, match="take globs and compiled expressions, not 97"):
        reference.load(path, include=b"a")


def test_a_long_report_is_cut_short(path):
    reference.save(path, {str(i): i for i in range(100)})
    with pytest.raises(reference.TargetMismatch, match=r"100 only in the checkpoint") as caught:
        reference.load(path, like={"a": 1})
    assert "... and 92 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 20


TREE = {"base": {"kernel": np.ones(3), "lora_a": np.arange(2)}, "head": {"lora_a": np.arange(3), "bias": np.zeros(1)}}


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        ("*lora*", None, ["base/lora_a", "head/lora_a"]),
        (["head/*", "*/kernel"], None, ["base/kernel", "head/lora_a", "head/bias"]),
        (None, "*lora*", ["base/kernel", "head/bias"]),
        ("head/*", re.compile("bias$"), ["head/lora_a"]),
        (re.compile(r"lora_\w"), ["base/*"], ["head/lora_a"]),
        ("kernel", re.compile("x"), None),
    ],
)
def test_leaves_are_chosen_by_globs_and_expressions(include, exclude, names, path):
    reference.save(path, TREE)
    if names is None:
        with pytest.raises(UsageError, match="select no leaf; the first leaves of the file are: base/kernel"):
            reference.load(path, include=include, exclude=exclude)
        return
    loaded = reference.load(path, include=include, exclude=exclude)
    found = [f"{a}/{b}" for a in loaded for b in loaded[a]]
    assert found == names


def test_only_chosen_leaves_are_read(path, monkeypatch):
    reference.save(path, {"large": np.zeros(1 << 20), "small": np.arange(3)})
    read = []
    monkeypatch.setattr("os.preadv", lambda fd, views, at: pytest.fail("the large leaf is read"))
    whole = reference.storage.local_files.os.pread
    monkeypatch.setattr("os.pread", lambda fd, n, at: (read.append(n), whole(fd, n, at))[1])
    assert same(reference.load(path, include="small"), {"small": np.arange(3)})
    assert sum(read) < 1 << 16


def test_what_is_left_out_stays_as_the_target_has_it(path):
    reference.save(path, TREE)
    like = {"base": {"kernel": np.zeros(3), "lora_a": np.full(7, 7)}, "new": {"w": np.full(2, 5.0)}}
    loaded = reference.load(path, like=like, include="base/kernel")
    assert same(loaded, {**like, "base": {"kernel": np.ones(3), "lora_a": np.full(7, 7)}})
    with pytest.raises(reference.TargetMismatch) as caught:
        reference.load(path, like=like, exclude="*lora*")
    assert caught.value.missing == [("new", "w")]
    assert caught.value.unexpected == [("head", "bias")]


def test_prefixes_and_flax_files_fill_targets_too(path, tmp_path):
    import flax.serialization

    state = train_state()
    reference.save(path, state)
    like = jax.tree.map(np.zeros_like, state.params["params"])
    assert equal(reference.load(f"trainstate_params::{path}", like=like), state.params["params"])
    assert equal(reference.load(path, "params/params", like=like), state.params["params"])
    flax_file = tmp_path / "flax"
    flax_file.write_bytes(flax.serialization.to_bytes(state.params["params"]))
    assert equal(reference.load(f"flax::{flax_file}", like=like), state.params["params"])


@pytest.mark.parametrize(
    ("outer", "inner", "says"),
    [
        ("params", "", "all that is missing is below params: give load that prefix, 'params'"),
        ("a/b", "", "all that is missing is below a/b: give load that prefix, 'a/b'"),
        ("", "params", "the target has below params what the checkpoint has at its root"),
        ("", "", None),
    ],
)
def test_a_level_too_many_or_too_few_is_named(tmp_path, outer, inner, says):
    def below(root, tree):
        for part in reversed(root.split("/") if root else []):
            tree = {part: tree}
        return tree

    tree = {"h": {"w": np.ones((2, 3), np.float32)}, "b": np.zeros(3, np.float32)}
    reference.save(tmp_path / "x", {**below(outer, tree), "step": np.array(3)})
    like = {**below(inner, tree), **({} if outer else {"step": np.array(3)}), **({} if says else {"c": tree["b"]})}
    with pytest.raises(reference.TargetMismatch) as caught:
        reference.load(tmp_path / "x", like=like)
    text = str(caught.value)
    assert says in text if says else "below" not in text
    if outer:
        assert np.array_equal(reference.load(tmp_path / "x", outer, like=like)["h"]["w"], tree["h"]["w"])
