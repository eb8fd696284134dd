"""Arrays on 8 devices, saved from any sharding and loaded onto any other."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

import reference
from fuzz.equality import same
from reference.devices import device_to_host, host_to_device, shards
from reference.devices.device_to_host import Outflow
from reference.devices.restoring import sharding_of
from reference.devices.shards import parts_of
from reference.format.dtypes import dtype_of
from reference.format.leaves import Leaf
from reference.tests.versions import enable_x64, has_dtype

P = PartitionSpec
WHOLE = P()
MESH = Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b"))
SPECS = [P(), P("a"), P("b"), P(None, "b"), P("a", "b"), P("b", "a"), P(("a", "b")), P(None, ("b", "a"))]


def sharded(array, spec=WHOLE, mesh=MESH):
    return jax.device_put(array, NamedSharding(mesh, spec))


def struct(array, spec=WHOLE, dtype=None):
    return jax.ShapeDtypeStruct(array.shape, dtype or array.dtype, sharding=NamedSharding(MESH, spec))


def on_host(tree):
    return {key: np.asarray(value) for key, value in tree.items()}


@pytest.fixture(params=["small", "host", "accelerator"])
def route(request, monkeypatch):
    """The ways taken by small arrays, where device memory is the host's, and by accelerators; all on CPU devices."""
    if request.param != "small":
        monkeypatch.setattr(device_to_host, "_TAKEN_WHOLE", -1)
        monkeypatch.setattr(host_to_device, "_READ_WHOLE", -1)
    if request.param == "accelerator":
        monkeypatch.setattr(shards, "_HOST", "none")
        monkeypatch.setattr(device_to_host, "TRANSFER", 1 << 10)
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x"


def bits(shape, dtype, seed=0):
    """An array with any bits in it that carry a value."""
    raw = np.random.default_rng(seed).integers(0, 256, (*shape, np.dtype(dtype).itemsize), np.uint8)
    limit = {"bool": 1, "int4": 15, "uint4": 15, "int2": 3, "uint2": 3, "float4_e2m1fn": 15}.get(np.dtype(dtype).name)
    raw = raw & np.uint8(limit) if limit else raw
    return raw.reshape(-1).view(dtype).reshape(shape)


