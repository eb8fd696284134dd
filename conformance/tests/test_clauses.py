"""The clauses of a version are those of the ones before it and its own, and say which they replace."""

import re

import pytest

from conformance.clauses import SPEC, read_clauses, read_replacements, stated_in


def test_a_version_adds_to_those_before_it():
    before, after = read_clauses("1.0"), read_clauses("2.0")
    assert list(after)[: len(before)] == list(before)
    assert {clause.version for clause in after.values()} == {"1.0", "2.0"}
    assert set(after) - set(before) == set(stated_in("2.0"))


def test_a_number_is_never_given_twice():
    assert not set(stated_in("1.0")) & set(stated_in("2.0"))


def test_a_version_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no version 3\.0"):
        read_clauses("3.0")


def test_what_is_replaced_exists_and_each_time_that_the_text_says_so_it_is_found():
    replaced = read_replacements("2.0")
    assert {one.old for one in replaced} <= set(read_clauses("2.0"))
    texts = [clause.text for clause in stated_in("2.0").values()]
    assert len({(one.new, one.reason) for one in replaced}) == sum(
        len(re.findall(r"^Replaces ", text, re.M)) for text in texts
    )
    assert {one.old: one.new for one in replaced}["LEAF-10"] == "ALIGN-1"
    (of_records,) = (one for one in replaced if (one.old, one.new) == ("WIRE-2", "SEAL-1"))
    assert of_records.reason.startswith("Replaces WIRE-1 for the first header")


def test_a_clause_that_is_mentioned_in_the_reason_alone_is_not_replaced(tmp_path):
    for version, text in (("1.0", "#### A-1\nOne.\n"), ("2.0", "#### A-2\nTwo.\nReplaces A-1, since B-9 holds.\n")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "01-a.md").write_text(text)
    assert [(one.old, one.new) for one in read_replacements("2.0", tmp_path)] == [("A-1", "A-2")]


def test_the_introduction_names_every_chapter():
    text = (SPEC / "2.0/00-introduction.md").read_text()
    assert all(
        f"`{chapter}`" in text for chapter in {c.chapter for c in stated_in("2.0").values() if "CONF" not in c.id}
    )
