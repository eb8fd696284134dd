"""What the mutator does to sealed streams, and that the targets that hold them are not checks of nothing."""

import random
from collections import Counter

import pytest

from fuzz.findings import Broken
from fuzz.mutation import Mutator
from fuzz.peers.sealer import MARK
from fuzz.scales import SMALL, at_scale
from fuzz.sealed_reading import all_of
from fuzz.seals import put_together, sum_again, take_apart, tell_again
from fuzz.seeds import DETACHED, SEALED, seeds
from fuzz.targets import sealed_agreement, sealed_faults, sealed_ways
from reference.containers.sealed_file import SealedFile
from reference.containers.sealed_records import SealedRecords
from reference.format.errors import FormatError


def made(n):
    files, rng = seeds(SEALED), random.Random(5)
    mutator = Mutator(files)
    return [mutator.mutate(rng.choice(files), rng, 1 << 14) for _ in range(n)]


def outcome(data):
    try:
        all_of(data)
    except FormatError as error:
        return error.clause
    return "accepted"


def test_what_is_taken_apart_and_put_together_is_what_it_was():
    for kind in (SEALED, DETACHED):
        for data in seeds(kind)[:300]:
            taken = take_apart(data)
            if taken is not None:
                assert put_together(taken) == data


def test_what_is_accepted_is_told_of_as_it_was():
    """The index that is made anew of an accepted file is the one that it had."""
    with at_scale(SMALL):
        accepted = [data for data in seeds(SEALED) if data.startswith(MARK) and outcome(data) == "accepted"]
    assert len(accepted) > 100
    for data in accepted:
        taken = take_apart(data)
        before = put_together(taken)
        tell_again(taken)
        sum_again(taken)
        assert put_together(taken) == before


def test_lies_get_past_the_checksums():
    with at_scale(SMALL):
        outcomes = Counter(map(outcome, made(1500)))
    assert outcomes["accepted"] > 100
    chapters = Counter(clause.split("-")[0] for clause in outcomes)
    assert set(chapters) >= {"SEAL", "INDEX", "SUM", "META", "ALIGN", "PART", "LEAF", "KEY", "STREAM", "WIRE"}
    assert outcomes["INDEX-7"] > 20


def broken(target, n=1500):
    for data in made(n):
        try:
            target.check(data)
        except Broken:
            return True
    return False


@pytest.mark.parametrize("fault", ["no header is compared", "no checksum is compared"])
def test_a_fault_of_the_reference_is_found(fault, monkeypatch):
    if "header" in fault:
        monkeypatch.setattr(SealedRecords, "check", lambda records, i, data=None: extents(records, i))
        assert broken(sealed_agreement)
    else:
        monkeypatch.setattr(SealedFile, "check", property(lambda file: False, lambda file, value: None), raising=False)
        assert broken(sealed_faults, 300)


def extents(records, i):
    """Where the index alone says that a payload stands."""
    columns = records._columns
    _, leaf = records._described(i)
    place = columns.payloads[i]
    return [] if place is None else [(records.starts[i] + place, leaf.nbytes)], b""


def test_the_ways_are_tried():
    for data in made(40):
        sealed_ways.check(data)
