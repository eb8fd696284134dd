"""The seam of containers: what a kind of file offers, so that all that is read and written here can be of that kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..format.errors import FormatError, counted
from ..format.payloads import Step
from ..format.records import Item, Record
from ..format.seals import Seal
from ..format.wire import Source
from ..storage.place import OpenedFile

HEAD: Final = 512  # bytes from which a kind is told


class Unheld(NamedTuple):
    """A tensor that a file has and no array here can hold: `text` is its dtype and shape as the file says them."""

    path: tuple[str, ...]
    text: str
    nbytes: int
    offset: int  # of its payload
    error: FormatError  # by which it is refused, where it is chosen


class Departure(NamedTuple):
    """What the specification refuses in a file, and is read all the same: keys of flax files that are ints.

    `error` refuses the first of these `keys`.
    """

    error: FormatError
    keys: int

    def tell(self, name: str) -> None:
        """Warn of it, in the name of a file."""
        many = self.keys > 1
        are = "are ints, and were read as the texts of their" if many else "is an int, and was read as the text of its"
        warnings.warn(f"{name}: {counted(self.keys, 'key')} {are} digits", stacklevel=4)


class Contents(NamedTuple):
    """What a file says before any payload is read.

    `version` is that of the format, where the file states one. `metadata` is what it holds beside its leaves.
    `index_at` is where its own index stands, as (offset, bytes), None where its leaves had to be found one by one.
    `seal` is what a sealed stream ends with. `checked` is the file, where what is read from it is to be compared with
    its seal: the leaves are then read from there. `unheld` are tensors that are listed and cannot be read, and `clash`
    is the refusal of records that are not one tree (CONV-7): either stops those alone who choose them. `departure` is
    what is read although the specification refuses it, and nobody has asked for that. `below` is the key path that a
    prefix takes off, where one does.
    """

    records: list[Record]
    version: str | None = None
    metadata: Mapping[str, Any] = MappingProxyType({})
    index_at: tuple[int, int] | None = None
    seal: Seal | None = None
    checked: OpenedFile | None = None
    unheld: tuple[Unheld, ...] = ()
    clash: FormatError | None = None
    departure: Departure | None = None
    below: tuple[str, ...] = ()


class Container(NamedTuple):
    """One kind of file: a row of `registry.CONTAINERS`. `streamckpt.testing.ContainerJudge` judges any such row.

    - `kind` names it for people, and `advice` says what to do with such a file where another kind is expected.
    - `clause` is the one by which a file that is not of this kind is refused.
    - `begins` tells it from the first bytes, HEAD at most, and the size of the file; it never raises.
    - `read` reads and checks every header of a source, and no payload. Raises FormatError.
    - `steps` are those that write the leaves given, refused as a whole where one cannot be written (CONF-7). Raises
      FormatError.
    """

    kind: str
    advice: str
    clause: str
    begins: Callable[[bytes, int], bool]
    read: Callable[[Source], Contents]
    steps: Callable[[Sequence[Item]], list[Step]]


class Loss(NamedTuple):
    """A stretch of the file, from `offset` up to `end`, that holds no whole record, and the refusal of what it is."""

    offset: int
    end: int
    error: FormatError
