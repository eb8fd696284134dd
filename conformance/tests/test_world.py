"""The packages that `make world` judges: the table and what is kept of it. No package is installed here."""

import json
import re
import subprocess
import sys

import pytest

from conformance.clients.world import __main__ as command
from conformance.clients.world.packages import FOLDER, PARTS, Asked, NoPython, Package, installed, read_packages
from conformance.model import load_corpus
from conformance.reports import world
from conformance.xfails import read_xfails

PACKAGES = read_packages()
JUDGED = {told["name"]: told for told in world.kept()}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.title)
def test_a_package_is_judged_with_versions_that_are_all_named(package):
    assert package.style in PARTS
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", pin) for pin in package.pins)
    names = [pin.partition("==")[0].lower() for pin in package.pins]
    assert len({*names, package.name.lower()}) == len(names) + 1
    assert {"jax", "flax", "msgpack", "numpy"} - {package.name} <= {*names}


def test_at_least_four_packages_have_been_judged():
    assert len({told["name"] for told in world.kept()} & {package.title for package in PACKAGES}) >= 4


@pytest.mark.parametrize("told", JUDGED.values(), ids=lambda told: told["name"])
def test_each_failure_of_a_package_is_known_with_its_reason(told):
    package = next(package for package in PACKAGES if package.title == told["name"])
    assert told["passed"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["day"])
    assert told["with"] == list(package.pins)
    known = read_xfails(package.xfails) if package.xfails.exists() else []
    reasons = {check["reason"] for check in told["not_passed"] if check["state"] != "advised"}
    assert reasons == {xfail.reason for xfail in known if xfail.part in package.parts}


def test_what_is_kept_is_of_this_corpus():
    assert {told["conformance"] for told in world.kept()} == {load_corpus(spec="1.0").version}


def test_the_table_shows_each_package_with_version_and_day():
    lines = [*world.table(world.kept())][2:]
    assert len(lines) == len(JUDGED)
    for line, told in zip(lines, JUDGED.values(), strict=True):
        assert told["name"] in line
        assert told["day"] in line


def test_files_of_failures_are_those_that_packages_have():
    assert {package.xfails for package in PACKAGES} == {*PACKAGES[0].xfails.parent.glob("*.xfails")}


def test_a_package_whose_python_is_not_here_is_not_judged_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("conformance.clients.world.packages.ENVIRONMENTS", tmp_path)
    with pytest.raises(NoPython, match=r"it needs Python 2\.99"):
        installed(Package("some", "1", "loop", (), {"python": "2.99"}))


def test_names_of_a_module_that_is_imported_alone_are_those_of_the_package_around_it(tmp_path):
    outer = tmp_path / "outer_of_streams"
    outer.mkdir()
    (outer / "__init__.py").write_text("raise ImportError('torch')\n")
    (outer / "needed.py").write_text("def kind(): return 'needed'\n")
    (outer / "wanted.py").write_text(
        "from outer_of_streams import kind\ndef read(path): return {('a', kind()): b'1'}\n"
    )
    asked = {"style": "functions", "module": "outer_of_streams.wanted", "alone": ["outer_of_streams.needed"]}
    asked |= {"read": "read", "save": "read"}
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = [{json.dumps(json.dumps(asked))}]\n"
    script += f"import runpy; runpy.run_path({str(FOLDER / 'worker.py')!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", script], input='{"part": "decode", "path": "x"}\n', capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[1])
    assert [record["path"] for record in told["printed"]["records"]] == [["a", "needed"]]


def test_where_no_package_was_judged_nothing_is_said():
    assert world.section([]) == ""


def test_a_package_that_dies_of_a_question_answers_the_next_one(tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys\n"
        "print(flush=True)\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    if asked['path'] == 'die': os._exit(9)\n"
        "    print(json.dumps({'printed': asked['path']}), flush=True)\n"
    )
    monkeypatch.setattr("conformance.clients.world.packages.FOLDER", tmp_path)
    with Asked(Package("some", "1", "class", (), {}), sys.executable) as asked:
        decode = asked.calls()["decode"]
        with pytest.raises(RuntimeError, match="ended with status 9"):
            decode("die")
        assert decode("live") == "live"


def test_a_package_that_does_not_start_is_told_before_any_case(tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text("raise SystemExit(1)\n")
    monkeypatch.setattr("conformance.clients.world.packages.FOLDER", tmp_path)
    with (
        pytest.raises(RuntimeError, match="some 1 does not start"),
        Asked(Package("some", "1", "class", (), {}), sys.executable),
    ):
        pass


def test_a_package_that_pip_does_not_install_is_named_and_the_others_are_judged(tmp_path, monkeypatch, capsys):
    def judge(package):
        if package == PACKAGES[0]:
            raise subprocess.CalledProcessError(1, ["pip", "install", package.bare[0]])
        return {"name": package.title, "checks": 2, "not_passed": [], "passed": True}

    for module in (world, command):
        monkeypatch.setattr(module, "WORLD", tmp_path / "world.json")
    monkeypatch.setattr(command, "judge", judge)
    monkeypatch.setattr(command, "keep", lambda found: None)
    assert command.main([]) == 1
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{PACKAGES[0].title}: not judged: Command '['pip', 'install'")
    assert others == [f"{package.title}: 2 of 2 checks passed" for package in PACKAGES[1:]]
    assert [told["name"] for told in world.kept()] == [package.title for package in PACKAGES[1:]]


def test_the_results_are_json_that_is_sorted_as_the_table_is():
    titles = [told["name"] for told in json.loads(world.WORLD.read_text())]
    assert titles == [package.title for package in PACKAGES if package.title in titles]
