"""The specification and the code are one text: citations, examples, clause ids, the order of modules."""

import ast
import re
import subprocess
import sys

import pytest

import reference
from reference.checkpoints.verification import verify
from reference.format.errors import FormatError
from reference.format.flax_msgpack import flax_steps, read_flax
from reference.format.payloads import StoredPayload, write_steps
from reference.format.records import Item
from reference.format.streams import read_stream, stream_steps
from reference.format.trees import depth_first
from reference.format.wire import BytesSource
from reference.tests.handmade import BytesSink

# The wings of the house, each of which imports those before it: the table in CONTRIBUTING.md.
WINGS = ["format", "storage", "containers", "devices", "computing", "mapping", "checkpoints", "differences", "commands"]
NAMES = [
    "convert",
    "diff",
    "recover",
    "compare",
    "inspect",
    "verify",
    "seal",
    "salvage",
    "checkpointer",
    "delta",
    "maps",
    "__main__",
]
# Chapter n of the specification, in either version, is module n of `format`; what follows a chapter's module belongs to
# it too.
CHAPTERS = {
    "00-introduction": ["errors", "collector", "recycling", "extras"],
    "01-wire": ["wire"],
    "02-keypaths": ["keypaths"],
    "03-dtypes": ["dtypes", "payloads"],
    "04-leaves": ["arrays", "chunked", "leaves", "later_leaves"],
    "05-records": ["small_records", "records"],
    "06-streams": ["streams"],
    "07-trees": ["trees"],
    "08-flax-msgpack": ["flax_msgpack"],
    "09-conversion": ["casts", "json_texts"],
    "10-delta": ["blocks", "digests", "manifests"],
    "11-aligned-arrays": ["aligned"],
    "12-parts": ["parts"],
    "13-checksums": ["checksums"],
    "14-metadata": ["metadata"],
    "15-index": ["index_rows", "indexes"],
    "16-seal": ["seals", "sealing"],
    "17-detached-seals": [],
}


def modules(root):
    """The modules of the reference by name, such as format.wire."""
    folder = root / "reference"
    found = sorted(path for path in (*folder.glob("*.py"), *folder.glob("*/*.py")) if path.stem != "__init__")
    inner = {path.relative_to(folder).with_suffix("").parts: path for path in found}
    return {".".join(parts): path for parts, path in inner.items() if "tests" not in parts}


def imports(name, module):
    """The modules of the reference that a module imports, wherever in it."""
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) + 1 - node.level], *(node.module.split(".") if node.module else [])]
            for alias in node.names if len(base) < 2 else [None]:
                yield ".".join([*base, alias.name] if alias else base)


def clauses(root, version="[0-9]*"):
    """Clause id -> its text, of all chapters of all versions."""
    found = {}
    for chapter in sorted((root / "spec").glob(f"{version}/[0-9]*.md")):
        for part in re.split(r"^#### ", chapter.read_text(), flags=re.M)[1:]:
            clause, _, text = part.partition("\n")
            assert re.fullmatch(r"[A-Z]+-[1-9][0-9]*", clause), f"{chapter.name}: {clause!r} is not a clause id"
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
        for named in re.findall(r"^```hex (?:flax )?refuse ?([A-Z]+-\d+)?$", text, flags=re.M):
            assert f'"{named or clause}"' in code, f"nothing raises {named or clause}"


def examples(root, version):
    for clause, text in clauses(root, version).items():
        for i, (info, body) in enumerate(re.findall(r"^```hex ([^\n]*)\n(.*?)^```", text, flags=re.M | re.S)):
            if info == "recover":
                continue  # test_10_delta recovers it
            data = bytes.fromhex(re.sub(r"#.*", "", body))
            yield pytest.param(clause, info, data, id=f"{clause}-{i}-{info.replace(' ', '-')}")


def pytest_generate_tests(metafunc):
    if "example" in metafunc.fixturenames:
        from pathlib import Path

        version = getattr(metafunc.function, "version", "1.0")
        found = list(examples(Path(__file__).parents[2], version))
        assert len(found) > (60 if version == "1.0" else 15)
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


def test_every_example_of_2_is_judged_as_it_is_marked(clause, info, example, tmp_path):
    words = info.split()
    (tmp_path / "example").write_bytes(example)
    if "accept" in words:
        with reference.open(tmp_path / "example") as checkpoint:
            verify(checkpoint)
            options = {"format": checkpoint.version}
            if (seal := checkpoint.contents.seal) is not None:
                options |= {"alignment": seal.index.alignment, "digests": bool(seal.index.digests)}
                options["metadata"] = checkpoint.metadata
            reference.save(tmp_path / "again", checkpoint.tree(), keep_empty_nodes=True, **options)
        assert ((tmp_path / "again").read_bytes() == example) == ("longer" not in words)
        return
    assert "refuse" in words
    with pytest.raises(FormatError) as caught, reference.open(tmp_path / "example") as checkpoint:
        verify(checkpoint)
    assert caught.value.clause == (words[-1] if words[-1] != "refuse" else clause), str(caught.value)
    assert caught.value.offset is not None


