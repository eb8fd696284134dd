"""The simulator of many writers says what real processes do."""

import json

import numpy as np
import pytest

from benchmarks.many_writers import MODELS, Model, figures, main, mesh_of, plan_of
from reference.devices import exchange_plans, shares
from reference.format.leaves import describe
from reference.format.records import Item, record_step
from reference.format.trees import flatten, unflatten
from reference.tests.jobs import Job
from reference.tests.test_writers import OLD_JAX

SMALL = Model(2, 64, 128, 32, 256)


@OLD_JAX
@pytest.mark.thorough
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize(("count", "devices", "tensor"), [(2, 2, 1), (4, 2, 2), (8, 2, 4), (8, 2, 8)])
def test_real_processes_write_what_the_plan_says(count, devices, tensor, tmp_path, monkeypatch):
    least = 1 << 11
    told = Job("one_writer.py", count, tmp_path, devices, "counted", least, json.dumps(SMALL), tensor).told()
    monkeypatch.setattr(shares, "LEAST", least)
    shapes, mesh = SMALL.shapes(), mesh_of(count, SMALL.width, tensor, devices)
    arrays = dict(flatten(unflatten((path, np.zeros(*what)) for path, what in shapes.items())))
    ordered = {path: shapes[path] for path in arrays}
    heads = {path: len(record_step(Item(path, describe(array))).parts[0][0]) for path, array in arrays.items()}
    plan = plan_of(ordered, mesh, count, devices, heads)
    rounds = sum(leaf.shares.exchange.rounds for leaf in plan.leaves if leaf.shares and leaf.shares.exchange)
    assert rounds > 0
    for wanted, (fact,) in zip(plan.ranges(), told, strict=True):
        assert fact["rounds"] == rounds
        assert _joined(fact["ranges"]) == wanted
    assert (tmp_path / "llama").stat().st_size == plan.end


def _joined(ranges):
    found = []
    for at, n in sorted(ranges):
        if n and found and sum(found[-1]) == at:
            found[-1] = (found[-1][0], found[-1][1] + n)
        elif n:
            found.append((at, n))
    return found


@pytest.mark.parametrize("tensor", [1, 8])
@pytest.mark.parametrize("processes", [1, 8, 64])
def test_the_work_is_spread_evenly_over_many_processes(processes, tensor):
    model = MODELS["70B"]
    mesh = mesh_of(processes, model.width, tensor)
    found = figures(model.shapes(), mesh, processes)
    assert found.most <= 1.1 * found.total / processes + (1 << 20)
    assert found.buffer <= 4 * exchange_plans.PIECE


def test_the_figures_are_told(capsys):
    main(["--models", "8B", "--processes", "1,4", "--tensor", "1"])
    assert len(capsys.readouterr().out.splitlines()) == 3
