"""Arrays that span real processes of jax.distributed: every process saves and loads, one writes."""

import json
import socket

import jax
import numpy as np
import pytest

import reference
from fuzz.equality import same
from fuzz.peers.loop import written
from reference.tests.jobs import Job

pytestmark = [
    # The processes are run once, for all tests of what they told.
    pytest.mark.slow,
    pytest.mark.xdist_group("processes"),
    pytest.mark.skipif(
        jax.version.__version_info__ < (0, 4, 34),
        reason=f"jax {jax.__version__} ends a process on the host where two collectives are compiled at a time",
    ),
]
HOST = socket.gethostname()


@pytest.fixture(scope="module", params=[2, 4])
def told(request, tmp_path_factory):
    """What each process told, by the name of what it did; and the folder in which they worked."""
    folder = tmp_path_factory.mktemp("processes")
    lines = Job("one_process.py", request.param, folder).told()
    return [{line["name"]: line for line in process} for process in lines], folder


def expected():
    """The tree that the processes save; see one_process.py."""
    random = np.random.default_rng(0)
    names = [
        "P()",
        "P('process',)",
        "P('local',)",
        "P(None, 'process')",
        "P('process', 'local')",
        "P(('local', 'process'),)",
    ]
    leaves = {name: random.standard_normal((16, 64)).astype(np.float32) for name in names}
    return {"layers": leaves, "step": 3, "table": np.arange(5), "empty": np.zeros((0, 4), np.float32)}


def test_the_file_is_that_of_a_single_process_and_there_when_any_returns(told, tmp_path):
    processes, folder = told
    for name in ("plain", "first"):
        assert (folder / name).read_bytes() == written(expected())
    reference.save(tmp_path / "x", expected(), "bf16")
    assert (folder / "cast").read_bytes() == (tmp_path / "x").read_bytes()
    assert (folder / "background").read_bytes() == (tmp_path / "x").read_bytes()
    assert all(
        process[f"save {name}"]["there"] for process in processes for name in ("plain", "first", "cast", "background")
    )


# SEAL-7: "no sharding, and no number of processes shows in the file."
def test_a_sealed_file_is_that_of_a_single_process(told, tmp_path):
    processes, folder = told
    reference.save(tmp_path / "x", expected(), format="2.0", metadata={"step": 3}, digests=True)
    for name in ("sealed", "sealed behind"):
        assert (folder / name).read_bytes() == (tmp_path / "x").read_bytes()
    assert all(process["load sealed"]["right"] and process["load sealed"]["parts"] >= 6 for process in processes)


@pytest.mark.parametrize("what", ["error of the writer", "error in the background", "error of the only writer"])
def test_an_error_of_the_writer_is_raised_in_all(told, what):
    processes, folder = told
    first, *others = [process[what]["error"] for process in processes]
    assert first.startswith("OSError: [Errno 27] File too large")
    assert all(error.startswith(f"OSError: [Errno 27] process 0 on {HOST}: File too large") for error in others)
    assert same(reference.load(folder / "kept"), expected())


def test_an_error_of_another_process_is_raised_in_all(told):
    processes, _ = told
    *others, last = [process["error of another"]["error"] for process in processes]
    refusal = "a value of type object cannot be stored (LEAF-1, leaf table/x)"
    assert last == f"FormatError: {refusal}"
    assert set(others) == {f"FormatError: process {len(others)} on {HOST}: {refusal}"}


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("a gather function", "RuntimeError: out of luck"),
        ("a sidecar", "UsageError: metadata['loss'] is of type object"),
        ("a deleted array", "ValueError: a: this array has been deleted"),
        ("a gather", "RuntimeError: no memory"),
        ("a gather in the background", "RuntimeError: no memory"),
    ],
)
def test_an_error_of_one_is_told_by_all_and_the_next_save_goes_well(told, what, error):
    processes, folder = told
    errors = [process[what]["error"] for process in processes]
    culprit = 0 if what == "a sidecar" else len(processes) - 1
    assert errors[culprit].startswith(error)
    kind, text = error.split(": ", 1)
    for i, other in enumerate(errors):
        assert i == culprit or other.startswith(f"RuntimeError: process {culprit} on {HOST} failed: {kind}: {text}")
    for name in ("after a gather function", "after a sidecar", "after a gather"):
        assert {process[name]["error"] for process in processes} == {"nothing"}
    assert reference.load(folder / "after")["b"].tolist() == [1, 1, 1]
    assert (folder / "trainer" / "streaming_params").exists()


