"""A bounded part of the mutants; `make mutants` judges all."""

import ast
import heapq
import zlib
from pathlib import Path

import pytest

from conformance.mutants.__main__ import FILES, LARGE, SEALED, all_mutants, judge, known_same
from conformance.mutants.clients import FILES as FILES_OF_CLIENTS
from conformance.mutants.clients import SURVIVED, all_changes, run
from conformance.mutants.clients import known_same as same_clients
from conformance.mutants.operators import mutants
from conformance.mutants.running import BUILDERS
from conformance.mutants.subtle import SUBTLE
from conformance.mutants.wrong import WRONG, wrong

REFERENCE = Path(__file__).parents[2] / "reference"
SAMPLED = 20  # of the cases of a rule, one in so many is put to a program here
BOUNDED = 20  # of the wrong programs, one in so many is judged here


@pytest.mark.slow
def test_there_are_many_mutants_and_what_is_listed_as_the_same_is_among_them():
    found = list(all_mutants())
    assert len(found) > 200
    assert len({mutant.name for mutant in found}) == len(found)
    assert not [mutant for mutant in found if mutant.text == (REFERENCE / mutant.file).read_text()]
    changes = {(mutant.file, mutant.change) for mutant in found}
    assert set(known_same()) <= changes, set(known_same()) - changes


def test_each_wrong_program_is_a_program():
    for mutant in (*wrong(REFERENCE), *wrong(REFERENCE, SUBTLE)):  # what the operators make is written by `ast.unparse`
        ast.parse(mutant.text)


def test_mutants_are_made_of_files_that_exist():
    assert all((REFERENCE / f"{name}.py").is_file() for name in (*FILES, *SEALED))


def test_each_refusal_of_a_module_has_a_mutant():
    text = (REFERENCE / "format/arrays.py").read_text()
    left_out = [mutant for mutant in mutants(REFERENCE, "format/arrays.py") if "left out" in mutant.change]
    assert len(left_out) == text.count("cursor.fail(") + text.count("raise FormatError(")
    assert "format/arrays" in FILES


def test_each_comparison_of_a_row_has_a_mutant_of_its_own():
    changes = [mutant.change for mutant in mutants(REFERENCE, "format/wire.py")]
    assert changes.count("off by one: 0 <= value < 128") == 1
    assert changes.count("off by one: 0 <= value < 128, number 2 of these") == 1


def test_what_is_listed_as_the_same_is_not_large():
    """Large cases are run for mutants that they alone can show; such a mutant is not to be excused."""
    assert not [change for _, change in known_same() for text in LARGE if text in change]


@pytest.mark.thorough  # `make mutants` begins with it, and test_clients puts the same cases to the reference
def test_the_reference_itself_is_not_caught():
    assert not [caught for caught in judge(None, every=0) if caught.failed]


@pytest.mark.parametrize("mutant", list(wrong(REFERENCE))[::BOUNDED], ids=lambda mutant: mutant.name)
@pytest.mark.slow
def test_a_wrong_program_is_caught(mutant):
    found = [caught for caught in judge(mutant, every=SAMPLED) if caught.failed]
    assert found, f"no case catches a program that {mutant.change}"
    assert found[0].case != "(its import)", found


@pytest.mark.slow
def test_a_program_that_is_wrong_in_a_few_places_is_caught_by_those():
    mutant = next(wrong(REFERENCE, SUBTLE))  # `make mutants` has the others: each takes a while
    (found,) = judge(mutant)
    assert found.failed
    assert found.case.startswith("01-wire/what-is-not-utf-8/"), found


def test_the_tables_of_wrong_programs_are_of_some_size():
    assert len(WRONG) > 200
    assert len(SUBTLE) > 20


# --- of the clients ---------------------------------------------------------------------------------------------------

SOME = {"c": 4, "javascript": 7, "rust": 7}  # of the mutants of a client, chosen by what they change


@pytest.mark.parametrize("client", FILES_OF_CLIENTS)
def test_there_are_many_mutants_of_a_client_and_each_has_its_own_name(client):
    found = [*all_changes(client)]
    assert len(found) > 400
    assert len({(one.file, one.change) for one in found}) == len({one.text for one in found}) == len(found)


def test_what_is_listed_as_the_same_of_a_client_exists():
    found = {(one.file, one.change) for client in FILES_OF_CLIENTS for one in all_changes(client)}
    assert set(same_clients()) <= found, set(same_clients()) - found


@pytest.mark.parametrize(
    "client", ["c", *(pytest.param(one, marks=pytest.mark.thorough) for one in FILES_OF_CLIENTS if one != "c")]
)
@pytest.mark.slow
def test_mutants_of_a_client_are_caught(client):
    """A sample of them, by the cases made by hand. A change of a client makes new mutants, of which some change nothing
    that can be seen: `make mutants` judges all, and each that survives is dealt with there."""
    if (missing := BUILDERS[client].missing()) is not None:
        pytest.skip(f"mutants of the client are not judged: {missing} is not installed")
    known = same_clients()
    shown = (one for one in all_changes(client) if (one.file, one.change) not in known)
    chosen = heapq.nsmallest(SOME[client], shown, key=lambda one: zlib.crc32(str(one).encode()))
    assert len(chosen) == SOME[client]
    survived = [str(one) for one, verdict in run(client, chosen, 0, 2) if verdict == SURVIVED]
    assert len(survived) <= max(1, len(chosen) // 4), survived
