"""Signs of life, to a store that does not answer any more."""

import threading
from types import SimpleNamespace

import pytest

from reference.devices import job_store


@pytest.fixture
def silent(monkeypatch):
    """A store that hangs, as where its host is lost."""
    gate = threading.Event()
    monkeypatch.setattr(job_store, "_PULSE", 0.01)
    yield SimpleNamespace(key_value_set=lambda *_: gate.wait())
    gate.set()


def test_it_is_said_that_process_0_does_not_answer(silent, monkeypatch, capsys):
    monkeypatch.setattr(job_store, "_UNANSWERED", 0.0)
    pulse = job_store.Pulse(silent, "pulse")
    pulse.start()
    pulse._thread.join()
    said = capsys.readouterr().err
    assert said.startswith("streamckpt: process 0, which keeps the store of jax.distributed, has not answered for 0 s")
    assert "the old file stays" in said


def test_a_store_that_hangs_keeps_nobody_from_ending(silent, capsys):
    pulse = job_store.Pulse(silent, "pulse")
    pulse.start()
    pulse.stop()
    assert not pulse._thread.is_alive()
    assert capsys.readouterr().err == ""


def test_the_first_sign_of_life_is_there_before_anything_else_is_done(monkeypatch):
    monkeypatch.setattr(job_store, "_PULSE", 600.0)
    told = []
    pulse = job_store.Pulse(SimpleNamespace(key_value_set=lambda *given: told.append(given)), "pulse")
    pulse.start()
    assert told == [("pulse/0/0", "")]
    pulse.stop()
