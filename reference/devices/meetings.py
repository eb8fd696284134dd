"""Meetings of all processes of a `jax.distributed` job, in its key-value store: an error of one is the error of all."""

from __future__ import annotations

import base64
import contextlib
import functools
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import jax

from ..storage.interrupts import answer
from ..storage.threads import started
from .job_store import NO_ANSWER, Pulse, forget, say, store_of_job
from .told_errors import cause_of, rebuilt, told_of

PATIENCE: Final = 1800.0  # seconds that is waited for a process that has not come, where nothing else is said
# Seconds without a sign of life after which a process that had come counts as gone. jax itself ends all processes some
# 100 s after one of them is, and an error is to be raised before that.
SILENCE: Final = 40.0
_SAY: Final = 10.0  # seconds after which it is said who is waited for, and then after twice as many
_ASK: Final = 1_000  # milliseconds of one question to the store, between which a signal is answered
_VALUE: Final = 1 << 20  # bytes of one value: a message of the store has at most 4 MiB

_numbers = itertools.count()  # the same in all processes, which do the same things in the same order
_finished: list[str] = []  # rooms that process 0 has still to clear


_T = TypeVar("_T")


class GoneError(RuntimeError):
    """A process that has not come, or is not there any more."""

    def __init__(self, process: int, text: str) -> None:
        super().__init__(text)
        self.process = process


