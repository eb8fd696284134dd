"""Trees that people have: typed PRNG keys, old named tuples, int keys, lists, and placeholders of arrays elsewhere."""

import json
from typing import NamedTuple

import flax.serialization
import jax
import msgpack
import numpy as np
import pytest
from flax import nnx

import streamckpt as sc
from reference.commands.verbs import main
from reference.containers.damaged import read_what_is_whole
from reference.devices.prng_keys import DATA
from reference.format.errors import FormatError, UsageError
from reference.format.wire import BytesSource
from reference.verify import verify

# --- typed PRNG keys ----------------------------------------------------------------------------------


def keys(impl="threefry2x32", n=3):
    key = jax.random.key(7, impl=impl)
    return {"one": key, "more": jax.random.split(key, n), "w": np.ones(2, np.float32)}


def same_keys(a, b):
    return a.dtype == b.dtype and np.array_equal(jax.random.key_data(a), jax.random.key_data(b))


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
@pytest.mark.parametrize("blocking", [True, False])
def test_typed_keys_come_back_typed(tmp_path, impl, blocking):
    tree = keys(impl)
    handle = sc.save(tmp_path / "x", {"rngs": tree}, format="2.0", metadata={"step": 1}, blocking=blocking)
    if handle is not None:
        handle.wait()
    with sc.open(tmp_path / "x") as checkpoint:
        assert checkpoint.metadata == {"step": 1, "prng_keys": {"rngs/one": impl, "rngs/more": impl}}
        assert checkpoint.prng_keys == {("rngs", "one"): impl, ("rngs", "more"): impl}
    plain = sc.load(tmp_path / "x")["rngs"]
    assert plain["one"].dtype == np.uint32
    for like in (tree, jax.eval_shape(lambda: keys(impl))):
        found = sc.load(tmp_path / "x", "rngs", like=like)
        assert same_keys(found["one"], tree["one"])
        assert same_keys(found["more"], tree["more"])
        assert np.array_equal(jax.random.normal(found["one"], (2,)), jax.random.normal(tree["one"], (2,)))


def test_keys_of_another_implementation_do_not_fit(tmp_path):
    sc.save(tmp_path / "x", keys("rbg"), format="2.0")
    with pytest.raises(sc.TargetMismatch, match=r"one: a PRNG key of unsafe_rbg is wanted, .* one of rbg"):
        sc.load(tmp_path / "x", like=keys("unsafe_rbg"))
    with pytest.raises(sc.TargetMismatch, match="one"):
        sc.load(tmp_path / "x", like=keys("threefry2x32"))


def test_a_plain_stream_takes_the_data_of_keys_where_it_is_asked_to(tmp_path):
    tree = keys()
    for output in (tmp_path / "x", f"flax::{tmp_path}/y", f"safetensors::{tmp_path}/z"):
        with pytest.raises(FormatError, match=r"cannot hold a typed PRNG key.*: pass format='2.0' .* or keys='data' "):
            sc.save(output, tree)
    for output in (f"params::{tmp_path}/x", f"flax::{tmp_path}/y", f"safetensors::{tmp_path}/z"):
        sc.save(output, tree, keys=DATA)
        assert same_keys(sc.load(output, like=tree)["more"], tree["more"])
    with pytest.raises(UsageError, match="is not a way to store typed PRNG keys"):
        sc.save(tmp_path / "x", tree, keys="name")


def test_keys_that_are_sharded_come_back_as_they_were(tmp_path):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("a",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("a"))
    tree = {"k": jax.device_put(jax.random.split(jax.random.key(1), 8), sharding)}
    sc.save(tmp_path / "x", tree, format="2.0")
    found = sc.load(tmp_path / "x", like=tree)["k"]
    assert found.sharding == sharding
    assert same_keys(found, tree["k"])


