"""The built site: no link leads nowhere, no other host is asked, every page fits a phone, and search finds rules."""

import functools
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin

import pytest

# Attributes from which a browser fetches by itself.
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("use", "href")}
NO_FETCH = {"canonical", "next", "prev"}


class Links(HTMLParser):
    """What a page links to, what it fetches, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.linked, self.fetched, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors.update(found[name] for name in ("id", "name") if found.get(name))
        if tag == "a" and found.get("href"):
            self.linked.append(found["href"])
        for element, name in FETCHED:
            if tag == element and found.get(name) and found.get("rel") not in NO_FETCH:
                self.fetched.append(found[name])


@pytest.fixture(scope="module")
def pages(site):
    """Every page by its address from the root of the site."""
    files = {str(file.relative_to(site)): file for file in site.rglob("*.html")}
    return {name.removesuffix("index.html"): Links(file.read_text()) for name, file in files.items()}


def resolved(page, link):
    target, anchor = urldefrag(urljoin(f"http://site/{page}", link))
    return unquote(target.removeprefix("http://site/")).split("?")[0], unquote(anchor)


def test_no_link_leads_nowhere(site, pages):
    dead = []
    for page, links in pages.items():
        if page == "404.html":  # whose links start at the root, wherever that is
            continue
        for link in links.linked:
            target, anchor = resolved(page, link)
            if re.match(r"[a-z]+:", target):
                continue
            found = pages.get(target)
            if found is None:
                dead += [(page, link)] if anchor or target.endswith("/") or not (site / target).is_file() else []
            elif anchor and anchor not in found.anchors and not anchor.startswith("__"):
                dead.append((page, link))
    assert dead == []
    assert len(pages) > 1300


def test_no_page_fetches_from_another_host(site, pages):
    fetched = {(page, link) for page, links in pages.items() for link in links.fetched}
    assert [(page, link) for page, link in fetched if re.match(r"([a-z]+:)?//", link)] == []
    for page, link in fetched:
        target, _ = resolved(page, link)
        assert (site / target).is_file() or page == "404.html", (page, link)
    styles = list(site.rglob("*.css"))
    assert styles
    assert [file for file in styles if re.search(r"url\(['\"]?(https?:)?//", file.read_text())] == []


def listed(pages):
    """Every page but those of single cases, of which there are some."""
    chosen = [page for page in pages if not re.fullmatch(r"conformance/cases/[^/]+/[^/]+/", page)]
    return [*chosen, "conformance/cases/06-streams/cut-within-a-key-path/", "conformance/cases/10-delta/two-blocks/"]


@pytest.mark.parametrize("sixth", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(1, 6))])
def test_every_page_fits_the_screen_without_an_error(visit, pages, address, sixth):
    """On a phone, and then on a screen in the other scheme, without loading it again."""
    page = visit("")
    for name in listed(pages)[sixth::6]:
        if name == "404.html" or (found := pages.get(name)) is None:
            continue
        page.set_viewport_size({"width": 360, "height": 900})
        page.emulate_media(color_scheme="dark")
        page.goto(f"{address}/{name}")
        for width, scheme in ((360, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.evaluate(
                "Promise.allSettled(document.getAnimations().map(one => one.finished))"
            )  # it gets there slowly
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        assert page.locator("h1").count() == 1, name
        assert found.anchors


@pytest.mark.parametrize(
    ("words", "clause"),
    [
        ("no key path stands in a stream twice", "06-streams/#stream-4"),
        ("No key path stands in a stream twice.", "06-streams/#stream-4"),
        ("a length that reaches beyond the end of what encloses it", "01-wire/#wire-3"),
        ("to be or not to be", ""),
    ],
)
def test_search_finds_a_rule_by_its_words(search, words, clause):
    """It is in sight, and not folded away. Words that stand everywhere find something where there are no others."""
    items = search(words).locator(".md-search-result__item")
    items.first.wait_for()
    page, _, anchor = clause.partition("#")
    links = items.locator("a:visible").evaluate_all("links => links.slice(0, 9).map(link => link.href)")
    assert any(page in link and link.endswith(f"#{anchor}" if anchor else "") for link in links), links


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("LEAF-5", "specification/1.0/04-leaves/#leaf-5"),
        ("leaf-1", "specification/1.0/04-leaves/#leaf-1"),
        ("STREAM-2", "specification/1.0/06-streams/#stream-2"),
        ("STREAM-4", "specification/1.0/06-streams/#stream-4"),
        ("PART-2", "specification/2.0/12-parts/#part-2"),
        ("gs://", "guides/buckets/"),
        ("params::", "specification/1.0/dialects/"),
        ("nan", "guides/"),
        ("pytorch", "guides/"),
        ("hugging face", "guides/"),
    ],
)
def test_search_finds_first_what_is_about_the_words(search, words, first):
    """The first result is the page, with the section under it where the words stand in one alone."""
    result = search(words).locator(".md-search-result__item").first
    result.locator("a").first.wait_for()
    links = [urljoin("/", link.get_attribute("href")) for link in result.locator("a").all()]
    found = [link.partition("?")[0] + (f"#{link.partition('#')[2]}" if "#" in link else "") for link in links]
    assert any(f"/{first}" in one for one in found), found


def test_the_menu_of_a_phone_is_reached_by_keyboard_and_is_passed_by_while_closed(visit):
    page = visit("guides/convert/", width=360)
    sidebar = page.locator(".md-sidebar--primary")
    in_menu = "document.activeElement.closest('.md-sidebar--primary') !== null"
    in_article = "document.activeElement.closest('article') !== null"
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        assert not page.evaluate(in_menu)
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        if page.evaluate(in_article):
            break
    assert page.evaluate(in_article)
    assert "Menu" in names
    page.get_by_role("button", name="Menu", exact=True).press("Enter")
    sidebar.get_by_role("link", name="Guides").first.wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(in_menu):
            break
    assert page.evaluate(in_menu)
    page.keyboard.press("Escape")
    page.wait_for_function("!document.getElementById('__drawer').checked")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Menu"
    page.keyboard.press("Escape")  # closes only what is open
    assert not page.evaluate("document.getElementById('__drawer').checked")


def test_no_heading_is_more_than_one_below_the_heading_before_it(site):
    for page in site.rglob("*.html"):
        article = re.search("<article.*</article>", page.read_text(), re.S)
        levels = [int(level) for level in re.findall("<h([1-6])", article[0])] if article else []
        jumps = [pair for pair in zip([0, *levels], levels, strict=False) if pair[1] > pair[0] + 1]
        assert not jumps, page.relative_to(site)


def test_from_the_home_page_to_a_failing_case(visit):
    """As a newcomer goes: by links that can be seen, in a few steps."""
    page = visit("")
    follow = functools.partial(click, page)
    follow("follow the guide")
    page.go_back()
    follow("conformance suite")
    follow("The cases")
    follow("06 Streams")
    follow("cut-within-a-key-path")
    assert "Every reader must refuse this stream" in page.content()
    follow("STREAM-2")
    assert page.url.endswith("specification/1.0/06-streams/#stream-2")


def test_from_the_home_page_to_a_conversion(visit):
    page = visit("")
    click(page, "Convert it")
    assert "streamckpt convert" in page.locator("article").inner_text()


def click(page, text):
    page.locator("article").get_by_role("link", name=text, exact=True).first.click()
    page.wait_for_load_state()