class Meetings:
    """The meetings of one operation that all processes do together.

    While it is entered, this process tells the others now and then that it lives. `patience` is how many seconds it
    waits for one that has not come.
    """

    def __init__(self, patience: float | None = None) -> None:
        self._store = store_of_job()
        self.patience = PATIENCE if patience is None else patience
        self._prefix = f"streamckpt/{next(_numbers)}"
        self._stages = itertools.count()
        self._pulse = Pulse(self._store, f"{self._prefix}/pulse")
        self._seen: dict[int, tuple[str, float]] = {}  # the last sign of life of each process, and when it was new
        self._have_met = self._has_parted = False

    def __enter__(self) -> Meetings:
        self._pulse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pulse.stop()
        if jax.process_index() == 0:
            _finished.append(self._prefix)

    def meet(self, what: str, error: BaseException | None = None, word: Any = None) -> list[Any]:
        """Wait until all processes are here, and return the `word` that each has brought, anything JSON can hold.

        `what` is what they come for, the same in all. Raises the error that one of them brings, in all of them: a
        process raises its own error if it has one, else that of the first process with one, as FormatError, OSError or
        RuntimeError. Raises RuntimeError for a process that does not come, or is gone, whatever others bring.
        """
        room = f"{self._prefix}/{next(self._stages)}"
        me, n = jax.process_index(), jax.process_count()
        report = {"what": what, "error": told_of(error) if error else None, "word": word, "host": socket.gethostname()}
        try:
            self._answered(self._store.key_value_set, f"{room}/of/{me}", json.dumps(report))
            if me == 0:
                verdict = self._verdict(room, what, n)
                self._store.key_value_set(f"{room}/verdict", json.dumps(verdict))
                forget(self._store, f"{room}/of")
            verdict = json.loads(self._ask(f"{room}/verdict", room, what))
        except BaseException as failed:
            if not isinstance(failed, GoneError):  # the others are not to wait for this process
                self.leave(failed)
            self._has_parted = True
            raise
        self._have_met = True
        if verdict["gone"] is None and verdict["error"] is None:
            return verdict["words"]
        self._has_parted = True
        if verdict["gone"] is not None:
            raise GoneError(*verdict["gone"]) from error
        if error is not None:
            raise error
        raise rebuilt(*verdict["error"])

    @contextlib.contextmanager
    def together(self, what: str) -> Iterator[None]:
        """Do something, and leave the block when all processes have: an error in any is raised in all."""
        try:
            yield
        except GoneError:
            raise
        except BaseException as error:
            if not self._has_parted:
                self.meet(what, error)
            raise
        self.meet(what)

    def agree(self, what: str, facts: dict[str, str]) -> None:
        """Compare what the processes are about to do. Raises RuntimeError, the same in all, where they differ.

        What they did before has to have ended in each of them, in the background too.
        """
        words = self.meet(what, word=facts)
        while _finished and jax.process_index() == 0:  # all who are here have ended what they did before
            forget(self._store, _finished.pop())
        for i, theirs in enumerate(words):
            for name, value in words[0].items():
                if theirs.get(name) != value:
                    self._has_parted = True
                    found = f"{name} is {theirs.get(name)} in process {i}, and {value} in process 0"
                    raise RuntimeError(f"the processes do not do the same in {what}: {found}; nothing has been written")

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Where the block raises what the others do not know of yet, they are told, wherever they wait.

        From here on this process tells them that it lives: one that is killed before they have met is missed too.
        """
        try:
            self._pulse.start()
            yield
        except BaseException as error:
            self._pulse.stop()
            if not self._has_parted:
                self._has_parted = True
                self.leave(error)
            raise

    def leave(self, error: BaseException) -> None:
        """Tell the others, wherever they wait, that this process does not come any more."""
        told = {"host": socket.gethostname(), "error": told_of(error)}
        with contextlib.suppress(Exception):
            key = f"{self._prefix}/left/{jax.process_index()}"
            self._answered(self._store.key_value_set, key, json.dumps(told))

    # --- bytes for another process ---------------------------------------------------------------------

    def give(self, name: str, data: bytes) -> None:
        """Leave bytes under a name for another process, which takes them after the next meeting."""
        text, room = base64.b85encode(data).decode(), f"{self._prefix}/given/{name}/{jax.process_index()}"
        parts = range(0, len(text), _VALUE)
        self._answered(self._store.key_value_set, room, str(len(parts)))
        for i, at in enumerate(parts):
            self._answered(self._store.key_value_set, f"{room}/{i}", text[at : at + _VALUE])

    def take(self, process: int, name: str) -> bytes:
        """What a process has given."""
        room = f"{self._prefix}/given/{name}/{process}"
        n = int(self._ask(room, room, "take what was given"))
        return base64.b85decode("".join(self._ask(f"{room}/{i}", room, "take what was given") for i in range(n)))

    # --- waiting --------------------------------------------------------------------------------------

    def _verdict(self, room: str, what: str, n: int) -> dict[str, Any]:
        reports: list[dict[str, Any]] = []
        try:
            for i in range(n):
                reports.append(json.loads(self._ask(f"{room}/of/{i}", room, what)))
        except GoneError as gone:
            return {"gone": [gone.process, str(gone)], "error": None, "words": []}
        return {"gone": None, "error": _error_of(reports), "words": [report["word"] for report in reports]}

    def _ask(self, key: str, room: str, what: str) -> str:
        begun, said = time.monotonic(), _SAY
        while True:
            try:
                return self._answered(self._store.blocking_key_value_get, key, _ASK)
            except RuntimeError as error:  # jax's own class of it has had several names
                if "DEADLINE_EXCEEDED" not in str(error):
                    text = "process 0, which keeps the store of jax.distributed, does not answer any more"
                    raise GoneError(0, f"{text}: {error}") from error
            answer()
            waited = time.monotonic() - begun
            is_judge, is_long = jax.process_index() == 0, waited >= said
            # Of thousands of processes one may ask for all of them each second, and not each of them.
            missing = self._missing(room) if is_judge or is_long or waited > self.patience else []
            self._refuse_gone(missing, waited, what)
            if is_long:
                said *= 2
            if is_long and missing and jax.process_index() == min(_others(missing), default=-1):
                shown = ", ".join(map(str, missing[:8])) + (f" and {len(missing) - 8} more" if missing[8:] else "")
                say(f"waiting for process {shown} to come for {what}, since {waited:.0f} s")

    def _refuse_gone(self, missing: list[int], waited: float, what: str) -> None:
        """Raise GoneError where a process has left, is not heard of, or has not come within the patience.

        Process 0 judges the others, and these judge process 0 alone: what it says holds for all.
        """
        for name, value in self._listed(f"{self._prefix}/left"):
            told, who = json.loads(value), int(name)
            if who != jax.process_index():
                raise GoneError(who, f"process {who} on {told['host']} {cause_of(told['error'])}")
        now = time.monotonic()
        folder = f"{self._prefix}/pulse"
        for name, _ in self._listed(folder) if jax.process_index() == 0 else self._listed(f"{folder}/0"):
            who, beat = int(name.split("/")[0]) if "/" in name else 0, name
            if self._seen.get(who, ("", 0))[0] != beat:
                self._seen[who] = beat, now
        for who in missing if jax.process_index() == 0 else [0]:
            last = self._seen.get(who)
            if last is not None and now - last[1] > SILENCE:
                text = f"process {who} has not been heard of for {now - last[1]:.0f} s, and was waited for ({what})"
                raise GoneError(who, f"{text}; it has been killed, or its host is lost")
            if who in missing and not self._have_met and waited > self.patience:
                raise GoneError(who, f"process {who} did not come within {self.patience:.0f} s, for {what}")

    def _missing(self, room: str) -> list[int]:
        here = {int(name) for name, _ in self._listed(f"{room}/of")}
        return [i for i in range(jax.process_count()) if i not in here]

    def _listed(self, folder: str) -> list[tuple[str, str]]:
        found = self._answered(self._store.key_value_dir_get, folder)
        return [(key.split(f"{folder}/", 1)[1], value) for key, value in found]

    def _answered(self, call: Callable[..., _T], *arguments: Any) -> _T:
        """What a call to the store returns, which waits for ever where its host is lost. Raises GoneError then."""
        if jax.process_index() == 0:  # which keeps it
            return call(*arguments)
        work, begun = started(functools.partial(call, *arguments)), time.monotonic()
        while not work.ends_within(_ASK / 1000):
            answer()
            if time.monotonic() - begun > SILENCE:
                raise GoneError(0, NO_ANSWER.format(SILENCE))
        return work.result()


def meet(what: str, error: BaseException | None = None, word: Any = None) -> list[Any]:
    """An operation of one meeting; see `Meetings.meet`."""
    meetings = Meetings()
    try:
        return meetings.meet(what, error, word)
    finally:
        if jax.process_index() == 0:
            _finished.append(meetings._prefix)


def _others(missing: list[int]) -> Iterator[int]:
    return (i for i in range(jax.process_count()) if i not in missing)


def _error_of(reports: list[dict[str, Any]]) -> list[Any] | None:
    for i, report in enumerate(reports):
        if report["error"]:
            return [i, report["host"], report["error"]]
    for i, report in enumerate(reports):
        if report["what"] != reports[0]["what"]:
            text = f"{report['what']}, where process 0 came for {reports[0]['what']}"
            return [i, report["host"], {"type": None, "text": text}]
    return None
