"""Whether jax's devices compute, found out without importing jax wherever it can be."""

from __future__ import annotations

import glob
import os
from importlib.util import find_spec
from typing import Final

from ..format.errors import UsageError
from ..format.extras import how_to_install

BACKENDS: Final = ("jax", "numpy")  # by name; `convert` and its like take any `backend.Backend` too
LEAST: Final = 1 << 18  # bytes of a block's piece; what is smaller is not worth the way to a device
# Device files of accelerators: NVIDIA's, the same under Windows, AMD's, and those of TPUs old and new.
_FILES: Final = ("/dev/nvidia[0-9]*", "/dev/dxg", "/dev/kfd", "/dev/accel*", "/dev/vfio/[0-9]*")
_PLUGINS: Final = ("jax_plugins", "libtpu")  # packages without which jax drives none of them


def wants_jax(backend: str | None, computes: bool) -> bool:
    """Whether jax's devices compute: where `backend` says so, or with None where there is an accelerator.

    Never where nothing `computes`. Raises UsageError for a backend that does not exist, is not installed or does
    not start.
    """
    if backend not in (None, *BACKENDS):
        raise UsageError(f"{backend!r} is not a backend; choose one of {', '.join(BACKENDS)}")
    if not computes or backend == "numpy":
        return False
    if backend is None:
        return _is_accelerator_in_sight() and _default_backend() not in (None, "cpu")
    if find_spec("jax") is None:
        raise UsageError(f"jax is not installed: {how_to_install('jax')}, or choose --backend=numpy")
    if _default_backend() is None:
        raise UsageError("jax does not start on this machine: see JAX_PLATFORMS, or choose --backend=numpy")
    return True


def spare_memory() -> None:
    """Let a jax that starts later take memory as it is needed.

    A command needs a few pieces of an accelerator's memory; jax would take most of it, from others too.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def _is_accelerator_in_sight() -> bool:
    """Importing jax takes a second, so it is asked only where it can be expected to find something."""
    if find_spec("jax") is None:
        return False
    if platforms := os.environ.get("JAX_PLATFORMS") or os.environ.get("JAX_PLATFORM_NAME"):
        return platforms.split(",")[0] != "cpu"
    return any(map(find_spec, _PLUGINS)) and any(map(glob.glob, _FILES))


def _default_backend() -> str | None:
    """The platform of jax's default devices, None where jax does not start: a TPU is held by one process."""
    try:
        import jax

        return jax.default_backend()
    except (ImportError, RuntimeError):
        return None
