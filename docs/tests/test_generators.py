"""What the pages are made of: each clause, case and program has its page, and what is shown is what the sources say."""

import itertools
import re
import subprocess

import pytest

from docs.generators import (
    case_pages,
    cases,
    clauses,
    commands,
    implementations,
    links,
    picture,
    project,
    specification,
    versions,
)
from docs.generators.project import ROOT, VERSIONS, corpus, programs, runs
from docs.generators.project import cases as all_cases
from docs.generators.project import clauses as known
from fuzz.targets import names


@pytest.fixture(scope="module")
def chapters():
    return dict(specification.pages())


def of_clause(chapter, id):
    """What a page says of a clause, whose heading is below the title or below one of a section."""
    return re.split(rf"^###? {id} ", chapter, flags=re.M)[1].partition("\n## ")[0].partition("\n### ")[0]


def test_every_clause_has_an_anchor_on_the_page_that_links_lead_to(chapters):
    for id in known():
        page, anchor = links.page_of(id).split("#")
        assert f"{{ #{anchor} " in chapters[page], id


def test_every_clause_shows_its_sentence_and_all_of_its_cases(chapters):
    for id, clause in known().items():
        text = of_clause(chapters[links.page_of(id).split("#")[0]], id)
        assert re.sub(r"\W", "", clause.sentence) in re.sub(r"\W", "", re.sub(r"\]\([^)]*\)(\{[^}]*\})?", "", text)), id
        for case in corpus(clause.version).cases:
            if case.rule is None or id in case.clauses:  # the page of a rule may be there for another of its cases
                name = "/".join(case.id.split("/")[:2])
                assert (f"/{name}.md)" in text) == (id in case.clauses), (id, case.id)


def test_every_example_of_the_specification_leads_to_its_case(chapters):
    boxes = sum(text.count('<div class="example') for text in chapters.values())
    examples = [case for case in all_cases() if case.name.startswith("example-")]
    assert boxes == len(examples)
    for case in examples:
        assert any(f"cases/{case.id}.md" in text for text in chapters.values()), case.id


def test_no_block_of_the_sources_is_left_that_markdown_does_not_know(chapters):
    assert not [page for page, text in chapters.items() if "```hex" in text]


def test_every_case_has_a_page_with_its_clauses_and_its_programs():
    pages = dict(cases.pages())
    for case in all_cases():
        page = pages[links.case_page(case.id)]
        assert all(f"[{id}](" in page for id in case.clauses), case.id
    refused = pages["conformance/cases/06-streams/cut-within-a-key-path.md"]
    assert "✗ expected to fail" in refused
    assert "Every reader must refuse this stream" in refused


def test_a_fault_is_marked_in_the_bytes_of_its_case():
    (page,) = (text for name, text in cases.pages() if name.endswith("01-wire/array-of-512-mib-cut-after-one-kib.md"))
    assert "Every reader must refuse" in page
    files = [case for case in all_cases() if case.offset is not None and case.files["bin"]["size"]]
    marked = [case for case in files if "recipe" not in case.files["bin"]]
    pages = dict(cases.pages())
    assert len(marked) > 100
    for case in marked:
        assert "hl_lines" in pages[links.case_page(case.id)], case.id


def test_code_in_the_docstring_of_a_case_is_shown_as_it_is():
    assert case_pages.prose("`__a_[b]__ < 1` is not *c*, nor d_e") == "`__a_[b]__ < 1` is not \\*c\\*, nor d\\_e"
    assert case_pages.prose("a ` b_c") == "a ` b\\_c"


def test_the_places_of_a_rule_are_told_apart_by_their_bytes():
    text = dict(cases.pages())["conformance/cases/15-index/the-index-lies.md"]
    shown = re.findall(r"<code>(.*?)</code>", text)
    assert len(shown) > 200
    assert all(one != above for above, one in itertools.pairwise(shown))


def test_what_is_shown_of_a_case_is_bounded():
    assert max(len(text) for name, text in cases.pages() if not name.endswith("index.md")) < 100_000


def test_the_files_of_the_corpus_are_offered_where_their_pages_say():
    offered = dict(cases.stored())
    for name, text in cases.pages():
        for target in re.findall(r'href="([^"]*)" download', text):
            folder = name.removesuffix(".md").split("/")
            ups = target.count("../")
            assert "/".join([*folder[: len(folder) - ups], target.replace("../", "")]) in offered, name


def test_programs_are_on_the_page_of_clauses_and_have_their_own():
    text = dict(clauses.pages())[clauses.PAGE]
    pages = dict(implementations.pages())
    assert len(programs()) == 7
    for name in programs():
        assert name in text
        assert any(page.startswith(f"# {name}") for page in pages.values())
    assert set(known()) <= set(re.findall(r"\[([A-Z]+-[0-9]+)\]", text))


def test_the_commands_are_what_help_says():
    text = dict(commands.pages())[commands.PAGE]
    for option in ("--load_checkpoint", "--recover_diff", "--float_dtype", "--histogram", "--decoder", "--seconds"):
        assert f"`{option}" in text, option
    assert "SUPPRESS" not in text
    assert "| `--nostreaming" not in text
    assert "| 130 | interrupted" in text
    assert "streamckpt salvage --json" in text


def test_the_picture_is_drawn_from_the_bytes_of_the_specification(monkeypatch):
    shown = re.findall(r'text-anchor="middle">([0-9a-f]{2})<', picture.drawing("index.md"))
    assert bytes.fromhex("".join(shown)) == picture.example()
    monkeypatch.setattr(picture, "FIELDS", picture.FIELDS[:-1])
    with pytest.raises(ValueError, match="does not fit"):
        picture.drawing("index.md")


