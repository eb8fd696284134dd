"""One guide, run from top to bottom: what came out of each block, compared with what the page shows."""

from __future__ import annotations

import contextlib
import difflib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from .page import ROOT, Block, Command, GuideError, blocks, commands
from .same import same, shown
from .sessions import Interpreter, Outcome, Shell, environment

_TRACEBACK: Final = "Traceback (most recent call last):"


class Difference(NamedTuple):
    """Lines `first` to `last` (without it) of a page, from 0, and what should stand there."""

    first: int
    last: int
    wanted: list[str]
    got: list[str]
    about: str

    def __str__(self) -> str:
        rows = difflib.unified_diff(self.wanted, self.got, "the page", "what came out", lineterm="", n=1)
        return "\n".join([f"line {self.first + 1}, {self.about}", *(f"    {row}" for row in rows)])


class Guide:
    """A run of a guide in a folder of its own."""

    def __init__(self, text: str, folder: Path) -> None:
        self.text = text
        self.folder = folder
        self.places = [(str(folder), "~/work"), (str(ROOT), "~/streamckpt")]
        self.not_run: list[str] = []  # the reasons

    def differences(self) -> Iterator[Difference]:
        """Run every block, and give what differs as it is found. Raises GuideError for one that fails."""
        variables = environment(self.folder)
        with Shell(self.folder, variables) as shell, contextlib.ExitStack() as stack:
            interpreter: Interpreter | None = None
            todo = list(blocks(self.text))
            for i, block in enumerate(todo):
                before, after = (todo[i - 1] if i else None), (todo[i + 1] if i + 1 < len(todo) else None)
                if block.not_run:
                    self.not_run.append(block.not_run)
                elif block.title and block.title.startswith("from "):
                    _hold_excerpt(block, ROOT / block.title[5:])
                elif block.title and block.language == "diff":
                    _change(self.folder / block.title, block)
                elif block.title:
                    _save(self.folder / block.title, block.text)
                elif block.language == "console":
                    yield from self._console(shell, block)
                elif block.language == "python":
                    if interpreter is None:
                        interpreter = Interpreter(self.folder, variables)
                        stack.enter_context(interpreter)
                    yield from self._python(interpreter, block, after)
                elif not (block.language == "text" and before is not None and _has_output(before)):
                    kind = block.language or "of no language"
                    raise GuideError(f"line {block.first}: nothing here says what a block {kind} is for")

    def _console(self, shell: Shell, block: Block) -> Iterator[Difference]:
        todo = list(commands(block))
        for command, after in zip(todo, [*todo[1:], None], strict=True):
            outcome = shell.run(command.text)
            if outcome.status and not _asks_for_status(after):
                raise GuideError(_failed(command.first, command.text, outcome))
            yield from self._compared(command.first, command.shown, outcome, f"of `{command.text}`")

    def _python(self, interpreter: Interpreter, block: Block, after: Block | None) -> Iterator[Difference]:
        outcome = interpreter.run(block.text)
        if outcome.status:
            raise GuideError(_failed(block.first, block.text, outcome))
        if after is not None and after.language == "text" and not after.title:
            yield from self._compared(after.first, after.lines, outcome, "the output of the Python above it")
        elif outcome.output:
            raise GuideError(f"line {block.first}: a `text` block has to stand under this, for\n{outcome.output}")

    def _compared(self, first: int, wanted: list[str], outcome: Outcome, about: str) -> Iterator[Difference]:
        if _TRACEBACK in outcome.output:  # in a pipeline no exit status says so, and --write would keep it
            raise GuideError(f"line {first + 1}, {about}: a Python program has raised\n{outcome.output}")
        got = shown(outcome.output, self.places)
        if not same(wanted, got):
            yield Difference(first, first + len(wanted), wanted, got, about)


class Report(NamedTuple):
    """Where a page differs from what came out, up to a failure if there was one, and the reasons of blocks not run."""

    differences: list[Difference]
    not_run: list[str]
    failure: str | None


def run(text: str) -> Report:
    """Run a guide in a new folder."""
    report = Report([], [], None)
    with tempfile.TemporaryDirectory(prefix="guide-") as name:
        guide = Guide(text, Path(name).resolve())
        try:
            for difference in guide.differences():
                report.differences.append(difference)
        except GuideError as error:
            report = report._replace(failure=str(error))
    return report._replace(not_run=guide.not_run)


def written(text: str, differences: list[Difference]) -> str:
    """The page with what came out."""
    lines = text.splitlines()
    for difference in reversed(differences):
        lines[difference.first : difference.last] = difference.got
    return "".join(f"{line}\n" for line in lines)


def _has_output(block: Block) -> bool:
    return block.language == "python" and not block.title and not block.not_run


def _asks_for_status(command: Command | None) -> bool:
    return command is not None and command.text == "echo $?"


def _failed(first: int, text: str, outcome: Outcome) -> str:
    return f"line {first + 1}: exit status {outcome.status} of\n{text.rstrip()}\n{outcome.output}"


# --- files ----------------------------------------------------------------------------------------------------------


def _save(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _change(path: Path, block: Block) -> None:
    """Put the lines with `+` or a space in place of those with `-` or a space, which have to stand in the file once.

    A line that begins with `@@` stands between two changes of a file.
    """
    if not path.exists():
        raise GuideError(f"line {block.first}: there is no file {block.title} yet")
    text = path.read_text()
    for part in re.split(r"^@@.*\n", block.text, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in "- ")
        new = "".join(line[1:] for line in lines if line[0] in "+ ")
        if text.count(old) != 1:
            raise GuideError(f"line {block.first}: {block.title} has {text.count(old)} places for\n{old}")
        text = text.replace(old, new)
    path.write_text(text)


def _hold_excerpt(block: Block, path: Path) -> None:
    """Raises GuideError where a passage does not stand in its file, in this order."""
    text, at = path.read_text(), 0
    for part in block.text.split("\n...\n"):
        at = text.find(part.strip("\n"), at)
        if at < 0:
            raise GuideError(f"line {block.first}: this does not stand in {path.name}:\n{part}")
