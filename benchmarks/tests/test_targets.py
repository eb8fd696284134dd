"""Targets judged on results that are made up, and the page of such results."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from benchmarks.measure import Group, Run, middle, result
from benchmarks.operations import OPERATIONS
from benchmarks.page import page
from benchmarks.plan import FULL
from benchmarks.report import text
from benchmarks.targets import TARGETS, judge
from benchmarks.trees import WORKS


def case(operation, work, peer, *times, memory=0, **more):
    group = Group(operation, work, "tmpfs", (peer,), 1)
    return result(group, peer, [Run(seconds, memory, 0) for seconds in times]) | more


def results(*cases):
    machine = {
        "processor": "a <processor>",
        "cores": 2,
        "memory": 1 << 34,
        "system": "S",
        "python": "3",
        "libraries": {},
    }
    return {"format": 1, "full": True, "machine": machine, "cases": list(cases)}


def verdict(found, subject, part):
    (one,) = [v for v in judge(found) if v.target.subject == subject and part in v.target.text]
    return one


def test_a_ratio_is_that_of_medians():
    found = results(
        case("save numpy", "llama-1gb", "streamckpt", 1.0, 1.0, 9.0),
        case("save numpy", "llama-1gb", "usual loop", 3.4, 3.4, 1.0),
        case("save numpy", "llama-1gb", "plain write", 1.0),
    )
    assert verdict(found, "save numpy", "usual loop").figure == pytest.approx(3.4)
    assert verdict(found, "save numpy", "usual loop").met is False
    assert verdict(found, "save numpy", "plain write").met is True


def test_a_bound_itself_is_met():
    found = results(
        case("scan", "small-20k", "streamckpt", 1.0),
        case("scan", "small-20k", "usual loop", 2.0),
    )
    assert verdict(found, f"scan, {WORKS['small-20k'].title}", "usual loop").met is True


def test_what_was_not_measured_is_neither_met_nor_missed():
    assert {v.met for v in judge(results())} == {None}
    failed = results(
        case("load numpy", "llama-1gb", "streamckpt", 1.0),
        case("load numpy", "llama-1gb", "usual loop", 1.0, failure="BufferFull"),
    )
    one = verdict(failed, "load numpy", "usual loop")
    assert one.met is None
    assert "BufferFull" in one.why


def test_memory_of_a_load_counts_above_what_it_loads():
    loaded = case("load numpy", "llama-1gb", "streamckpt", 1.0)["bytes"]
    for above, met in ((100_000_000, True), (200_000_000, False)):
        found = results(case("load numpy", "llama-1gb", "streamckpt", 1.0, memory=loaded + above))
        one = verdict(found, "load numpy", "peak memory")
        assert one.met is met
        assert one.figure == pytest.approx(above / 1e6)


def test_memory_of_a_difference_is_a_ratio():
    found = results(
        case("diff", "llama-1gb", "streamckpt, exact", 1.0, memory=80),
        case("diff", "llama-1gb", "usual logic", 3.0, memory=4000),
    )
    assert verdict(found, "diff, exact", "memory").met is True
    assert verdict(found, "diff, exact", "fast").met is True


def test_checks_cost_at_most_a_twentieth():
    for checked, met in ((1.04, True), (1.06, False)):
        found = results(
            case("load numpy", "llama-1gb", "streamckpt, sealed", checked),
            case("load numpy", "llama-1gb", "streamckpt, sealed, unchecked", 1.0),
        )
        assert verdict(found, "load numpy, sealed", "without checks").met is met


def test_what_is_mapped_to_jax_does_not_count_as_memory_of_its_own():
    found = results(
        case("map to jax", "llama-1gb", "streamckpt, sealed", 0.1, memory=2_000_000),
        case("map to jax", "llama-1gb", "safetensors", 0.5),
    )
    assert verdict(found, "map to jax, sealed", "memory").met is True
    assert verdict(found, "map to jax, sealed", "safetensors").met is True


def test_the_page_says_how_many_targets_have_no_figure(found):
    assert "have no figure here: they were set after this run" in page(found)


@pytest.mark.slow
def test_the_cost_of_a_record_is_linear_where_a_million_cost_a_hundred_times_ten_thousand():
    for million, met in ((1.4, True), (1.6, False)):
        found = results(
            case("scan", "records-10000", "streamckpt", 0.01), case("scan", "records-1000000", "streamckpt", million)
        )
        assert verdict(found, "scan", "record").met is met


def test_every_target_is_of_what_a_full_run_measures():
    asked = []

    class Asked:
        def get(self, peer, operation, work, place):
            assert place == "tmpfs"
            asked.append((peer, operation, work))
            return {"seconds": [1.0], "memory": 1, "bytes": 1}

    for target in TARGETS:
        target.figure(Asked())
    measured = {
        (peer, operation, work) for operation, work, peers, _ in FULL for peer in peers or OPERATIONS[operation]
    }
    assert set(asked) <= measured


def test_quartiles():
    assert middle([3.0]) == (3.0, 3.0, 3.0)
    assert middle([1.0, 2.0, 3.0, 4.0, 100.0]) == (2.0, 3.0, 4.0)


@pytest.fixture(scope="module")
def found():
    cases = [
        case("save numpy", "llama-1gb", "streamckpt", 1.0, 1.1),
        case("save numpy", "llama-1gb", "usual loop", 4.0, 4.5),
        case("load numpy", "leaf-3gib", "usual loop", 1.0, failure="BufferFull: <a|b>"),
        case("load numpy", "leaf-3gib", "streamckpt", 1.0),
        case("import", "tiny", "streamckpt", 0.2),
    ]
    cases += [case("scan", f"records-{n}", "streamckpt", n / 1e5) for n in (1000, 10_000, 100_000, 1_000_000)]
    return json.loads(json.dumps(results(*cases)))


def test_the_page_opens_with_a_picture_and_holds_a_plot_for_each_group_and_one_of_the_cost_of_a_record(found):
    picture, narrow, *plots = re.findall("<svg.*?</svg>", page(found))
    assert "files in memory, medians" in picture
    assert re.findall(r"[\d.]+ m?s [a-z ]+", narrow) == re.findall(r"[\d.]+ m?s [a-z ]+", picture)
    assert len(plots) == 4
    for plot in plots:
        root = ET.fromstring(plot)
        assert root.get("role") == "img"
        assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
        for node in root.iter():
            assert node.tag.rpartition("}")[2] in ("svg", "title", "desc", "rect", "path", "text")
    assert "usual loop" in plots[1]


def test_the_page_and_its_plots_need_nothing_from_another_host(found):
    rest = page(found).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|<script|<style|@import|url\(", rest)


def test_the_page_says_which_targets_are_met_and_what_a_peer_could_not_do(found):
    shown = page(found)
    assert "| save numpy | at least 3.5 times as fast as the usual loop | 4.05 | met |" in shown
    assert "BufferFull: &lt;a\\|b>" in shown


def test_the_text_for_a_terminal_names_every_peer_and_target(found):
    shown = text(found)
    assert "streamckpt" in shown
    assert "met" in shown
