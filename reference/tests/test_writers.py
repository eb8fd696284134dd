"""One file, written by several real processes, is that of one: byte for byte, whatever the mesh."""

import jax
import pytest

from reference.devices import exchange_plans
from reference.tests.jobs import Job

OLD_JAX = pytest.mark.skipif(
    jax.version.__version_info__ < (0, 4, 34),
    reason=f"jax {jax.__version__} ends a process on the host where two collectives are compiled at a time",
)
pytestmark = [OLD_JAX, pytest.mark.slow, pytest.mark.xdist_group("processes")]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """The tree of `one_writer.py` as one process saves it, in each way."""
    folder = tmp_path_factory.mktemp("one")
    told = Job("one_writer.py", 1, folder, 1, "alone").told()
    assert told == [[{"name": "end"}]]
    return folder


@pytest.mark.parametrize(
    ("count", "devices"),
    [(2, 2), *(pytest.param(*sizes, marks=pytest.mark.thorough) for sizes in [(2, 4), (4, 2), (8, 2)])],
)
def test_the_file_is_that_of_one_process(count, devices, one_process, tmp_path):
    processes = Job("one_writer.py", count, tmp_path, devices, "same_bytes").told()
    names = [fact["name"] for fact in processes[0] if "there" in fact]
    assert len(names) > 50
    for name in names:
        way = " ".join(name.split()[2:-1])
        assert (tmp_path / name).read_bytes() == (one_process / way).read_bytes(), name
    for facts in processes:
        assert all(fact.get("there", True) for fact in facts)
        assert all(not fact.get("names") for fact in facts)
    for least in (1 << 20, 256):
        assert (tmp_path / f"run {least}" / "state").read_bytes() == (one_process / "state").read_bytes()


def test_a_process_holds_less_than_its_part_of_a_leaf_that_is_exchanged(tmp_path):
    for (fact,) in Job("one_writer.py", 2, tmp_path, 2, "memory").told():
        assert fact["peak"] <= fact["leaf"] / 2 + (exchange_plans.PIECE >> 10)
