"""Wrong programs made from the text of one in C, JavaScript or Rust: one token or one statement is another.

None of the operators knows where a line stands. What they make need not be a program: that is for the compiler to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple


class Changed(NamedTuple):
    """One file of a client with one change, and the whole of its changed text."""

    file: str
    change: str  # what was changed, and of several that are alike which: wherever in the file that is
    text: str
    at: int  # where in the text

    def __str__(self) -> str:
        return f"{self.file}, {self.change}"


# What is no code, or not looked at: comments, texts and characters, regular expressions of JavaScript, lines for the
# preprocessor of C, SHA-256 and CRC-32C by the instructions of a processor.
_COMMENT: Final = r"//[^\n]*|/\*.*?\*/"
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_NO_CODE: Final = {
    ".c": rf"{_COMMENT}|{_TEXT}|'(?:[^'\\\n]|\\[^\n]+?)'|^#ifdef HAVE_(?:SHA_NI|CRC32)\n.*?^#endif|^#(?:[^\n]|\\\n)*",
    ".mjs": rf"{_COMMENT}|{_TEXT}|'(?:[^'\\]|\\.)*'|`[^`]*`|(?<=[(=,:] )/[^/\n]+/\w*|(?<=\()/[^/\n]+/\w*",
    ".rs": rf'{_COMMENT}|r#".*?"#|{_TEXT}|b?\'(?:[^\'\\\n]|\\[^\n]+?)\'|#!?\[[^\n]*\]|^mod (?:sha_ni|sse).*?^\}}',
}
_LIKE: Final = {".h": ".c"}
_PAIRS: Final = (
    *(("<", "<="), (">", ">="), ("==", "!="), ("===", "!=="), ("&&", "||"), ("+", "-"), ("<<", ">>")),
    *(("&", "|"), ("+=", "-=")),
)
_OTHERS: Final = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
# An operator stands between spaces in all three, and what is in angle brackets does not.
_OPERATOR: Final = re.compile(
    rf"(?<=[ \n])(?:{'|'.join(map(re.escape, sorted(_OTHERS, key=len, reverse=True)))})(?=[ \n])"
)
_NUMBER: Final = re.compile(r"(?<![\w.])(0x[0-9a-fA-F_]+|\d[\d_]*)(?=n\b|u\b|u8\b|[^\w.]|\.\.)")
_WORD: Final = re.compile(r"\b(?:true|false)\b")
_NOT: Final = re.compile(r"(?<=[ (])!(?=[\w(])")
_IF: Final = re.compile(r"\b(?:if|while) (?!let\b)")
_CALL: Final = re.compile(r"(?<=[;{})\n])(\s+)([A-Za-z_][\w.>-]*)\(")
_KEYWORDS: Final = {"if", "while", "for", "switch", "return", "sizeof", "match", "function", "catch"}


def changes(file: Path) -> Iterator[Changed]:
    """All single changes of a program, in the order of its text."""
    text, seen, suffix = file.read_text(), Counter[str](), _LIKE.get(file.suffix, file.suffix)
    code = re.sub(
        _NO_CODE[suffix],
        lambda found: re.sub(r"[^\n]", "\0", found[0]),
        text,
        flags=re.S | re.M,
    )
    for start, end, what, new in sorted(_edits(code, text, suffix)):
        line = text[text.rfind("\n", 0, start) + 1 : (text.find("\n", end) + 1 or len(text) + 1) - 1]
        change = f"{what}: {' '.join(line.split()):.120}"
        seen[change] += 1
        change += f", number {seen[change]} of these" if seen[change] > 1 else ""
        yield Changed(file.name, change, text[:start] + new + text[end:], start)


_Edit = tuple[int, int, str, str]  # from where to where, what that does, and what stands there then


def _edits(code: str, text: str, suffix: str) -> Iterator[_Edit]:
    for found in _OPERATOR.finditer(code):
        other = _OTHERS[found[0]]
        yield *found.span(), f"{found[0]} becomes {other}", other
    for found in _NUMBER.finditer(code):
        number = int(found[0].replace("_", ""), 0) + 1 if found[0][:2] == "0x" else int(found[0].replace("_", "")) + 1
        more = hex(number) if found[0][:2] == "0x" else str(number)
        yield *found.span(), f"{found[0]} becomes {more}", more
    for found in _WORD.finditer(code):
        other = "false" if found[0] == "true" else "true"
        yield *found.span(), f"{found[0]} becomes {other}", other
    for found in _NOT.finditer(code):
        yield *found.span(), "a not is dropped", ""
    for found in _IF.finditer(code):
        end = _condition_end(code, found.end(), suffix)
        if end is not None:
            condition, never = text[found.end() : end], "0" if suffix == ".c" else "false"
            yield found.end(), end, "never so", f"({never} && {condition})"
            yield found.end(), end, "the other way", f"(!({condition}))"
    for found in _CALL.finditer(code):
        end = _closed(code, found.end() - 1)
        ending = re.compile(r"\??;").match(code, end) if end is not None else None
        if ending and found[2] not in _KEYWORDS:
            yield found.end(1), ending.end(), "a call is dropped", ";"


def _condition_end(code: str, start: int, suffix: str) -> int | None:
    """Where the condition ends that begins here: at its bracket, or in Rust before the block; a guard has none."""
    if suffix != ".rs":
        return _closed(code, start) if code.startswith("(", start) else None
    depth = 0
    for at in range(start, min(len(code), start + 1000)):
        depth += (code[at] in "([") - (code[at] in ")]")
        if code.startswith("=>", at):
            return None
        if code[at] == "{" and not depth:
            return at - 1
    return None


def _closed(code: str, start: int) -> int | None:
    """Where the bracket ends that begins here."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] == "(") - (code[at] == ")")
        if not depth:
            return at + 1
    return None
