"""Every invariant as a property, on files that have been changed and on values, and on all that once broke one."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from fuzz.strategies import mutated
from fuzz.targets import load, names, plan_of

REPRODUCERS = sorted((Path(__file__).parents[1] / "reproducers").glob("*/*"))
EXAMPLES = min(25, settings().max_examples)  # the profile of `make test-fast` has fewer
LONG = ("casts",)  # every pair of dtypes, each compiled by jax
ONLY = {"corpus": "all of it is run by conformance/tests", "c_client": "its seeds are run below"}


def loaded(name):
    target = load(name)
    if target.missing:
        pytest.skip(f"{name} cannot run here: {target.missing}")
    return target


@pytest.mark.parametrize("name", names())
def test_a_target_says_its_invariant(name):
    plan = plan_of(name)
    assert plan.invariant.endswith(".")
    assert plan.weight > 0


def tried():
    """The targets that hypothesis can feed, the long ones marked."""
    for name in names():
        if name not in ONLY:
            yield pytest.param(name, marks=[pytest.mark.slow] * (name in LONG))


@pytest.mark.parametrize("name", [*tried()])
def test_the_invariant_holds(name):
    target = loaded(name)
    if target.values is None:
        values, check = mutated(target.kind), target.check
    else:
        values, check = target.values, target.check_value
    quiet = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    quiet(given(values)(lambda value: check(value)))()


def test_there_are_reproducers():
    assert REPRODUCERS


@pytest.mark.parametrize("file", REPRODUCERS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_once_broke_an_invariant_does_so_no_more(file):
    loaded(file.parent.name).check(file.read_bytes())
