"""Errors told by one process to others: as JSON holds them, and made again with the name of the process."""

from __future__ import annotations

from typing import Any

from ..format.errors import FormatError
from ..format.keypaths import KeyPath


def told_of(error: BaseException) -> dict[str, Any]:
    if isinstance(error, FormatError):
        path = None if error.path is None else list(error.path)
        arguments = [error.clause, error.offset, path, error.detail, error.advice]
        return {"type": "FormatError", "arguments": arguments, "file": error.file, "text": str(error)}
    if isinstance(error, OSError) and error.errno is not None:
        arguments = [error.errno, error.strerror, str(error.filename or "")]
        return {"type": "OSError", "arguments": arguments, "text": str(error)}
    return {"type": type(error).__name__, "text": str(error)}


def cause_of(told: dict[str, Any]) -> str:
    if told["type"] == "KeyboardInterrupt":
        return "was interrupted (KeyboardInterrupt)"
    return f"failed: {told['type']}: {told['text']}" if told["type"] else f"came for {told['text']}"


def rebuilt(process: int, host: str, told: dict[str, Any]) -> Exception:
    who = f"process {process} on {host}"
    if told["type"] == "FormatError":
        clause, offset, path, detail, advice = told["arguments"]
        error = FormatError(clause, offset, None if path is None else KeyPath(path), f"{who}: {detail}", advice)
        error.file = told["file"]
        return error
    if told["type"] == "OSError":
        number, text, filename = told["arguments"]
        return OSError(number, f"{who}: {text}", filename or None)
    return RuntimeError(f"{who} {cause_of(told)}")
