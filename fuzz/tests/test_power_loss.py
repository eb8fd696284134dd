"""The power fails while a checkpoint is written: by rules of what file systems keep (`make power-loss` has disks)."""

import contextlib
import os
import shutil
from unittest import mock

import pytest

from fuzz.faults import without_nameless_files
from fuzz.findings import Broken
from fuzz.operations import in_small_pieces, prepared
from fuzz.power_loss.calls import noted
from fuzz.power_loss.cases import CASES, as_it_was
from fuzz.power_loss.disks import KINDS, missing
from fuzz.power_loss.models import MODELS
from fuzz.power_loss.recorded_disk import FLUSH, NOTE, WRITE, Entry
from fuzz.power_loss.replays import BEGIN, CLEAR, END, WRITE_BACK, WRITTEN_BACK, states
from reference.storage import atomic_files, folders, new_files


def failed_everywhere(place, name, model, nameless=True, fault=contextlib.nullcontext):
    """Run a case and look at what every moment may leave; gives how many outcomes there were. Raises Broken."""
    case, source = CASES[name], prepared()
    with contextlib.ExitStack() as stack:
        stack.enter_context(in_small_pieces())
        orders = model == "with a journal"
        stack.enter_context(mock.patch.object(new_files, "changes_names_at_once", return_value=orders))
        if not nameless:
            stack.enter_context(without_nameless_files())
        for path in source.iterdir():
            shutil.copy(path, place)
        case.prepare(place)
        old = case.contents(place)
        with noted(place) as calls, fault():
            case.run(place)
        calls.check(place)
    new, seen = case.contents(place), 0
    for at in range(len(calls.events) + 1):
        returned = at == len(calls.events)
        for found in MODELS[model](calls, at, list(old)):
            case.check(found, old, new, returned, f"{name}, {model}, after {at} of {len(calls.events)} events")
            seen += 1
    assert new != old
    return seen


@pytest.mark.parametrize("nameless", [True, False])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_whenever_the_power_fails_the_old_file_or_the_new_one_is_whole(tmp_path, name, model, nameless):
    assert failed_everywhere(tmp_path, name, model, nameless) > 5


@pytest.mark.parametrize("name", ["save", "convert in place", "save all"])
def test_what_was_lost_before_is_lost_without_what_was_done_against_it(tmp_path, name):
    with pytest.raises(Broken, match="there is no file"):
        failed_everywhere(tmp_path, name, "without a journal", fault=as_it_was)
    assert os.listdir(tmp_path)


def no_second_name():
    return mock.patch.object(new_files, "_two_names", return_value=contextlib.nullcontext())


def no_sync_of_folders():
    stack = contextlib.ExitStack()
    for module in (new_files, atomic_files, folders):
        stack.enter_context(mock.patch.object(module, "sync_folder", return_value=True))
    return stack


def no_sync_of_files():
    real = os.fsync
    return mock.patch.object(os, "fsync", lambda fd: real(fd) if os.path.isdir(f"/proc/self/fd/{fd}") else None)


def no_sync_once_the_seal_is_gone():
    return mock.patch.object(atomic_files, "sync_folder", return_value=True)


@pytest.mark.parametrize(
    ("fault", "name", "model", "text"),
    [
        (no_second_name, "save", "without a journal", "there is no file"),
        (no_sync_of_folders, "save", "without a journal", "after it had returned"),
        (no_sync_of_folders, "save where no folder was", "without a journal", "after it had returned"),
        (no_sync_of_files, "save", "with a journal", "bytes that are neither"),
        (
            no_sync_once_the_seal_is_gone,
            "save over a stream with a seal beside it",
            "without a journal",
            "beside the new",
        ),
    ],
)
def test_every_sync_is_needed(tmp_path, fault, name, model, text):
    with pytest.raises(Broken, match=text):
        failed_everywhere(tmp_path, name, model, fault=fault)


def test_the_rules_are_those_of_the_disks():
    """What the models leave open is what the recorded disks do."""
    assert [kind.orders_writes for kind in KINDS.values()] == [False, False, True, True, True]


def block(text):
    return text.encode() * 4


def replayed(entries, orders_writes):
    found = states(entries, "x", 4, orders_writes, chances=40, seed=1)
    return {(returned, tuple(state.get(i, b"")[:1].decode() for i in range(3))) for _, returned, state in found}


def test_a_replay_keeps_what_was_flushed_and_any_part_of_the_rest():
    entries = [
        Entry(WRITE, 0, block("a")),
        Entry(NOTE, 0, (BEGIN + "x").encode()),
        Entry(WRITE, 4, block("b")),
        Entry(FLUSH, 0, b""),
        Entry(WRITE, 0, block("c") + block("d")),
        Entry(WRITE, 8, block("e")),
        Entry(NOTE, 0, (END + "x").encode()),
        Entry(NOTE, 0, CLEAR.encode()),
        Entry(WRITE, 0, block("z")),
    ]
    found = replayed(entries, True)
    before_the_flush = {(False, ("a", "", "")), (False, ("a", "b", ""))}
    parts = {(x, y, z) for x in "ac" for y in "bd" for z in ("", "e")}
    assert found == before_the_flush | {(False, part) for part in parts} | {(True, part) for part in parts}


def test_a_flush_counts_where_the_file_system_orders_its_writes_by_it():
    entries = [
        Entry(NOTE, 0, (BEGIN + "x").encode()),
        Entry(NOTE, 0, WRITE_BACK.encode()),
        Entry(WRITE, 0, block("a")),
        Entry(FLUSH, 0, b""),
        Entry(NOTE, 0, WRITTEN_BACK.encode()),
        Entry(WRITE, 4, block("b")),
        Entry(NOTE, 0, CLEAR.encode()),
    ]
    assert (False, ("", "b", "")) in replayed(entries, False)
    assert (False, ("", "b", "")) not in replayed(entries, True)


@pytest.mark.parametrize("kind", ["ext2"])
@pytest.mark.slow
def test_a_real_disk(tmp_path, kind):
    """One of the cases of `make power-loss`, so that it stays fit to be run."""
    if lacking := missing(kind):
        pytest.skip(lacking)
    from fuzz.power_loss.__main__ import main

    options = ["--kind", kind, "--case", "sidecar", "--chances", "0"]
    assert main(options) == 0
    assert main([*options, "--as-it-was"]) == 1
