"""The guides: every command in them works, and what they show is what comes out."""

import pytest
import yaml

import docs.guides.__main__ as command
from docs.guides.page import ROOT, GuideError, blocks, guides
from docs.guides.run import run, written
from docs.guides.same import WIDEST, WIDTH, same, shown

NOT_RUN = 3  # what downloads packages, and two that need buckets


@pytest.mark.parametrize("path", guides(), ids=lambda path: path.stem)
@pytest.mark.slow
def test_what_a_guide_shows_is_what_comes_out(path):
    report = run(path.read_text())
    told = [*map(str, report.differences), *([report.failure] if report.failure else [])]
    assert not told, f"python -m docs.guides {path.stem} --write\n" + "\n".join(told)


def test_nearly_every_block_is_run():
    assert sum(block.not_run is not None for path in guides() for block in blocks(path.read_text())) <= NOT_RUN


def test_what_a_reader_copies_is_shown_without_scrolling():
    for path in guides():
        for block in blocks(path.read_text()):
            output = (
                [] if block.language != "console" else [line for line in block.lines if line[:2] not in ("$ ", "> ")]
            )
            excerpt = (block.title or "").startswith("from ")  # as wide as its file
            for line in block.lines:
                limit = WIDEST if excerpt or line in output or block.language == "text" else WIDTH
                assert len(line) <= limit, f"{path.name}: {line}"


def test_the_workflow_of_a_reader_gives_the_action_what_it_takes():
    workflow = next(block for path in guides() for block in blocks(path.read_text()) if block.language == "yaml")
    steps = yaml.safe_load(workflow.text)["jobs"]["reader"]["steps"]
    (given,) = (step["with"] for step in steps if "with" in step)
    assert given.keys() <= yaml.safe_load((ROOT / "action.yml").read_text())["inputs"].keys()


# --- the runner -----------------------------------------------------------------------------------------------------


def page(*parts):
    return "\n".join(parts) + "\n"


def console(*lines):
    return page("```console", *lines, "```")


def test_a_wrong_output_is_found_and_can_be_written():
    text = page("# Title", console("$ echo one; echo two", "one"), "and then", console("$ echo three", "three"))
    report = run(text)
    assert [difference.got for difference in report.differences] == [["one", "two"]]
    assert "line 4" in str(report.differences[0])
    assert written(text, report.differences) == text.replace("one\n```", "one\ntwo\n```")
    assert run(written(text, report.differences)).differences == []


def test_output_that_the_page_does_not_show_is_found():
    assert run(console("$ echo one", "$ true")).differences[0].got == ["one"]
    assert run(console("$ true", "one")).differences[0].got == []


def test_a_command_that_fails_has_to_be_followed_by_its_status():
    assert "exit status 3" in run(console("$ (exit 3)", "$ true")).failure
    assert run(console("$ (exit 3)", "$ echo $?", "3")) == ([], [], None)
    assert run(console("$ (exit 3)", "$ echo $?", "4")).differences[0].got == ["3"]


def test_a_python_program_that_raises_in_a_pipeline_is_a_failure():
    text = console("$ python -c 'print(1); raise ValueError(2)' 2>&1 | tail -9", "1")
    assert "a Python program has raised" in run(text).failure


def test_a_guide_that_failed_is_not_said_to_have_no_differences(monkeypatch, tmp_path, capsys):
    page_of_one = tmp_path / "one.md"
    page_of_one.write_text(page("```python", "raise ValueError(3)", "```"))
    monkeypatch.setattr(command, "guides", lambda: [page_of_one])
    assert command.main(["one"]) == command.main(["one", "--write"]) == 1
    told = capsys.readouterr().out
    assert told.count("one: FAILED after 0 differences") == 2
    assert "ValueError: 3" in told


def test_what_came_out_before_a_failure_is_kept():
    report = run(console("$ echo one", "?", "$ false"))
    assert [difference.got for difference in report.differences] == [["one"]]
    assert report.failure is not None


def test_a_terminal_keeps_its_state_and_continues_lines():
    text = console("$ mkdir sub", "$ cd sub; export NAME=x", "$ basename $PWD \\", "> ; echo $NAME", "sub", "x")
    assert run(text) == ([], [], None)


def test_files_are_saved_and_changed():
    save = page('```python title="a/b.py"', "print(1)", "print(2)", "```")
    change = page('```diff title="a/b.py"', " print(1)", "-print(2)", "+print(3)", "```")
    assert run(page(save, change, console("$ python a/b.py", "1", "3"))) == ([], [], None)
    assert "has 0 places for" in run(page(save, change, change)).failure
    assert "no file a/b.py yet" in run(change).failure


def test_python_blocks_share_their_names_and_show_their_output():
    first = page("```python", "a = 1", "```")
    second = page("```python", "print(a)", "```", "", "```text", "2", "```")
    assert run(page(first, second)).differences[0].got == ["1"]
    assert "a `text` block has to stand under this" in run(page("```python", "print(1)", "```")).failure
    assert "NameError" in run(page("```python", "print(b)", "```")).failure


def test_an_excerpt_has_to_stand_in_its_file():
    start = '```c title="from conformance/clients/c/streamckpt.h"'
    assert run(page(start, "enum {", "...", "    SC_MAX_PARTS = 512,         /* KEY-3 */", "```")).failure is None
    assert "does not stand in streamckpt.h" in run(page(start, "no such line", "```")).failure


def test_a_block_that_is_not_run_says_why():
    assert run(page("<!-- not run: it takes a day -->", console("$ false"))) == ([], ["it takes a day"], None)


@pytest.mark.parametrize(
    "text",
    [
        page("- a list", "", "  ```console", "  $ true", "  ```"),
        page("```console", "$ true"),
        page("```console", "```"),
        page("```console", "no command", "```"),
        page("```text", "alone", "```"),
        page("```", "of no language", "```"),
    ],
)
def test_a_block_that_would_be_passed_over_is_refused(text):
    with pytest.raises(GuideError):
        raise GuideError(failure) if (failure := run(text).failure) else AssertionError("it was taken")


def test_figures_that_vary_are_not_compared_and_others_are():
    assert same(["PASS, in 3.3 s"], ["PASS, in 14 s"])
    assert same(["peak memory 36.4 MB"], ["peak memory 4 GB"])
    assert not same(["45.4 MB"], ["45.5 MB"])
    assert not same(["3 cases"], ["4 cases"])


def test_long_lines_are_folded_and_tables_are_not():
    prose, table = "  got:  " + "word " * 40, "cell  " * 16
    assert all(len(line) <= WIDTH for line in shown(prose, []))
    assert shown(table, []) == [table.rstrip()]


def test_places_of_this_machine_are_not_shown():
    assert shown("input: place/guide-1/a\n", [("place/guide-1", "~/work")]) == ["input: ~/work/a"]
    assert shown("bash: line 3:  99 Killed                  python train.py\n", []) == ["Killed"]
