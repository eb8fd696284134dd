"""Operations that all processes of a `jax.distributed` job do together: an error of one is the error of all."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import jax

from ..format.errors import FormatError
from ..format.keypaths import KeyPath

PATIENCE: Final = 1800.0  # seconds that a process waits for the others
LOOK: Final = 1 << 28  # bytes gathered between two looks at whether all processes are well
_ASK: Final = 5_000  # milliseconds of one question to the store, between which a signal is answered
_meetings = itertools.count()  # the same in all processes, which do the same things in the same order


def is_shared(shardings: Iterator[Any] | list[Any]) -> bool:
    """Whether an operation on arrays with these shardings takes more than this process."""
    return any(not sharding.is_fully_addressable for sharding in shardings)


@contextlib.contextmanager
def together(shared: bool, what: str) -> Iterator[None]:
    """Do something in all processes, and leave the block when all have: an error in any is raised in all.

    `what` says what is done; processes that do different things are told so. Without `shared` nothing is added.
    """
    try:
        yield
    except BaseException as error:
        if shared:
            meet(what, error)
        raise
    if shared:
        meet(what)


class Joint:
    """Long work that takes collectives all along, and of which one process does more than the others.

    `collectives` are done as it is iterated, by all processes in the same order. It calls `look` now and then, and
    goes on after a failure, of which it tells by `fail`: the others wait for this process in those that follow.
    """

    def __init__(self, shared: bool, collectives: Iterator[Any]) -> None:
        self.error: BaseException | None = None  # since which this process does the collectives and nothing else
        self._shared, self._collectives = shared, collectives
        self._parted = False  # all processes know of an error

    def fail(self, error: BaseException) -> None:
        """Note what has gone wrong here. Raises it at once where no other process waits for this one."""
        if not self._shared:
            raise error
        self.error = self.error or error

    def look(self) -> None:
        """See whether all processes are well. Raises the error of the one that is not."""
        try:
            meet("work under way", self.error)
        except BaseException:
            self._parted = True
            raise

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Leave the block when all processes have: an error in any is raised in all."""
        try:
            yield
            self._finish()
        except BaseException as error:
            if self._shared and not self._parted:
                self.error = self.error or error
                with contextlib.suppress(Exception):
                    self._finish()
                if not self._parted:
                    self.look()
            raise
        if self._shared:
            self.look()

    def _finish(self) -> None:
        if self._shared:
            for _ in self._collectives:
                pass
            if self.error is not None:
                raise self.error


def meet(what: str, error: BaseException | None = None, word: Any = None) -> list[Any]:
    """Wait until all processes are here, and return the `word` that each has brought, anything JSON can hold.

    Raises the error that one of them brings, in all of them: a process raises its own error if it has one, else that
    of the first process with one, as FormatError, OSError or RuntimeError. Raises TimeoutError for a process that
    does not come.
    """
    store = _store()
    number = next(_meetings)
    room = f"streamckpt/{number}"
    me, n = jax.process_index(), jax.process_count()
    report = {"what": what, "error": _told(error) if error else None, "word": word}
    store.key_value_set(f"{room}/{me}", json.dumps(report))
    if me == 0:
        reports = [json.loads(_ask(store, f"{room}/{i}", i, what)) for i in range(n)]
        verdict = {"error": _verdict(reports), "words": [report["word"] for report in reports]}
        store.key_value_set(f"{room}/verdict", json.dumps(verdict))
        for i in range(n):
            _forget(store, f"{room}/{i}")
        if number:  # all who are here have left the room before
            _forget(store, f"streamckpt/{number - 1}/verdict")
    verdict = json.loads(_ask(store, f"{room}/verdict", 0, what))
    if error is not None:
        raise error
    if verdict["error"] is not None:
        raise _rebuilt(*verdict["error"])
    return verdict["words"]


def _store() -> Any:
    """The key-value store of this job. It has no public name in any jax from 0.4.28 to 0.12, and orbax takes it so too.

    Raises RuntimeError where it is not found.
    """
    try:
        client = importlib.import_module("jax._src.distributed").global_state.client
    except (ImportError, AttributeError) as missing:
        raise RuntimeError(
            f"arrays span processes, which meet in the key-value store of jax.distributed, and jax {jax.__version__} "
            "does not have it where jax 0.4.28 to 0.12 do; install one of these"
        ) from missing
    if client is None:
        raise RuntimeError("arrays span processes, and jax.distributed has not been initialized")
    return client


def _forget(store: Any, key: str) -> None:
    with contextlib.suppress(TypeError):  # jax 0.4.28 has then forgotten it, and cannot say so
        store.key_value_delete(key)


def _ask(store: Any, key: str, process: int, what: str) -> str:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return store.blocking_key_value_get(key, _ASK)
        except RuntimeError as error:  # jax's own class of it has had several names
            if "DEADLINE_EXCEEDED" not in str(error):
                raise
            if time.monotonic() > end:
                raise TimeoutError(f"process {process} did not come within {PATIENCE:.0f} s, to {what}") from None


def _verdict(reports: list[dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
    for i, report in enumerate(reports):
        if report["error"]:
            return i, report["error"]
    for i, report in enumerate(reports):
        if report["what"] != reports[0]["what"]:
            return i, {"type": None, "text": f"{report['what']}, where process 0 came for {reports[0]['what']}"}
    return None


def _told(error: BaseException) -> dict[str, Any]:
    if isinstance(error, FormatError):
        path = None if error.path is None else list(error.path)
        arguments = [error.clause, error.offset, path, error.detail, error.advice]
        return {"type": "FormatError", "arguments": arguments, "file": error.file}
    if isinstance(error, OSError) and error.errno is not None:
        return {"type": "OSError", "arguments": [error.errno, error.strerror, str(error.filename or "")]}
    return {"type": type(error).__name__, "text": str(error)}


def _rebuilt(process: int, told: dict[str, Any]) -> Exception:
    if told["type"] == "FormatError":
        clause, offset, path, detail, advice = told["arguments"]
        key_path = None if path is None else KeyPath(path)
        error = FormatError(clause, offset, key_path, f"process {process}: {detail}", advice)
        error.file = told["file"]
        return error
    if told["type"] == "OSError":
        number, text, filename = told["arguments"]
        return OSError(number, f"process {process}: {text}", filename or None)
    what = f"failed: {told['type']}: {told['text']}" if told["type"] else f"came for {told['text']}"
    return RuntimeError(f"process {process} {what}")
