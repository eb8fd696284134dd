"""The site, built once for all tests and served, and a browser to look at it with."""

import contextlib
import fcntl
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from conformance import sealed_by_hand
from docs.tests import sealed_in_explorer
from docs.tests.ranged import serving

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """What looks at the built site is slow, and done by one worker, since no other can begin before it is built."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site. The build is strict: a link or an anchor that leads nowhere fails it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # one for all workers of this run
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "sitemap.xml").exists():
            build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder]
            done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return folder


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves quietly."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Where the site is served."""
    handler = functools.partial(Handler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("the site is not looked at: chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def is_trouble(message):
    """A browser notes every file that a server does not have; a detached seal may be missing (DETACHED-3)."""
    missing = message.location["url"].partition("?")[0].endswith(".seal") and "404" in message.text
    return message.type in ("error", "warning") and not missing


@pytest.fixture
def watched(browser):
    """Opens an address in a window of its own: `watched(url, own, width, scheme)`. At the end nothing may have been
    written to the console, and nothing asked for that does not begin with one of `own`."""
    troubles = []
    with contextlib.ExitStack() as stack:

        def open_page(url, own, width, scheme):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            stack.callback(context.close)
            context.set_default_timeout(180_000)  # milliseconds: a net for what never comes, on a busy machine too
            page = context.new_page()
            page.on("console", lambda message: is_trouble(message) and troubles.append(message.text))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("dialog", lambda dialog: troubles.append(dialog.message))
            page.on("request", lambda request: request.url.startswith(own) or troubles.append(request.url))
            page.goto(url)
            return page

        yield open_page
    assert troubles == []


@pytest.fixture
def visit(watched, address):
    """Opens a page of the site: `visit("guides/", width=360, scheme="dark")`."""
    return lambda path, width=1280, scheme="light": watched(
        f"{address}/{path}", (address, "data:", "blob:"), width, scheme
    )


@pytest.fixture
def search(visit):
    """Pastes words into the search of the home page: `search("STREAM-4")` gives the page with its results."""

    def typed(words):
        page = visit("")
        page.locator(".md-search-result__meta", has_text="Type to start searching").wait_for(state="attached")
        page.keyboard.press("/")
        page.keyboard.insert_text(words)  # at once, as by a mouse: no key is let go, and no results come in between
        return page

    return typed


@pytest.fixture(scope="session")
def server(site, tmp_path_factory):
    with serving(site, tmp_path_factory.mktemp("made")) as server:
        yield server


@pytest.fixture
def explore(watched, server):
    """Opens the explorer, and a file or an example in it."""

    def open_page(width=1280, scheme="light", file=None, example=None, query=""):
        query = f"?file=examples/{example}" if example else query
        page = watched(f"{server.address}/explorer/{query}", (server.address,), width, scheme)
        if file is not None:
            page.set_input_files("#ex-file", file)
        if file is not None or query:
            page.locator(".ex-summary, .ex-problem").wait_for()
        return page

    return open_page


@pytest.fixture(scope="module")
def nine():
    """A file with a leaf of 9 MiB, which is 3 blocks."""
    return sealed_by_hand.sealed(sealed_in_explorer.large(), {"step": 1200}, digests=True)
