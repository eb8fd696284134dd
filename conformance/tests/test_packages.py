"""The packages for implementers: each stands alone, its example runs, and the clients are built on them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.clients.in_process import PAGE
from conformance.model import load_corpus

CLIENTS = Path(__file__).parents[1] / "clients"
JAVASCRIPT, RUST = CLIENTS / "streamckpt", CLIENTS / "rust"
# What a reader of the header has to add, since it takes memory, or is in another file (c/streamckpt.h says so).
LEFT_TO_THE_CALLER = {
    *("STREAM-4", "STREAM-5", "PART-1", "PART-2", "PART-3", "PART-4", "META-2"),
    *("SUM-1", "SUM-2", "SUM-3", "INDEX-4", "INDEX-6", "INDEX-7", "INDEX-8", "INDEX-9", "ALIGN-5"),
    *("DETACHED-1", "DETACHED-2", "DETACHED-4"),
}


def tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def cases():
    """Each case of a stream that stands in a file of its own."""
    for case in load_corpus(spec="2.0").cases:
        file = case.folder / f"{case.id.partition('/')[2]}.bin"
        if case.part == "stream" and case.rule is None and file.exists():
            yield case, file


def a_stream():
    """A valid file with several leaves, and their key paths, which have no character that is shown in another way."""
    for case, file in cases():
        paths = ["/".join(record["path"]) for record in case.records]
        if case.want == "accept" and len(paths) > 1 and all(re.fullmatch("[a-z/]+", path) for path in paths):
            return file, paths
    raise AssertionError("the corpus has no such case")


@pytest.fixture(scope="module")
def example_in_c(tmp_path_factory):
    program = tmp_path_factory.mktemp("example") / "list"
    strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover"]
    subprocess.run([tool("cc"), *strict, *sanitized, "-o", program, CLIENTS / "c/examples/list.c"], check=True)
    return program


@pytest.mark.thorough
def test_the_header_alone_takes_every_stream_and_refuses_all_that_needs_no_memory(example_in_c):
    wrong, count = [], 0
    for case, file in cases():
        done = subprocess.run([example_in_c, file], capture_output=True)
        assert done.returncode in (0, 1), (case.id, done.stderr)
        left = case.want == "reject" and LEFT_TO_THE_CALLER.intersection(case.clauses)
        count += not left
        if not left and (done.returncode == 0) != (case.want == "accept"):
            wrong.append(case.id)
    assert wrong == []
    assert count > 700


def test_the_example_in_c_lists_key_paths(example_in_c):
    file, paths = a_stream()
    done = subprocess.run([example_in_c, file], capture_output=True, text=True)
    assert done.stdout.splitlines() == paths


def test_the_example_in_c_refuses_a_file_that_is_cut_off(example_in_c, tmp_path):
    file, _ = a_stream()
    cut = tmp_path / "cut"
    cut.write_bytes(file.read_bytes()[:-1])
    done = subprocess.run([example_in_c, cut], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "refused: the file is cut off\n")


def test_the_package_in_javascript_passes_its_own_tests():
    done = subprocess.run([tool("node"), "--test", "test/"], cwd=JAVASCRIPT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout


def test_the_example_in_javascript_lists_leaves():
    file, paths = a_stream()
    done = subprocess.run([tool("node"), "examples/list.mjs", file], cwd=JAVASCRIPT, capture_output=True, text=True)
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == paths, done.stderr


def test_the_package_in_javascript_holds_all_that_it_imports():
    words = [tool("npm"), "pack", "--dry-run", "--json", "--ignore-scripts"]
    done = subprocess.run(words, cwd=JAVASCRIPT, capture_output=True, text=True, check=True)
    held = {file["path"] for file in json.loads(done.stdout)[0]["files"]}
    assert {"package.json", "README.md", "index.d.ts", "examples/list.mjs"} <= held
    assert {file.name for file in JAVASCRIPT.glob("*.mjs")} <= held
    assert not any(name.startswith("test/") for name in held)


def test_no_module_of_the_package_in_javascript_imports_another_package():
    for file in JAVASCRIPT.glob("*.mjs"):
        lines = [line for line in file.read_text().splitlines() if " from '" in line]
        assert all(" from './" in line for line in lines), file


def cargo(folder, *words):
    """The crate is compiled without a network, and what comes of it lies in a folder of its own."""
    command = [tool("cargo"), words[0], "--quiet", "--offline", "--locked", "--target-dir", folder, *words[1:]]
    return subprocess.run(command, cwd=RUST, capture_output=True, text=True)


def test_the_example_in_rust_lists_leaves(tmp_path):
    file, paths = a_stream()
    done = cargo(tmp_path, "run", "--example", "list", "--", file)
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == paths, done.stderr


@pytest.mark.thorough
def test_the_package_in_rust_passes_its_own_tests(tmp_path):
    done = cargo(tmp_path, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout


def test_the_example_in_rust_saves_what_the_judge_takes_for_a_sealed_stream(tmp_path):
    done = cargo(tmp_path, "run", "--example", "save", "--", tmp_path / "weights")
    assert done.stdout.splitlines() == ["params/bias ndarray", "state/step int"], done.stderr
    printed = PAGE["decode"](tmp_path / "weights")
    assert [record["path"] for record in printed["records"]] == [["params", "bias"], ["state", "step"]]


def test_the_package_in_rust_depends_on_no_other():
    assert "dependencies" not in (RUST / "Cargo.toml").read_text()
