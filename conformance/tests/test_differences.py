"""The page of differences is what the clauses say, and is kept as it is made."""

from conformance.clauses import stated_in
from conformance.differences import NEW, OLD, PAGE, differences


def test_the_page_is_the_one_that_is_made():
    assert PAGE.read_text() == differences(), "python -m conformance.differences"


def test_it_names_every_clause_of_the_version_and_those_that_it_replaces():
    replaced, added = differences().split("## Added")
    assert all(f"[{id}](" in added for id in stated_in(NEW))
    assert "[LEAF-10](../1.0/04-leaves.md#leaf-10)" in replaced
    assert "ALIGN-5" not in replaced  # DETACHED-4 replaces it, and both are of one version


def test_a_page_of_two_small_versions(tmp_path):
    for version, text in (
        (OLD, "#### A-1\nOne.\n\n#### A-2\nTwo.\n\n#### A-3\nThree.\n"),
        (NEW, "#### A-4\nOne | more.\nReplaces A-1, which has one.\n\n#### A-5\nFive.\n"),
    ):
        (tmp_path / version).mkdir()
        (tmp_path / version / "01-a.md").write_text(text)
    page = differences(tmp_path)
    row = "| [A-1](../1.0/01-a.md#a-1): One. | [A-4](01-a.md#a-4): One \\| more. (Replaces A-1, which has one) |\n"
    assert row in page
    assert "The other 2 clauses of version 1.0 hold as they are." in page
    assert "| [A-5](01-a.md#a-5) | Five. |" in page
