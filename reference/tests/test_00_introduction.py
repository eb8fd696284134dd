"""The specification and the code are one text: citations, examples, clause ids, the order of modules."""

import ast
import re
import subprocess
import sys

import pytest

from reference.errors import FormatError
from reference.flax_msgpack import flax_steps, read_flax
from reference.payloads import SourcePayload, write_steps
from reference.records import Item
from reference.streams import read_stream, stream_steps
from reference.tests.handmade import BytesSink
from reference.trees import depth_first
from reference.wire import BytesSource

CORE = [
    "errors",
    "wire",
    "keypaths",
    "dtypes",
    "payloads",
    "arrays",
    "chunked",
    "leaves",
    "runs",
    "records",
    "streams",
    "trees",
    "flax_msgpack",
    "conversion",
    "boxes",
    "threads",
    "slices",
    "states",
    "files",
    "outputs",
    "kinds",
    "blocks",
    "digests",
    "manifests",
    "safetensors_file",
    "containers",
    "patterns",
    "checkpoints",
    "salvaging",
    "progress",
    "targets",
    "background",
    "devices.backends",
    "devices.casts",
    "devices.cast_payload",
    "devices.processes",
    "devices.parts",
    "devices.outflow",
    "devices.structure",
    "devices.placing",
    "devices.restoring",
    "loading",
    "saving",
    "sidecars",
    "devices.gathering",
    "checkpointer",
    "arithmetic",
    "devices.arithmetic",
    "devices.words",
    "computing",
    "contents",
    "sides",
    "recovery",
    "comparison",
    "subtraction",
    "delta",
    "command",
    "convert",
    "diff",
    "compare",
    "inspect",
    "verify",
    "salvage",
    "cli",
]


def modules(root):
    """The modules of the reference by name; what touches jax stands in the package `devices`."""
    folder = root / "reference"
    found = sorted(path for path in (*folder.glob("*.py"), *folder.glob("devices/*.py")) if path.stem != "__init__")
    return {".".join(path.relative_to(folder).with_suffix("").parts): path for path in found}


def clauses(root):
    """Clause id -> its text, of all chapters."""
    found = {}
    for chapter in sorted((root / "spec/1.0").glob("*.md")):
        for part in re.split(r"^#### ", chapter.read_text(), flags=re.M)[1:]:
            clause, _, text = part.partition("\n")
            assert re.fullmatch(r"[A-Z]+-[1-9][0-9]*", clause), f"{chapter.name}: {clause!r} is no clause id"
            assert clause not in found, f"{clause} stands twice"
            found[clause] = text
    return found


def flat(text):
    return " ".join(text.split())


def test_every_citation_stands_in_the_specification_to_the_letter(root):
    texts = {clause: flat(text) for clause, text in clauses(root).items()}
    count = 0
    for module in modules(root).values():
        comments = re.sub(r"\n\s*#\s*", " ", module.read_text())
        for clause, sentence in re.findall(r'([A-Z]+-\d+): "([^"]+)"', comments):
            assert flat(sentence) in texts.get(clause, ""), f"{module.name} cites {clause} wrongly: {sentence}"
            count += 1
    assert count > 40


def test_every_clause_that_the_code_names_exists(root):
    known = clauses(root)
    prefixes = {clause.split("-")[0] for clause in known}
    for module in modules(root).values():
        for name in re.findall(r"\b([A-Z]+-\d+)\b", module.read_text()):
            assert name in known or name.split("-")[0] not in prefixes, f"{module.name} names {name}"


def test_every_refusal_clause_of_the_reader_is_raised_somewhere(root):
    """A clause that says what a reader refuses is cited where the code refuses it."""
    code = "".join(module.read_text() for module in modules(root).values())
    for clause, text in clauses(root).items():
        if "hex refuse" in text or "hex flax refuse" in text:
            assert f'"{clause}"' in code or clause == "STREAM-1", f"nothing raises {clause}"


def examples(root):
    for clause, text in clauses(root).items():
        for i, (info, body) in enumerate(re.findall(r"^```hex ([^\n]*)\n(.*?)^```", text, flags=re.M | re.S)):
            data = bytes.fromhex(re.sub(r"#.*", "", body))
            yield pytest.param(clause, info, data, id=f"{clause}-{i}-{info.replace(' ', '-')}")


def pytest_generate_tests(metafunc):
    if "example" in metafunc.fixturenames:
        from pathlib import Path

        found = list(examples(Path(__file__).parents[2]))
        assert len(found) > 60
        metafunc.parametrize("clause, info, example", found)


def test_every_example_is_judged_as_it_is_marked(clause, info, example):
    words = info.split()
    read = read_flax if "flax" in words else read_stream
    if "accept" in words:
        assert read(BytesSource(example))
        assert is_canonical(example, "flax" in words) == ("longer" not in words)
        return
    assert "refuse" in words
    named = words[-1] if words[-1] != "refuse" else clause
    with pytest.raises(FormatError) as caught:
        read(BytesSource(example))
    assert caught.value.clause == named, str(caught.value)
    assert caught.value.offset is not None


def is_canonical(data, flax):
    source = BytesSource(data)
    records = depth_first((read_flax if flax else read_stream)(source))
    items = [Item(r.path, r.leaf, lambda r=r: SourcePayload(source, r.extents())) for r in records]
    sink = BytesSink()
    write_steps(sink, (flax_steps if flax else stream_steps)(items))
    return sink.data == data


def test_modules_import_only_those_before_them(root):
    assert sorted(CORE) == sorted(modules(root))
    for name, module in modules(root).items():
        allowed = set(CORE[: CORE.index(name)])
        package = name.split(".")[:-1]
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                imported = ".".join([*package[: len(package) + 1 - node.level], node.module])
                assert imported in allowed, f"{name} imports {imported}"


def test_jax_and_flax_are_imported_at_the_rim_alone(root):
    for name, module in modules(root).items():
        if name.startswith("devices.") or name == "checkpointer":
            continue
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"jax", "flax", "devices"} & {part.split(".")[0] for part in names}, name


def test_chapters_modules_and_tests_carry_the_same_names(root):
    chapters = [chapter.stem for chapter in sorted((root / "spec/1.0").glob("[0-9]*.md"))]
    named = [chapter.split("-", 1)[1].replace("-", "_") for chapter in chapters]
    assert [name for name in CORE if name in named] == named[1:]  # 00-introduction is errors.py
    tests = {test.stem for test in (root / "reference/tests").glob("test_[0-9]*.py")}
    assert tests == {f"test_{chapter.replace('-', '_')}" for chapter in chapters}


def test_files_stay_small(root):
    for module in modules(root).values():
        assert len(module.read_text().splitlines()) <= 300, f"{module.name} has grown past 300 lines"


def test_importing_reference_imports_no_large_library():
    names = "('jax', 'flax', 'rich', 'safetensors', 'zstandard')"
    code = f"import sys, reference; print([m for m in {names} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
