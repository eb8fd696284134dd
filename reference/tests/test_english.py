"""Errors, help and docstrings are plain English: none of the phrases that have crept in before."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What a phrase looked like, and what to write instead.
FORBIDDEN = {
    r"\b(?<![Tt]here )(?<!That )is no (?!longer|more|less|bigger|smaller|better|worse|wider|deeper)[a-z]": "is not a",
    r"\b(?<![Tt]here )are no (?!longer|more)[a-z]": "are not ...",
    r"\b(is|are) due\b": "expected ..., found ...",
    r"\bhere stands?\b": "found ...",
    r"\b(held|hold|holds|holding) (\w+ ){0,4}against\b": "compared with",
    r"\bheld to (be|the|all)\b": "taken for, checked against, has to",
    r"(?i)\bwho does so\b": "which programs do this",
    r"\bwhat is whole\b|\bis whole of\b": "the intact leaves",
    r"\bthat this command succeeds\b|\bscript that `[\w.]+` succeeds\b": "that this command replaces",
    r"(?:^|[.:] )Of an? ": "begin with the subject",
    r"\b1 (leaves|values|finite values)\b": "counted(n, 'leaf')",
}
# What is raised or printed says nothing of things that stand somewhere: it is there, occurs, follows or begins.
_STANDS = r"\b(stands?|stood)\b(?! for)"
MODULES = [
    path
    for wing in ("reference", "streamckpt", "conformance", "fuzz")
    for path in sorted((ROOT / wing).rglob("*.py"))
    # the cases' texts are the specification's voice, and clients and mutants are programs of others
    if not {"tests", "cases", "products", "mutants", "clients"} & set(path.relative_to(ROOT).parts)
]
# Pages, and programs in other languages: all that is written in them, comments as well.
PROSE = [
    path
    for pattern in (
        "*.md",
        "docs/pages/**/*.md",
        "docs/**/*.py",
        "docs/explorer/**/*.mjs",
        "docs/theme/*.html",
        "benchmarks/*.*",
        "examples/*.py",
        "fuzz/*.md",
        "conformance/*.md",
        "conformance/cases/*.py",
        "conformance/clients/**/*.*",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.suffix in (".md", ".py", ".mjs", ".ts", ".html", ".c", ".h", ".rs", ".xfails") and "tests" not in path.parts
]
_LEADER = re.compile(r"^\s*(?:/{2,3}!?|/?\*+|#+)?\s*")  # of a comment


def texts_of(path):
    """The texts of a module with their lines: docstrings, and all that is raised or printed."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, text, False
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value, id(node) in docstrings


def faults(text, is_docstring, is_for_users=True):
    """The forbidden phrases in a text, with what to write instead; those of users are judged more strictly."""
    one_line = " ".join(text.split())
    for phrase, instead in FORBIDDEN.items():
        if found := re.search(phrase, one_line):
            yield f"{found[0]!r} ({instead})"
    if is_for_users and not is_docstring and (found := re.search(_STANDS, one_line)):
        yield f"{found[0]!r} (is, occurs, follows, begins)"


def lines_of(path):
    """The lines of a file, each with the next one, where a phrase may go on; comments without their marks."""
    lines = [_LEADER.sub("", line) for line in path.read_text().split("\n")]
    for number, (line, following) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        yield number, len(line), f"{line} {following}"


@pytest.mark.parametrize("suffix", sorted({path.suffix for path in PROSE}))
def test_no_page_and_no_program_has_one_either(suffix):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r} ({instead})"
        for path in PROSE
        if path.suffix == suffix
        for number, length, text in lines_of(path)
        for phrase, instead in FORBIDDEN.items()
        if (match := re.search(phrase, text)) and match.start() < length
    ]
    assert not found, "\n".join(found)


def test_the_errors_of_clients_are_judged_like_those_of_the_reference():
    quoted = re.compile(r""""[^"]*"|'[^']*'|`[^`]*`""")
    programs = [path for path in PROSE if path.suffix in (".c", ".h", ".mjs", ".rs") and "clients" in path.parts]
    assert {path.suffix for path in programs} == {".c", ".h", ".mjs", ".rs"}
    found = [
        f"{path.relative_to(ROOT)}:{number}: {text}"
        for path in programs
        for number, line in enumerate(path.read_text().split("\n"), 1)
        if not line.lstrip().startswith(("//", "/*", "*"))
        for text in quoted.findall(line)
        if re.search(_STANDS, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("wing", ["reference", "streamckpt", "conformance", "fuzz"])
def test_no_text_has_a_phrase_that_is_forbidden(wing):
    modules = [path for path in MODULES if path.relative_to(ROOT).parts[0] == wing]
    assert modules
    found = [
        f"{path.relative_to(ROOT)}:{line}: {fault}"
        for path in modules
        for line, text, is_docstring in texts_of(path)
        for fault in faults(text, is_docstring, is_for_users=wing in ("reference", "streamckpt"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "'x' is no dtype tag",
        "4 more bytes are due and 2 are left",
        "a record is due, and here stands an int",
        "Arrays are held against each other",
        "the texts are no arrays",
        "Write what is whole of a damaged file",
        "The size. Of a plain stream there is none.",
        "a list stands in the tree",
        "cast 1 leaves",
    ],
)
def test_the_phrases_are_found(text):
    assert list(faults(text, is_docstring=False))


@pytest.mark.parametrize("text", ["there is no such folder", "it is no longer there", "held open", "hold on"])
def test_what_is_english_is_left_alone(text):
    assert not list(faults(text, is_docstring=False))
