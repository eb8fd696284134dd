"""The site as a newcomer meets it: what its head says, what search finds, contrasts, a page for what is not there."""

import json
import re

import pytest

from docs.generators import header
from reference import __version__

HEAD = (
    '<header><span class="md-ellipsis">\n streamckpt\n </span><label class="md-header__button md-icon" for="__search">'
)
# One page of each kind, and the explorer with files in it. Not the pages of thousands of rows, which are made of the
# same parts: to look at the colours of one takes a minute.
PAGES = (
    "",
    "install/",
    "guides/",
    "guides/rescue/",
    "specification/1.0/02-keypaths/",
    "conformance/cases/06-streams/cut-within-a-key-path/",
    "reference/api/",
    "reference/commands/",
    "404.html",
    "explorer/",
    "explorer/?file=examples/hostile.stream",
    "explorer/?file=examples/sealed.stream",
)


def test_the_head_says_the_version_and_links_to_no_repository_that_is_not_known():
    assert "Source" not in header.filled(HEAD, "")
    assert f'<span class="head-version">{__version__}</span>' in header.filled(HEAD, "")
    linked = header.filled(HEAD, 'https://example.org/a?b&c"d')
    assert 'href="https://example.org/a?b&amp;c&quot;d">Source</a><label' in linked


def test_every_page_has_the_version_in_its_head(site):
    for page in (site / "index.html", site / "404.html", site / "reference/api/index.html"):
        head = re.search(r"<header.*?</header>", page.read_text(), re.S)[0]
        assert f'head-version">{__version__}<' in head


def test_the_dialog_of_the_search_has_a_name(site):
    for page in (site / "index.html", site / "404.html"):
        assert 'role="dialog" aria-label="Search"' in page.read_text()


def test_no_page_shows_the_marks_of_its_sources(site):
    for name in ("guides", "conformance/cases/06-streams", "conformance/cases/06-streams/key-paths-that-clash"):
        assert "{ data-" not in (site / name / "index.html").read_text()


def test_what_search_shows_of_a_page_is_not_its_tables(site):
    found = json.loads((site / "search/search_index.json").read_text())["docs"]
    (guides,) = (entry["text"] for entry in found if entry["location"] == "guides/")
    assert "one task from start to end" in guides
    assert "minutes" not in guides


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("truncated", "guides/rescue/"),
        ("corrupt", "guides/rescue/"),
        ("gs", "guides/buckets/"),
        ("hugging face", "guides/maps/"),
        ("pytorch", "guides/rescue/"),
        ("install", "install/"),
        ("STREAM-4", "specification/1.0/06-streams/"),
    ],
)
def test_search_finds_what_people_type(search, words, page):
    search(words).locator(f".md-search-result__item a[href*='{page}']").first.wait_for(state="attached")


def test_the_menu_of_a_case_is_that_of_the_cases(visit):
    page = visit("conformance/cases/06-streams/cut-within-a-key-path/")
    menu = page.locator(".md-sidebar--primary")
    assert menu.get_by_role("link", name="The client protocol").or_(menu.get_by_text("Cases")).first.is_visible()
    assert "Input" in page.locator(".md-sidebar--secondary").inner_text()


def test_the_contents_of_a_chapter_say_what_its_clauses_are_about(visit):
    page = visit("specification/1.0/02-keypaths/")
    texts = page.locator(".md-sidebar--secondary .md-nav__link").all_inner_texts()
    assert any(re.fullmatch(r"KEY-1 A key path is an array .*", text.strip()) for text in texts)


def test_what_is_not_there_leads_on(visit, site):
    page = visit("404.html")
    assert page.locator("h1").inner_text() == "There is no such page"
    for link in page.locator("article a").all():
        target = link.get_attribute("href").removeprefix("/")
        assert (site / target / "index.html").is_file(), target


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_page_has_the_contrast_of_wcag_aa(browser, server, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    rules = ["color-contrast", "link-in-text-block", "button-name", "link-name", "label", "image-alt", "svg-img-alt"]
    # What is looked with is a script of its own, which the policy of the server would not let in.
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(180_000)
    page, wrong = context.new_page(), []
    for name in PAGES:
        page.goto(f"{server.address}/{name}")
        if "?" in name:
            page.locator(".ex-summary").wait_for()
        page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")
        found = axe.run(page, options={"runOnly": {"type": "rule", "values": rules}}).response["violations"]
        wrong += [(name, violation["id"], [node["target"] for node in violation["nodes"][:5]]) for violation in found]
    context.close()
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_copy_buttons_can_be_seen(visit, scheme):
    page = visit("guides/convert/", scheme=scheme)
    button = page.locator(".md-code__button, .md-clipboard").first
    button.wait_for(state="attached")
    page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished))")
    colors = page.evaluate(
        """() => {
            const button = document.querySelector('.md-code__button, .md-clipboard');
            const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            const paint = (...colors) => {
                for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
                return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
            };
            const behind = [getComputedStyle(document.body).backgroundColor,
                            getComputedStyle(button.closest('pre, .highlight').querySelector('code')).backgroundColor];
            return [paint(...behind, getComputedStyle(button).color), paint(...behind)];
        }"""
    )
    assert contrast(*colors) >= 3


def contrast(one, other):
    """The contrast of two colours, as WCAG 2 defines it."""

    def luminance(color):
        parts = [value / 255 for value in color]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
