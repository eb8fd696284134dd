"""What other versions of the libraries lack or name otherwise is told, and only to those who need it."""

import sys

import numpy as np
import pytest

import reference
from reference.devices import device_to_host, host_to_device, job_store, meetings, processes
from reference.tests.handmade import array, record


def test_the_bounds_are_those_of_the_lowest_versions_that_are_tested(root):
    """constraints-lowest.txt has the least version of each bound, exactly."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    bounds = dict(
        line.split(";")[0].split(">=") for line in (*project["dependencies"], *extras["jax"], *extras["delta"])
    )
    lines = (root / "constraints-lowest.txt").read_text().splitlines()
    lowest = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    for name, bound in bounds.items():
        assert lowest[name] in (bound, f"{bound}.0", f"{bound}.0.0"), name


def test_the_tests_for_other_versions_exist(root):
    script = (root / ".ci/test-versions").read_text()
    names = script.partition("tests=(")[2].partition(")")[0].split()
    assert len(names) > 40
    assert [name for name in names if not (root / f"reference/tests/test_{name}.py").exists()] == []


def test_no_private_name_of_jax_is_imported_by_one_process(root):
    """jax's key-value store is taken where processes meet, and not before."""
    source = "".join(path.read_text() for path in (root / "reference/devices").glob("*.py"))
    assert "import jax._src" not in source
    assert "from jax._src" not in source


def test_a_job_without_a_store_is_told_so(monkeypatch):
    with pytest.raises(RuntimeError, match=r"arrays span processes, and jax.distributed has not been initialized"):
        processes.meet("a test")
    monkeypatch.setitem(sys.modules, "jax._src.distributed", None)
    with pytest.raises(RuntimeError, match=r"the key-value store of jax.distributed, and jax .* install one of these"):
        processes.meet("a test")


class AStore:
    """What jax.distributed has for processes to meet in, of which a question may end with an error."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def blocking_key_value_get(self, key, patience):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def key_value_dir_get(self, folder):
        return []


@pytest.mark.parametrize("kind", [RuntimeError, type("JaxRuntimeError", (RuntimeError,), {})])
def test_a_store_that_waits_in_vain_is_asked_again_whatever_its_error_is_called(kind, monkeypatch):
    store = AStore(kind("DEADLINE_EXCEEDED: later"), "here")
    monkeypatch.setattr(meetings, "store_of_job", lambda: store)
    assert meetings.Meetings()._ask("key", "room", "a test") == "here"
    store.answers = [kind("UNAVAILABLE: gone")]
    with pytest.raises(meetings.GoneError, match="UNAVAILABLE"):
        meetings.Meetings()._ask("key", "room", "a test")


def test_a_store_that_forgets_a_key_and_cannot_say_so_has_forgotten_it():
    class Store:
        def key_value_delete(self, key):
            raise TypeError("Unable to convert function return value to a Python type!")

    job_store.forget(Store(), "key")


def test_a_shape_of_more_dimensions_than_numpy_has_is_refused_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("reference.format.arrays.HELD", 32)
    path = tmp_path / "x"
    path.write_bytes(record(("a",), array(b"\xdc\x00\x21" + b"\x01" * 33, "int8", b"1")))
    with pytest.raises(reference.FormatError, match="at most 32 dimensions, and this one has 33") as caught:
        reference.load(path)
    assert (caught.value.clause, caught.value.path) == ("LEAF-3", ("a",))
    assert caught.value.advice == "pip install 'numpy>=2'"
    header = b'{"a":{"dtype":"U8","shape":[' + b",".join([b"1"] * 33) + b'],"data_offsets":[0,1]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"1")
    with pytest.raises(reference.FormatError, match="at most 32 dimensions, and this one has 33") as caught:
        reference.load(f"safetensors::{path}")
    assert (caught.value.clause, caught.value.path) == ("LEAF-3", ("a",))


def test_arrays_are_placed_and_copied_by_older_jax_too(monkeypatch):
    """Where `make_array_from_callback` takes no dtype and `device_put` makes no copy."""
    import jax
    from jax.sharding import SingleDeviceSharding

    monkeypatch.setattr(host_to_device, "_TAKES_DTYPE", False)
    monkeypatch.setattr(device_to_host, "_COPIES", False)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    sharding = SingleDeviceSharding(jax.devices()[1])
    placed = host_to_device.put(lambda index: values[index], values.shape, values.dtype, sharding)
    assert placed.sharding == sharding
    taken, _ = device_to_host._take(placed, (0, 0), (2, 3), values.dtype)
    assert np.array_equal(np.asarray(taken), values)
    assert taken.unsafe_buffer_pointer() != placed.unsafe_buffer_pointer()