test_every_example_of_2_is_judged_as_it_is_marked.version = "2.0"


def is_canonical(data, flax):
    source = BytesSource(data)
    records = depth_first((read_flax if flax else read_stream)(source))
    items = [Item(r.path, r.leaf, lambda r=r: StoredPayload(source, r.extents())) for r in records]
    sink = BytesSink()
    write_steps(sink, (flax_steps if flax else stream_steps)(items))
    return sink.data == data


def test_a_wing_imports_those_before_it(root):
    folders = {path.parent.name for path in (root / "reference").glob("*/*.py")} - {"tests"}
    assert folders == set(WINGS)
    assert sorted(name for name in modules(root) if "." not in name) == sorted(NAMES)
    for name, module in modules(root).items():
        wing, _, inside = name.rpartition(".")
        for imported in imports(name, module):
            other = imported.split(".")[0]
            if not wing:
                assert other in WINGS, f"{name} imports {imported}: the names at the top are for users"
            else:
                assert WINGS.index(other) <= WINGS.index(wing), f"{name} imports {imported}, which stands above it"
            assert imported != f"{wing}.{inside}"


def test_no_module_imports_itself_through_others(root):
    """Modules of a wing can be put in an order, too."""
    left = {name: set(imports(name, module)) for name, module in modules(root).items()}
    while left:
        free = [name for name, imported in left.items() if not imported & set(left)]
        assert free, f"these import one another: {sorted(left)}"
        for name in free:
            del left[name]


def test_a_module_of_the_format_imports_its_own_chapter_and_those_before_it(root):
    order = [f"format.{name}" for names in CHAPTERS.values() for name in names]
    assert sorted(order) == sorted(name for name in modules(root) if name.startswith("format."))
    for name in order:
        for imported in imports(name, modules(root)[name]):
            assert order.index(imported) < order.index(name), f"{name} imports {imported}"


def test_contributors_find_every_module_in_the_table_of_wings(root):
    text = (root / "CONTRIBUTING.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", text, re.MULTILINE))
    assert list(rows) == WINGS
    for wing in WINGS[1:-1]:  # `format` has a table of its own, and the modules of `commands` are the commands
        listed = re.findall(r"`(\w+)`", rows[wing].rpartition("|")[0].rpartition("|")[2])
        assert sorted(listed) == sorted(path.stem for path in (root / "reference" / wing).glob("[a-z]*.py"))


def test_jax_and_flax_are_imported_where_there_are_arrays_of_them(root):
    """The modules that import jax or flax at once, so that all others can be imported without either."""
    found = set()
    for name, module in modules(root).items():
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                if {"jax", "flax"} & {part.split(".")[0] for part in names}:
                    found.add(name)
    assert {name.split(".")[0] for name in found} <= {"devices", "computing", "checkpoints"}
    assert {name for name in found if name.startswith("checkpoints.")} == {
        "checkpoints.checkpointer",
        "checkpoints.gathering",
        "checkpoints.pytree_files",
        "checkpoints.state_saving",
        "checkpoints.writing_together",
    }


def test_the_format_knows_no_path_no_thread_and_no_array_library_but_numpy(root):
    banned = {"os", "pathlib", "io", "threading", "concurrent", "jax", "flax", "socket", "subprocess"}
    for name, module in modules(root).items():
        if not name.startswith("format.") or name in ("format.blocks", "format.recycling"):
            continue  # whose zstd contexts are kept for each thread
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not banned & {part.split(".")[0] for part in names}, name


def test_chapters_modules_and_tests_carry_the_same_names(root):
    chapters = {chapter.stem for chapter in (root / "spec").glob("[0-9]*/[0-9]*.md")}
    assert sorted(chapters) == list(CHAPTERS)
    tests = {test.stem for test in (root / "reference/tests").glob("test_[0-9]*.py")}
    assert tests == {f"test_{chapter.replace('-', '_')}" for chapter in chapters}


def test_no_module_hides_a_public_function_of_its_name(root):
    """`reference.records` and its like are the functions, whatever has been imported."""
    public = set(reference.__all__)
    assert not public & set(WINGS) | public & set(NAMES)


def test_files_stay_small(root):
    for module in modules(root).values():
        assert len(module.read_text().splitlines()) <= 300, f"{module.name} has grown past 300 lines"


def test_importing_reference_imports_no_large_library():
    names = "('jax', 'flax', 'rich', 'safetensors', 'zstandard')"
    code = f"import sys, reference; print([m for m in {names} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.xdist_group("one worker")
def test_what_is_to_run_in_one_worker_does(request):
    """pytest-xdist 3.8 forgets the groups under pytest 9.2, and each worker prepares for all of them what one could."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("the tests are not divided by groups")
    assert request.node.nodeid.endswith("@one worker")
