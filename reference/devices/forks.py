"""Processes that are forked from one that has saved arrays of jax: they end as any other does.

A forked process has none of the threads of its parent, and jax waits for these when what has started them is destroyed
at the end: the process would hang, or crash. One of a `jax.distributed` job would tell the store of the job, over the
connection of its parent, that it ends, and jax would abort the parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import Any

import jax

_clients: list[Any] = []  # of jax, one for each kind of device


def prepare() -> None:
    """Note what a process that is forked from here on lets alone."""
    devices = jax.local_devices()
    with contextlib.suppress(RuntimeError):  # jax may have been told to leave the processor out
        devices = [*devices, *jax.local_devices(backend="cpu")]
    _clients[:] = {id(device.client): device.client for device in devices}.values()


def _let_alone() -> None:
    """In a forked process: keep for ever what must not be destroyed, and forget what must not be told of the end."""
    if not _clients:
        return
    for client in _clients:
        _keep(client)
    for name, module in list(sys.modules.items()):
        if name.startswith("jax."):
            for value in list(vars(module).values()):
                if type(value).__module__.startswith("jaxlib"):  # pools of threads among them
                    _keep(value)
    with contextlib.suppress(AttributeError, KeyError):
        state = vars(sys.modules["jax._src.distributed"])["global_state"]  # `job_store` says why by this name
        for name in ("preemption_sync_manager", "client", "service"):
            _keep(getattr(state, name))
            setattr(state, name, None)


def _keep(thing: Any) -> None:
    """Have something outlive Python, which lets go at its end of all that has a name."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


os.register_at_fork(after_in_child=_let_alone)