@pytest.mark.parametrize("way", ["plain now", "plain later", "functions now", "functions later"])
def test_each_process_that_is_enabled_writes_into_a_folder_of_its_own_and_one_into_that_of_all(told, way):
    processes, folder = told
    weights = written(expected()["layers"])
    for rank in range(len(processes)):
        assert (folder / f"{way} of {rank}" / "run" / "streaming_params").read_bytes() == weights
        assert json.loads((folder / f"{way} of {rank}" / "run" / "metadata.json").read_text())["rank"] == rank
        assert json.loads((folder / "bad" / f"said by {rank}.json").read_text()) == {"rank": rank}
    assert (folder / f"{way} of all" / "run" / "streaming_params").read_bytes() == weights
    assert json.loads((folder / f"{way} of all" / "run" / "metadata.json").read_text())["rank"] == 0
    assert all(process[f"trainer {way}"]["there"] for process in processes)
    for rank, process in enumerate(processes):
        whose = "" if rank == 0 else f"process 0 on {HOST} failed: UsageError: "
        assert process["a sidecar in the background"]["error"].endswith(
            f"{whose}metadata['rank'] is of type object, which JSON cannot hold; sidecars are never pickled"
        )


def test_processes_that_save_different_trees_are_told_so(told):
    processes, _ = told
    for process in processes:
        error = process["different trees"]["error"]
        assert "the tree is 10 leaves" in error
        assert "in process 1, and 9 leaves" in error


def test_an_output_that_cannot_be_written_is_refused_in_all(told):
    processes, _ = told
    assert all("there is no such folder" in process["no folder"]["error"] for process in processes)


def test_errors_of_a_load_are_raised_in_all(told):
    processes, _ = told
    for rank, process in enumerate(processes):
        whose = "" if rank == 1 else f"process 1 on {HOST}: "
        assert process["no file"]["error"].startswith(f"FileNotFoundError: [Errno 2] {whose}No such file")
        assert process["mismatch"]["error"].startswith("TargetMismatch")


def test_every_process_loads_its_parts(told):
    processes, _ = told
    for process in processes:
        loads = [fact for name, fact in process.items() if name.startswith("load ")]
        assert len(loads) == 7
        assert all(fact["right"] for fact in loads)


def test_typed_keys_come_back_on_the_devices_of_all(told):
    processes, folder = told
    for process in processes:
        for kind in ("arrays", "structs"):
            assert process[f"keys as {kind}"] == {"name": f"keys as {kind}", "right": True, "parts": 6}
    with reference.open(folder / "keys") as keys:
        assert set(keys.metadata["prng_keys"]) == {"one", "rows", "both"}


def test_the_last_checkpoints_are_kept_by_all(told):
    processes, folder = told
    for process in processes:
        assert [process[f"kept {step}"]["steps"] for step in range(4)] == [[0], [0, 1], [1, 2], [2, 3]]
        assert "has a checkpoint of step 3, which is later than 1" in process["kept before"]["error"]
    assert (folder / "run" / "step_3").read_bytes() == (folder / "run" / "step_2").read_bytes()


def test_a_process_reads_its_share_of_the_bytes(told):
    processes, _ = told
    for process in processes:
        for spec in ("P('process',)", "P(None, 'process')"):
            assert process[f"counted {spec}"]["share"] == pytest.approx(1 / len(processes), rel=0.001)
        # What is on all devices is read by each process, of a disk; `test_readers` has those of a store.
        assert process["counted P()"]["share"] == pytest.approx(1, rel=0.001)


def test_a_difference_takes_what_one_process_holds(told):
    for process in told[0]:
        assert (process["compare replicated"]["equal"], process["compare replicated"]["pairs"]) == (1, 1)
        assert "this array spans several processes" in process["compare spread"]["error"]
        assert "save it to a file first, and pass its path" in process["compare spread"]["error"]