DTYPES = [
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "bfloat16", "float32", "complex64"),
    *("int4", "uint4", "int2", "uint2", "float4_e2m1fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_goes_to_the_file_and_back_bit_for_bit(name, path, route):
    dtype = dtype_of(name)
    has_dtype(dtype, route == "accelerator")
    tree = {
        "matrix": bits((8, 16), dtype),
        "scalar": bits((), dtype),
        "empty": bits((0, 3), dtype),
        "deep": bits((1,) * 14 + (2, 3, 2), dtype),
    }
    placed = {key: sharded(array, P("a", "b") if key == "matrix" else P()) for key, array in tree.items()}
    reference.save(path, placed)
    by_numpy = path.with_name("y")
    reference.save(by_numpy, tree)
    assert path.read_bytes() == by_numpy.read_bytes()
    loaded = reference.load(path, like=placed)
    assert same({key: np.asarray(loaded[key]) for key in tree}, tree)
    assert all(loaded[key].sharding == placed[key].sharding for key in tree)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("float_dtype", [None, "bf16"])
def test_a_sharded_array_is_saved_as_the_whole_one(spec, float_dtype, path, route):
    tree = {"w": bits((64, 48), np.uint16).view(np.int16).astype(np.float32), "b": bits((40,), np.float16)}
    reference.save(path, {"w": sharded(tree["w"], spec), "b": sharded(tree["b"], P(("a", "b")))}, float_dtype)
    by_numpy = path.with_name("y")
    reference.save(by_numpy, tree, float_dtype)
    assert path.read_bytes() == by_numpy.read_bytes()


@pytest.mark.sampled(5)
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_any_sharding_is_loaded_from_any_other(spec, path, route):
    array = bits((16, 24), np.float32)
    reference.save(path, {"w": sharded(array, P("b", "a"))})
    loaded = reference.load(path, like={"w": struct(array, spec)})["w"]
    assert loaded.sharding == NamedSharding(MESH, spec)
    assert same(np.asarray(loaded), array)
    small = Mesh(np.array(jax.devices()[2:5]), ("x",))
    loaded = reference.load(path, like={"w": sharded(np.zeros((16, 24), np.float32), P(None, "x"), small)})["w"]
    assert loaded.sharding.mesh == small
    assert same(np.asarray(loaded), array)


def test_where_no_sharding_is_given_the_default_device_is_taken(path):
    array = bits((4, 4), np.int32)
    reference.save(path, {"w": array})
    for like in (jnp.zeros((4, 4), jnp.int32), jax.ShapeDtypeStruct((4, 4), np.int32)):
        loaded = reference.load(path, like={"w": like})["w"]
        assert loaded.devices() == {jax.devices()[0]}
        assert sharding_of(loaded) is None
        assert same(np.asarray(loaded), array)
    like = jax.device_put(jnp.zeros((4, 4), jnp.int32), jax.devices()[3])
    assert reference.load(path, like={"w": like})["w"].sharding == SingleDeviceSharding(jax.devices()[3])


@pytest.mark.parametrize(("old", "new"), [("float32", "bfloat16"), ("bfloat16", "float32"), ("float16", "bfloat16")])
def test_a_dtype_changes_where_the_target_has_another(old, new, path, route):
    old, new = (np.dtype(getattr(ml_dtypes, name, None) or name) for name in (old, new))
    array = np.random.default_rng(1).standard_normal((8, 64)).astype(old)
    reference.save(path, {"w": array, "n": np.arange(8), "same": array, "one": array[0, 0]})
    like = {"w": struct(array, P("a", "b"), new), "n": struct(np.zeros(8, np.int32), P("a")), "same": struct(array)}
    like["one"] = jax.ShapeDtypeStruct((), new)
    loaded = reference.load(path, like=like)
    assert same(np.asarray(loaded["w"]), array.astype(new))
    assert same(np.asarray(loaded["one"]), np.asarray(array[0, 0].astype(new)))
    assert same(np.asarray(loaded["n"]), np.arange(8, dtype=np.int32))
    assert same(np.asarray(loaded["same"]), array)


def test_one_copy_of_replicated_parts_is_read():
    array = np.arange(64.0).reshape(8, 8)
    assert len(parts_of(sharded(array))) == 1
    assert len(parts_of(sharded(array, P("a")))) == 2
    assert len(parts_of(sharded(array, P(None, "b")))) == 4
    assert len(parts_of(sharded(array, P("a", "b")))) == 8


def test_a_box_that_32_bits_do_not_reach_is_taken_by_fixed_indices():
    array = jnp.arange(24.0).reshape(4, 6)
    arguments = (array, (1, 2), (2, 3), np.dtype(ml_dtypes.bfloat16))
    there, anywhere = device_to_host._take_there(*arguments), device_to_host._take_anywhere(*arguments)
    assert same(np.asarray(there[0]), np.asarray(anywhere[0]))
    assert same(np.asarray(there[0]), np.asarray(array)[1:3, 2:5].astype(ml_dtypes.bfloat16))


def test_values_that_overflow_are_counted_on_devices_too(path, route):
    tree = {"w": sharded(np.full((8, 8), 1e30, np.float32), P("a", "b"))}
    with pytest.warns(
        UserWarning, match="64 finite values became infinite in float16, the most of them in w"
    ) as caught:
        reference.save(path, tree, "fp16")
    assert caught[0].filename == __file__


def test_float64_is_cast_as_numpy_casts_it(path, route):
    array = np.random.default_rng(2).standard_normal((8, 8))
    with enable_x64():
        placed = sharded(array, P("a", "b"))
        assert placed.dtype == np.float64
        reference.save(path, {"w": placed}, "bf16")
        loaded = reference.load(path, like={"w": struct(array, P("b"), np.float64)})["w"]
        assert loaded.dtype == np.float64
    by_numpy = path.with_name("y")
    reference.save(by_numpy, {"w": array}, "bf16")
    assert path.read_bytes() == by_numpy.read_bytes()


def test_64_bits_where_jax_has_none_are_refused_by_name(path):
    reference.save(path, {"a": {"w": np.zeros(3, np.int64)}})
    with pytest.raises(ValueError, match=r"a/w: a jax array of int64 needs .*jax_enable_x64"):
        reference.load(path, like={"a": {"w": jax.ShapeDtypeStruct((3,), np.int64)}})


def test_a_typed_prng_key_is_refused_by_name(path):
    with pytest.raises(reference.FormatError, match=r"cannot hold a typed PRNG key.* leaf rngs/dropout") as caught:
        reference.save(path, {"rngs": {"dropout": jax.random.key(0)}})
    assert caught.value.clause == "LEAF-1"
    key = jax.random.key_data(jax.random.key(7))
    reference.save(path, {"key": key})
    assert same(np.asarray(reference.load(path, like={"key": key})["key"]), np.asarray(key))


def test_a_deleted_array_leaves_the_old_file(path):
    reference.save(path, {"w": np.zeros(3)})
    old = path.read_bytes()
    array = sharded(np.ones(8), P("a"))
    array.delete()
    with pytest.raises(ValueError, match="w: this array has been deleted"):
        reference.save(path, {"w": array})
    assert path.read_bytes() == old


def test_pieces_on_their_way_are_few(path, monkeypatch):
    """While a piece is written, the copy of the next one has been started, and no other."""
    monkeypatch.setattr(shards, "_HOST", "none")
    monkeypatch.setattr(device_to_host, "TRANSFER", 1 << 8)
    under_way, most = set(), []
    monkeypatch.setattr(device_to_host, "_TAKEN_WHOLE", -1)
    started = device_to_host.LeafArray._fetch

    def fetch(leaf, piece):
        wait = started(leaf, piece)
        under_way.add(piece)
        most.append(len(under_way))

        def waited():
            values = wait()
            under_way.discard(piece)
            return values

        return waited

    monkeypatch.setattr(device_to_host.LeafArray, "_fetch", fetch)
    tree = {str(i): sharded(np.arange(i * 256.0, (i + 1) * 256, dtype=np.float32), P("a")) for i in range(4)}
    reference.save(path, tree)
    assert len(most) == 16
    assert max(most) == 2
    assert min(most[1:]) == 2
    assert same(reference.load(path), on_host(tree))


def test_no_array_is_kept_on_the_host_by_a_save(path, route):
    """jax keeps what it has copied to the host for as long as the array lives; a save makes no such copy."""
    array = sharded(np.arange(64, dtype=np.float32), P("a"))
    reference.save(path, {"w": array})
    if route == "accelerator":
        assert array._npy_value is None
        assert all(shard.data._npy_value is None for shard in array.addressable_shards)


def test_an_array_that_the_writer_cannot_reach_is_refused(monkeypatch):
    class Elsewhere:
        process_index = 1
        platform = "cpu"

    class Sharding:
        is_fully_addressable = False
        device_set = {Elsewhere()}

        def devices_indices_map(self, shape):
            return dict.fromkeys(self.device_set, (slice(None),))

    class Array:
        dtype, shape, sharding = np.dtype(np.float32), (4,), Sharding()

        def is_deleted(self):
            return False

    with pytest.raises(ValueError, match="a/b: none of its devices belongs to process 0"):
        Outflow([Array()]).add(("a", "b"), Array(), Leaf("ndarray", Array.dtype, (4,), 16), None)


def test_shards_of_an_axis_that_no_mesh_divides(path, route):
    """jax pads no array: a sharding that does not divide an axis is none of ours to mend, and says so itself."""
    array = bits((7, 5), np.float32)
    reference.save(path, {"w": jax.device_put(array, jax.devices()[1])})
    with pytest.raises(ValueError, match=r"w: .*evenly divide"):
        reference.load(path, like={"w": struct(array, P("a"))})


def test_a_value_inside_jit_is_refused_by_name(path):
    @jax.jit
    def traced(x):
        reference.save(path, {"a": {"b": x}})

    with pytest.raises(reference.FormatError, match=r"inside jax.jit or grad .* leaf a/b"):
        traced(np.ones(3))
    reference.save(path, {"a": np.ones(3)})
    with pytest.raises(reference.FormatError, match=r"inside jax.jit or grad"):
        jax.jit(lambda x: reference.load(path, like={"a": x}))(np.ones(3))
