"""The diff command, and the library functions beside it."""

import json
import subprocess
import sys

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import reference
from fuzz.equality import same
from reference import delta, diff, inspect
from reference.format.extras import how_to_install
from reference.tests.states import train_state


@pytest.fixture
def pair(tmp_path):
    """A base and a target as streams, and the names of what is made of them."""
    random = np.random.default_rng(0)
    base = {"params": {"kernel": random.standard_normal((64, 64)).astype(np.float32), "step": np.arange(3)}}
    target = {"params": {"kernel": base["params"]["kernel"] * np.float32(1.01), "step": np.arange(3)}}
    names = {name: str(tmp_path / name) for name in ("base", "target", "delta", "out")}
    reference.save(names["base"], base)
    reference.save(names["target"], target)
    return names


def command(base, other, output, *flags):
    arguments = [f"--load_base_checkpoint={base}", f"--load_target_checkpoint={other}", f"--output_file={output}"]
    return diff.main([*arguments, *flags])


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_difference_is_written_and_recovered(pair, capsys):
    assert command(pair["base"], pair["target"], pair["delta"]) == 0
    out = capsys.readouterr().out
    assert "leaves: 1 unchanged, 1 changed, 0 new, 0 left out" in out
    assert "exact: recover gives back every bit of the target" in out
    assert command(pair["base"], pair["delta"], pair["out"], "--recover_diff=True", "--jobs=1") == 0
    assert "every leaf checked by its SHA-256" in capsys.readouterr().out
    assert content(pair["out"]) == content(pair["target"])


def test_containers_may_differ_on_every_side(pair, tmp_path):
    flax_base = tmp_path / "base.msgpack"
    flax_base.write_bytes(flax.serialization.msgpack_serialize(reference.load(pair["base"])))
    assert command(f"flax::{flax_base}", f"params::{pair['target']}", pair["delta"]) == 0
    assert command(pair["base"], pair["delta"], pair["out"], "--recover_diff", "--streaming=False") == 0
    assert same(reference.load(f"flax::{pair['out']}"), reference.load(pair["target"]))
    assert command(str(flax_base), pair["delta"], f"safetensors::{pair['out']}", "--recover_diff") == 0
    found = dict(reference.records(f"safetensors::{pair['out']}"))
    assert all(same(found[path], leaf) for path, leaf in reference.records(pair["target"]))


def test_the_weights_of_a_train_state_are_a_base(tmp_path):
    state = train_state()
    reference.save(tmp_path / "state", state)
    weights = jax.tree.map(lambda x: np.asarray(x) + 1, state.params["params"])
    reference.save(tmp_path / "tuned", weights)
    base = f"trainstate_params::{tmp_path}/state"
    assert command(base, f"params::{tmp_path}/tuned", tmp_path / "delta") == 0
    assert command(base, tmp_path / "delta", tmp_path / "out", "--recover_diff") == 0
    assert content(tmp_path / "out") == content(tmp_path / "tuned")


def test_errors_take_one_line(pair, capsys):
    command(pair["base"], pair["target"], pair["delta"])
    capsys.readouterr()
    assert command(pair["target"], pair["delta"], pair["out"], "--recover_diff") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is the target of this delta, not its base (DELTA-11)" in error
    assert command(pair["base"], f"flax::{pair['delta']}", pair["out"], "--recover_diff") == 2
    assert "and flax:: asks for another kind of file" in capsys.readouterr().err
    assert command(pair["base"], pair["target"], pair["out"], "--jobs=0") == 2
    assert command(pair["base"], pair["base"] + "x", pair["out"]) == 1
    assert command(pair["base"], pair["target"], pair["out"], "--method=best") == 2


def test_the_difference_may_be_named_as_the_page_of_the_old_command_does(pair):
    assert command(pair["base"], pair["target"], pair["delta"]) == 0
    assert command(pair["base"], f"params::{pair['delta']}", pair["out"], "--recover_diff=True") == 0
    assert same(reference.load(pair["out"]), reference.load(pair["target"]))


