"""Spec chapter 00: the one error that every refusal raises."""

from __future__ import annotations

import re
from typing import Final

CUT_OFF: Final = (
    "the file has been cut off; copy or save it again, or rescue the intact leaves with `streamckpt salvage`"
)
DAMAGED: Final = "the file is damaged; get it again, or rescue the intact leaves with `streamckpt salvage`"
_VOWEL: Final = re.compile("[aeio]|u(?!i)|HTML|nd")  # as it is spoken: an ndarray, a uint8
_LISTED: Final = 10  # further leaves that a message names
_LONGEST_DETAIL: Final = 500  # characters of a detail: what a file says may be of any length


def counted(n: int, what: str) -> str:
    """A number of things for people: 1 leaf, 20,000 leaves, 1 finite value."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what[:-4]}leaves" if what.endswith("leaf") else f"{n:,} {what}s"


def article(what: str) -> str:
    """The name of a kind of file, or of a class, behind its article."""
    return f"{'an' if _VOWEL.match(what) else 'a'} {what}"


class UsageError(ValueError):
    """Wrong arguments, such as a load prefix or a dtype that does not exist.

    `clause` is the id of the clause that refuses them, or None if no clause covers them.
    """

    def __init__(self, detail: str, clause: str | None = None) -> None:
        super().__init__(detail)
        self.clause = clause


class FormatError(ValueError):
    """An input or a tree that the specification refuses.

    `clause` is the clause id, `offset` the byte offset in the file (None when writing), `path` the key
    path of the leaf (None if unknown), `detail` what is wrong, `advice` what to do next, and `file` the
    name of the file, set by whoever opened it. `others` are the refusals of further leaves of the same file, where
    each leaf has checksums of its own and all of them have been read.
    """

    def __init__(
        self,
        clause: str,
        offset: int | None,
        path: tuple[str, ...] | None,
        detail: str,
        advice: str | None = None,
    ) -> None:
        if len(detail) > _LONGEST_DETAIL:
            detail = f"{detail[:_LONGEST_DETAIL]}..."
        super().__init__(clause, offset, path, detail, advice)
        self.clause = clause
        self.offset = offset
        self.path = path
        self.detail = detail
        self.advice = advice
        self.file: str | None = None
        self.others: tuple[FormatError, ...] = ()

    # CONF-5: "A refusal SHOULD name the clause, the byte offset, and the key path where one is known."
    def __str__(self) -> str:
        where = [self.clause]
        if self.offset is not None:
            where.append(f"byte {self.offset}")
        if self.path is not None:
            where.append(f"leaf {self.path}" if str(self.path) else "leaf ''")
        text = f"{self.detail} ({', '.join(where)})"
        if self.file is not None:
            text = f"{self.file}: {text}"
        if self.others:
            names = ", ".join(str(error.path) for error in self.others[:_LISTED])
            left = len(self.others) - _LISTED
            more = f" and {left:,} more" if left > 0 else ""
            text = f"{text}; {counted(len(self.others), 'more leaf')} damaged: {names}{more}"
        return f"{text}; {self.advice}" if self.advice else text


class WrongKind(FormatError):
    """A file of a different kind from the one asked for; `kind` names what it is (spec CONV-6)."""

    kind: str = ""