def test_a_conversion_keeps_the_names_of_implementations(tmp_path):
    sc.save(tmp_path / "x", {"a": keys("rbg"), "b": keys()}, format="2.0")
    sc.convert(tmp_path / "x", f"params::{tmp_path}/y", prefix="a", exclude="more")
    with sc.open(tmp_path / "y") as checkpoint:
        assert checkpoint.metadata == {"prng_keys": {"one": "rbg"}}
    assert sc.convert(tmp_path / "x", f"params::{tmp_path}/z", format="1.0").metadata_left_out == ("prng_keys",)


def test_a_model_with_dropout_saves_and_resumes(tmp_path):
    def model():
        return nnx.Dropout(0.5, rngs=nnx.Rngs(3))

    trained = model()
    trained(np.ones((4, 4), np.float32))
    state = nnx.state(trained)
    sc.save(tmp_path / "x", state, format="2.0")
    again = model()
    nnx.update(again, sc.load(tmp_path / "x", like=nnx.state(again)))
    ones = np.ones((8, 8), np.float32)
    assert np.array_equal(again(ones), trained(ones))


def test_the_noise_of_an_optimizer_saves_and_resumes(tmp_path):
    optax = pytest.importorskip("optax")
    params = {"w": np.ones(3, np.float32)}
    try:
        optimizer = optax.noisy_sgd(0.1, key=jax.random.key(5))
    except TypeError:  # older ones take a seed
        optimizer = optax.noisy_sgd(0.1)
    state = optimizer.init(params)
    _, state = optimizer.update({"w": np.ones(3, np.float32)}, state, params)
    sc.save(tmp_path / "x", state, format="2.0")
    again = sc.load(tmp_path / "x", like=optimizer.init(params))
    wanted, _ = optimizer.update(params, state, params)
    found, _ = optimizer.update(params, again, params)
    assert np.array_equal(found["w"], wanted["w"])


# --- named tuples as flax stored them -----------------------------------------------------------------


class Inner(NamedTuple):
    mu: object
    nu: object


class Outer(NamedTuple):
    count: object
    inner: object