def test_an_arithmetic_difference_says_what_it_loses(pair, capsys):
    flags = ("--method=subtract", "--float_dtype=bf16")
    assert command(pair["base"], pair["target"], pair["delta"], *flags) == 0
    printed = capsys.readouterr()
    assert "float values" in printed.out
    assert "will not come back bit for bit" in printed.out
    assert "do not load it as weights" in printed.err
    assert command(pair["base"], pair["delta"], pair["out"], "--recover_diff") == 0
    found, wanted = reference.load(pair["out"]), reference.load(pair["target"])
    assert np.allclose(found["params"]["kernel"], wanted["params"]["kernel"], atol=1e-3)
    assert same(found["params"]["step"], wanted["params"]["step"])


def test_an_arithmetic_difference_that_loses_nothing_says_so(pair, capsys):
    assert command(pair["base"], pair["base"], pair["delta"], "--method=subtract") == 0
    out = capsys.readouterr().out
    assert "all of the 4,096 float values will come back bit for bit" in out
    assert "not exact" not in out


def test_inspect_shows_what_a_delta_holds(pair, capsys):
    command(pair["base"], pair["target"], pair["delta"])
    capsys.readouterr()
    assert inspect.main([pair["delta"]]) == 0
    out = capsys.readouterr().out
    assert f"{pair['delta']}: delta, 2 leaves" in out
    assert "params/kernel  changed  16.4 kB" in out
    assert "params/step    same" in out
    assert inspect.main([pair["delta"], "--format=json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [leaf["change"] for leaf in found["leaves"]] == ["changed", "same"]
    assert found["base"] in out


@pytest.mark.parametrize("method", ["exact", "subtract"])
def test_what_computes_does_not_show(method, pair, tmp_path, monkeypatch):
    """Both ways, both methods, over 8 devices; `lowered` counts what they have been asked to compute."""

    from reference.computing import device_arithmetic, device_planes

    lowered = []
    for module in (device_arithmetic, device_planes):
        made = module._program
        monkeypatch.setattr(module, "_program", lambda *key, made=made: lowered.append(key) or made(*key))
    random = np.random.default_rng(0)
    weights = random.standard_normal(1 << 18).astype(np.float32)
    for name, array in (("base", weights), ("target", weights * np.float32(1.01))):
        reference.save(pair[name], {"w": array, "n": np.arange(3)})
    found = {}
    for backend in ("numpy", "jax"):
        made, out = str(tmp_path / f"made_{backend}"), str(tmp_path / f"out_{backend}")
        flags = (f"--method={method}", f"--backend={backend}")
        assert command(pair["base"], pair["target"], made, *flags, "--streaming=True") == 0
        assert command(pair["base"], made, out, "--recover_diff", *flags, "--streaming=True") == 0
        found[backend] = content(made), content(out)
        assert bool(lowered) == (backend == "jax")
    assert found["jax"] == found["numpy"]


def test_an_exact_delta_is_of_its_own_kind_whatever_streaming_says(pair, capsys):
    assert command(pair["base"], pair["target"], pair["delta"], "--streaming=True") == 0
    expected = content(pair["delta"])
    assert capsys.readouterr().err == ""
    assert command(pair["base"], pair["target"], pair["delta"], "--streaming=False") == 0
    assert content(pair["delta"]) == expected
    assert "note: a delta is a kind of file of its own, neither a stream nor a flax file" in capsys.readouterr().err


def test_trees_on_devices_are_a_base_and_a_target(tmp_path):
    mesh = Mesh(np.array(jax.devices()), ("x",))
    sharded = lambda array: jax.device_put(array, NamedSharding(mesh, PartitionSpec("x")))
    base = {"w": sharded(np.arange(80_000.0, dtype=np.float32).reshape(8, 10_000)), "b": jnp.ones(3)}
    target = {"w": base["w"] * 1.001, "b": jnp.ones(3)}
    report = delta.diff(base, target, tmp_path / "delta")
    assert report.same == [("b",)]
    delta.recover(base, tmp_path / "delta", tmp_path / "out")
    reference.save(tmp_path / "target", {"b": target["b"], "w": target["w"]})
    assert same(reference.load(tmp_path / "out"), {key: np.asarray(target[key]) for key in ("w", "b")})


def test_without_zstandard_it_says_what_to_install(pair):
    code = "import sys; sys.modules['zstandard'] = None; from reference import diff; sys.exit(diff.main(sys.argv[1:]))"
    arguments = [f"--load_{side}_checkpoint={pair[side]}" for side in ("base", "target")]
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments, f"--output_file={pair['out']}"], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert how_to_install("delta") in run.stderr
