"""The proven heart of the client in C: that it is what is proven, and that the proof would notice what is wrong."""

import re
import shutil
import subprocess

import pytest

from conformance.proof.__main__ import main, notices
from conformance.proof.faults import read_faults
from conformance.proof.goals import HEADER, NoFramaC, find_provers, functions_of, prove

SOURCE = HEADER.read_text()
CODE = re.sub(r"/\*.*?\*/|//[^\n]*", "", SOURCE, flags=re.DOTALL)
FUNCTIONS = functions_of(SOURCE)


def needs_frama_c():
    try:
        find_provers()
    except NoFramaC:
        pytest.skip("the proof is not made: frama-c or its provers are not installed")


def test_it_allocates_nothing_and_does_no_input_or_output():
    assert re.findall(r"#include (\S+)", CODE) == ["<stddef.h>", "<stdint.h>"]
    called = set(re.findall(r"\b([a-z_]\w*)\(", CODE)) - {"if", "while", "for", "switch", "return", "sizeof"}
    assert called <= {*FUNCTIONS, "defined"}


def test_each_function_has_a_contract():
    """A function without one would be left out, and its goals with it."""
    with_contract = re.findall(r"(?:\*/|^//@[^\n]*)\nstatic inline [^\n(]*?\*?(\w+)\(", SOURCE, flags=re.MULTILINE)
    assert len(FUNCTIONS) > 20
    assert set(FUNCTIONS) == set(with_contract)


def test_each_loop_ends_for_a_reason_that_is_given():
    loops = re.findall(r"^ *(?:for|while) \(", SOURCE, flags=re.MULTILINE)
    assert len(loops) == SOURCE.count("loop variant")


@pytest.mark.parametrize("fault", read_faults(), ids=lambda fault: fault.what.replace(" ", "-"))
def test_a_fault_is_a_program_that_compiles(fault, tmp_path):
    """So that what the proof notices is the fault, and not a text that is no C."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    source = tmp_path / "planted.c"
    source.write_text(fault.planted(SOURCE))
    done = subprocess.run(["cc", "-std=c99", "-w", "-fsyntax-only", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_where_frama_c_is_missing_it_is_said_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main([]) == 2
    assert "apt-get install frama-c" in capsys.readouterr().err


# Functions that are proved in a few seconds; `make proof` proves all of them, and plants all faults.
SMALL = ("sc_number", "sc_times", "sc_widen", "sc_holds", "sc_find_dtype")


@pytest.mark.thorough
def test_small_functions_are_proved(tmp_path):
    needs_frama_c()
    goals = prove(HEADER, tmp_path, SMALL)
    assert [goal for goal in goals if not goal.proved] == []
    assert [name for name in SMALL if not any(goal.name.startswith(f"{name}_") for goal in goals)] == []


@pytest.mark.thorough
@pytest.mark.parametrize("fault", [one for one in read_faults() if one.function in SMALL], ids=lambda one: one.function)
def test_the_proof_notices_a_fault(fault):
    needs_frama_c()
    assert notices(fault)
