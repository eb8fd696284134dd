"""What a program is told that has no jax or flax and asks for what needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from ..format.extras import how_to_install

_OF_THE_EXTRA: Final = ("jax", "jaxlib", "flax")


@contextlib.contextmanager
def needing_jax(what: str) -> Iterator[None]:
    """A block of imports for `what`. Raises ModuleNotFoundError that says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in _OF_THE_EXTRA:
            raise
        text = f"{what} needs {name}, which is not installed: {how_to_install('jax')}"
        raise ModuleNotFoundError(text, name=error.name) from None