def test_each_chapter_leads_to_the_other_version(chapters):
    for page, text in chapters.items():
        if (version := page.split("/")[1]) in VERSIONS:
            others = [f"[{other}](" for other in VERSIONS if other != version]
            assert f"**{version}**" in text, page
            assert all(link in text.split("</p>")[0] for link in others), page


def test_a_clause_that_is_replaced_leads_to_what_replaces_it(chapters):
    told = of_clause(chapters["specification/1.0/04-leaves.md"], "LEAF-10")
    assert "(../2.0/11-aligned-arrays.md#align-1)" in told
    told = of_clause(chapters["specification/2.0/11-aligned-arrays.md"], "ALIGN-1")
    assert "Replaces [LEAF-10](../1.0/04-leaves.md#leaf-10)" in told


def test_a_case_says_in_which_versions_it_holds():
    pages = dict(cases.pages())
    assert "It holds from version 2.0 on." in pages[links.case_page("11-aligned-arrays/a-padded-array")]
    assert "--spec 2.0" in pages[links.case_page("11-aligned-arrays/a-padded-array")]
    assert "It holds until version 1.0." in pages[links.case_page("05-records/record-header-in-five-bytes")]


def test_each_version_is_judged_by_itself():
    """A program has a section for each version that has results of it, and no other."""
    pages = dict(implementations.pages())
    for version in VERSIONS:
        names = {run["name"] for run in runs(version)}
        told = [page for page in pages.values() if f"## By version {version}\n" in page]
        assert {page.split("\n")[0].removeprefix("# ") for page in told} == names


def test_a_program_is_judged_by_the_cases_that_hold_in_a_version(monkeypatch):
    """One that was judged by 2.0 has passed what holds in 1.0, too; one of 1.0 says nothing of sealed streams."""

    def ran(name, *ids):
        return {"name": name, "commands": {"decode": ""}, "checks": [{"case": id} for id in ids]}

    both, old, new = "04-leaves/two-int8", "05-records/record-header-in-five-bytes", "11-aligned-arrays/a-padded-array"
    kept = [("2.0", ran("new", both, new)), ("1.0", ran("old", both, old)), ("1.0", ran("new", both, old))]
    monkeypatch.setattr(project, "kept", lambda: kept)
    project.runs.cache_clear()
    told = {version: [(run["name"], len(run["checks"])) for run in project.runs(version)] for version in VERSIONS}
    assert told == {"1.0": [("new", 2), ("old", 2)], "2.0": [("new", 2)]}
    kept.pop()
    project.runs.cache_clear()
    assert [(run["name"], len(run["checks"])) for run in project.runs("1.0")] == [("new", 1), ("old", 2)]
    project.runs.cache_clear()


def test_the_page_of_changes_leads_to_the_differences():
    text = dict(versions.pages())[versions.PAGE]
    assert "[From 1.0 to 2.0](2.0/differences.md)" in text


def test_ids_in_code_headings_and_links_stay_as_they_are():
    text = "# KEY-1\n\nKEY-1 and `KEY-2` and [see KEY-3](x.md) and KEY-999.\n\n```\nKEY-4\n```\n"
    linked = links.with_clauses_linked(text, "guides/convert.md")
    assert linked.count("](../specification/") == 1
    assert "[KEY-1](../specification/1.0/02-keypaths.md#key-1){ .clause } and" in linked


def test_links_of_a_borrowed_file_lead_to_pages():
    text = "[a](../spec/README.md#x) [b](clients/client.c) [`c`](CLIENT.md) [d](https://example.org) [e](#f)"
    moved = links.borrowed(text, "conformance/README.md", "conformance/index.md")
    assert moved == "[a](../specification/index.md#x) b [`c`](client.md) [d](https://example.org) [e](#f)"


def test_links_of_a_page_lead_to_files_in_the_repository_and_to_pages_on_the_site():
    text = (
        "[a](../../../spec/2.0/16-seal.md#seal-1) [`b`](../../../SECURITY.md) [c](maps.md#x) [d](#e) [f](../../../x.py)"
    )
    moved = links.of_the_site(text, "guides/convert.md")
    assert moved == (
        "[a](../specification/2.0/16-seal.md#seal-1) [`b`](../reference/threats.md) [c](maps.md#x) [d](#e) "
        "[f](../../../x.py)"  # which mkdocs refuses
    )


def relative_links(text):
    """Those of Markdown, and of its pictures; not those that code shows."""
    text = re.sub(r"^(```|~~~).*?^\1|`[^`\n]*`", "", text, flags=re.M | re.S)
    for found in re.finditer(r"\]\(([^)\s]+)\)|<(?:img|source|a)[^>]* (?:src|srcset|href)=\"([^\"]+)\"", text):
        if not re.match("[a-z]+:|#", link := found[1] or found[2]):
            yield link.partition("#")[0]


def test_every_link_of_every_text_of_the_repository_is_there():
    tracked = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip(f"what belongs to the repository is not known: {tracked.stderr}")
    found = [
        (name, link) for name in tracked.stdout.split("\0")[:-1] for link in relative_links((ROOT / name).read_text())
    ]
    assert len(found) > 300
    assert [(name, link) for name, link in found if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_home_page_counts_right():
    text = (ROOT / "docs/pages/index.md").read_text()
    rules, most = (int(n.replace(",", "")) for n in re.findall(r"\[More than ([\d,]+) (?:rules|cases)\]", text))
    assert rules < len(known())
    assert most < len(all_cases())
    assert "[Seven programs]" in text
    assert len(programs()) == 7
    assert f"[{len(names())} invariants]" in text
