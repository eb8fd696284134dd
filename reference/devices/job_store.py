"""The key-value store of a `jax.distributed` job, and the signs of life that a process leaves there."""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
import sys
import threading
import time
from typing import Any, Final

import jax

from ..storage.threads import started

_PULSE: Final = 2.0  # seconds between two signs of life
# Seconds: whoever waits for the store itself has raised its error by then, and jax ends all after 100.
_UNANSWERED: Final = 60.0
NO_ANSWER: Final = (
    "process 0, which keeps the store of jax.distributed, has not answered for {:.0f} s: it hangs, or its host is lost"
)
_pid = os.getpid()


class Pulse:
    """Signs of life of this process, told by a thread of its own.

    It says so once where process 0, which keeps the store, does not answer it any more: this process may wait for that
    one in a collective, which nothing ends but jax, and jax does not say for whom.
    """

    def __init__(self, store: Any, folder: str) -> None:
        self._store, self._folder = store, folder
        self._begun, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._beat, name="signs of life", daemon=True)
        with contextlib.suppress(RuntimeError):  # without a thread the others have no sign, and do not miss it
            thread.start()
            self._thread = thread
            self._begun.wait(_PULSE)  # a process that is killed before its first sign would not be missed

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        with contextlib.suppress(Exception):  # the store is gone, of which everybody else is told
            for i in itertools.count():
                sign, begun = started(functools.partial(self._tell, i)), time.monotonic()
                while not sign.ends_within(_PULSE):
                    if self._ended.is_set():
                        return
                    if time.monotonic() - begun > _UNANSWERED:
                        say(f"{NO_ANSWER.format(_UNANSWERED)}; jax ends this process soon, and the old file stays")
                        return
                sign.result()
                if self._ended.wait(_PULSE):
                    return

    def _tell(self, i: int) -> None:
        self._store.key_value_set(f"{self._folder}/{jax.process_index()}/{i}", "")
        self._begun.set()
        if i:
            forget(self._store, f"{self._folder}/{jax.process_index()}/{i - 1}")


def store_of_job() -> Any:
    """The key-value store of this job. It has no public name in any jax from 0.4.28 to 0.12, and orbax takes it so too.

    Raises RuntimeError where it is not found.
    """
    if os.getpid() != _pid:
        raise RuntimeError(
            f"this process was forked from process {jax.process_index()} of jax.distributed, and is not of that job; "
            "save and load arrays that span processes there"
        )
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


def forget(store: Any, key: str) -> None:
    with contextlib.suppress(TypeError):  # jax 0.4.28 has then forgotten it, and cannot say so
        store.key_value_delete(key)


def say(text: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(f"streamckpt: {text}", file=sys.stderr, flush=True)