def old(value):
    """A named tuple as flax stored it until 2022."""
    if isinstance(value, tuple):
        fields = {str(i): name for i, name in enumerate(value._fields)}
        return {"name": type(value).__name__, "fields": fields, "values": {str(i): old(v) for i, v in enumerate(value)}}
    return {key: old(child) for key, child in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("kind", ["flax", "params"])
def test_old_named_tuples_migrate_as_flax_does(tmp_path, kind):
    tree = {"opt": Outer(np.int32(3), {"a": Inner(np.ones(2, np.float32), np.zeros(2, np.float32))}), "name": "x"}
    like = {"opt": Outer(np.int32(0), {"a": Inner(np.empty(2, np.float32), np.empty(2, np.float32))}), "name": "y"}
    sc.save(f"{kind}::{tmp_path}/x", old(tree))
    found = sc.load(f"{kind}::{tmp_path}/x", like=like)
    assert (type(found["opt"]), type(found["opt"].inner["a"]), found["name"]) == (Outer, Inner, "x")
    assert np.array_equal(found["opt"].inner["a"].mu, np.ones(2))
    wanted = flax.serialization.from_state_dict(like, old(tree))
    assert np.array_equal(found["opt"].inner["a"].nu, wanted["opt"].inner["a"].nu)
    # A tree that has such parts itself is left alone.
    own = {"fields": {"0": "a"}, "name": "n", "values": {"0": 1}}
    sc.save(tmp_path / "own", {"t": own})
    assert sc.load(tmp_path / "own", like={"t": own}) == {"t": own}


class Nothing(NamedTuple):
    """As optax's EmptyState."""


def test_an_old_named_tuple_without_fields_is_nothing(tmp_path):
    tree = {"opt": {"0": Outer(np.int32(3), Nothing()), "1": Nothing()}, "w": np.ones(2)}
    like = {"opt": {"0": Outer(np.int32(0), Nothing()), "1": Nothing()}, "w": np.zeros(2)}
    (tmp_path / "x").write_bytes(flax.serialization.msgpack_serialize(old(tree)))
    found = sc.load(f"flax::{tmp_path}/x", like=like)
    assert jax.tree.structure(found) == jax.tree.structure(like)
    assert (found["opt"]["0"].count, found["w"][1]) == (3, 1)
    # One that has a field which the target lacks is told.
    (tmp_path / "y").write_bytes(flax.serialization.msgpack_serialize(old({**tree, "more": Inner(np.ones(1), None)})))
    with pytest.raises(sc.TargetMismatch, match="only in the checkpoint"):
        sc.load(f"flax::{tmp_path}/y", like=like)


# --- int keys and lists of flax files -----------------------------------------------------------------


def test_int_keys_become_texts_and_a_note_says_so(tmp_path):
    (tmp_path / "x").write_bytes(msgpack.packb({"h": {0: 1.5, -1: 5, "b": 1}}))
    note = "x: 2 keys are ints, and were read as the texts of their digits"
    with pytest.warns(UserWarning, match=note), sc.open(f"flax::{tmp_path}/x") as checkpoint:
        assert list(checkpoint) == [("h", "0"), ("h", "-1"), ("h", "b")]
    with pytest.warns(UserWarning, match=note):
        assert sc.load(tmp_path / "x") == {"h": {"0": 1.5, "-1": 5, "b": 1}}
    with pytest.warns(UserWarning, match=note):
        assert sc.load(tmp_path / "x", like={"h": {0: 0.0, -1: 0}}, exclude="h/b") == {"h": {0: 1.5, -1: 5}}
    with pytest.warns(UserWarning, match=note):
        sc.convert(tmp_path / "x", f"params::{tmp_path}/y")
    assert sc.load(tmp_path / "y")["h"]["-1"] == 5
    with pytest.warns(UserWarning, match=note):
        sc.salvage(f"flax::{tmp_path}/x", f"flax::{tmp_path}/z")
    assert sc.load(f"flax::{tmp_path}/z")["h"]["b"] == 1


def test_commands_note_int_keys_in_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "x").write_bytes(msgpack.packb({7: 1.5}))
    note = "note: x: 1 key is an int, and was read as the text of its digits\n"
    monkeypatch.chdir(tmp_path)
    for words in ("inspect x", "convert x flax::y", "salvage x z", "compare x y", "compare y z"):
        assert main(words.split()) == 0
        assert capsys.readouterr().err == (note if "x" in words.split() else "")
    assert main(["convert", "x", "flax::y", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_int_keys_stay_refused_where_a_file_is_checked(tmp_path, capsys):
    (tmp_path / "x").write_bytes(msgpack.packb({"h": {0: 1}}))
    wanted = r"x: a key is of kind int, not str \(FLAX-2, byte 4, leaf h\); .*`streamckpt convert IN flax::OUT`"
    with pytest.raises(FormatError, match=wanted):
        verify(f"flax::{tmp_path}/x")
    with pytest.raises(FormatError, match=wanted):
        sc.open(tmp_path / "x", dialect="strict")
    with pytest.warns(UserWarning, match="1 key is an int"), sc.open(tmp_path / "x") as checkpoint:  # noqa: SIM117
        with pytest.raises(FormatError, match=wanted):
            verify(checkpoint)
    with sc.open(tmp_path / "x", dialect="int-keys") as checkpoint:  # whoever asks is not told
        assert [each.note for each in verify(checkpoint)] == ["is the first leaf that is not in canonical form"]
    assert main(["verify", f"{tmp_path}/x"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("keys", [(0, "0"), ("0", 0)])
def test_int_keys_that_clash_are_refused(tmp_path, keys):
    (tmp_path / "x").write_bytes(msgpack.packb(dict.fromkeys(keys, 1)))
    wanted = "a map has the keys 0 \\(an int\\) and '0' \\(a text\\), and both would become '0' \\(FLAX-5, byte [34]"
    for dialect in (None, "int-keys"):
        with pytest.raises(FormatError, match=wanted):
            sc.open(f"flax::{tmp_path}/x", dialect=dialect)
    (tmp_path / "x").write_bytes(b"\x82\0\1\0\1")
    with pytest.raises(FormatError, match="the key '0' occurs twice in a map"):
        sc.open(f"flax::{tmp_path}/x")


def test_int_keys_of_shards_are_noted_and_salvaged(tmp_path):
    for i in range(2):
        data = msgpack.packb({"h": {i: i}})
        (tmp_path / f"flax_model-0000{i + 1}-of-00002.msgpack").write_bytes(data)
    where = {f"h/{i}": f"flax_model-0000{i + 1}-of-00002.msgpack" for i in range(2)}
    (tmp_path / "flax_model.msgpack.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    with pytest.warns(UserWarning, match="2 keys are ints"):
        assert sc.load(tmp_path) == {"h": {"0": 0, "1": 1}}
    with pytest.warns(UserWarning, match="2 keys are ints"):
        assert sc.salvage(tmp_path, tmp_path / "out").losses == []


def test_lists_are_refused_by_name_and_skipped_by_salvage(tmp_path):
    tree = {
        "a": {"w": np.ones(3, np.float32)},
        "l": [1, {"x": [b"1", "2", 3.5, None]}, np.ones(2)],
        "z": {"b": 2},
        "m": [],
    }
    data = flax.serialization.msgpack_serialize(tree)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError, match=r"there is a list in the tree \(FLAX-4, byte \d+, leaf l\)"):
        sc.open(f"flax::{tmp_path}/x")
    report = sc.salvage(f"flax::{tmp_path}/x", f"flax::{tmp_path}/y")
    assert [error.path for _, _, error in report.losses] == [("l",), ("m",)]
    found = sc.load(f"flax::{tmp_path}/y")
    assert (found["z"], list(found)) == ({"b": 2}, ["a", "z"])
    for cut in range(len(data)):  # a list that is cut off is lost as the rest is
        found = read_what_is_whole(BytesSource(data[:cut]))
        assert all(0 <= loss.offset <= loss.end <= cut for loss in found.losses), found


@pytest.mark.parametrize("again", [{"v": np.ones(2)}, 7, [1, {"x": 2}]], ids=["a map", "a leaf", "a list"])
def test_what_has_a_key_twice_is_salvaged_the_first_time(tmp_path, again):
    """Two maps made one, as by hand: `0` of JSON beside 0 of Python."""
    tree = {"a": 1, "h": {0: {"w": np.zeros(3)}, "0": again, 1: {"w": np.ones(3)}}, "z": {"b": 2}}
    data = flax.serialization.msgpack_serialize(tree, in_place=True)  # jax cannot order such keys
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError, match=r"both would become '0'.*; `streamckpt salvage` takes the first of them"):
        sc.open(f"flax::{tmp_path}/x")
    with pytest.warns(UserWarning, match="2 keys are ints"):
        report = sc.salvage(f"flax::{tmp_path}/x", f"flax::{tmp_path}/y")
    ((start, end, error),) = report.losses
    assert data[start:end] == b"\xa10" + flax.serialization.msgpack_serialize(again)
    assert (error.clause, error.path) == ("FLAX-5", ("h",))
    found = sc.load(f"flax::{tmp_path}/y")
    assert (list(found), list(found["h"]), list(found["h"]["0"])) == (["a", "h", "z"], ["0", "1"], ["w"])
    for cut in range(1, len(data)):
        losses = read_what_is_whole(BytesSource(data[:cut])).losses
        assert losses
        assert all(0 <= loss.offset <= loss.end <= cut for loss in losses), losses
