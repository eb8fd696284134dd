"""The explorer opens addresses: of its own site at once, and of another host when the reader agrees, by ranges."""

import contextlib
import functools
import http.server
import json
import threading

import pytest

from conformance.assembly import data, ndarray_, raw, record_
from docs.tests.ranged import Handler

MIB = 1 << 20


class Elsewhere(Handler):
    """A host that lets other sites read its files, and tells them what it tells everybody, or less."""

    tells_sizes = True

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")
        if self.tells_sizes:
            self.send_header("Access-Control-Expose-Headers", "Content-Range")
        super().end_headers()

    def do_OPTIONS(self):  # noqa: N802
        self.send_response(204)
        self.send_header("Access-Control-Allow-Headers", "Range")
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD")
        self.end_headers()


class Quiet(Elsewhere):
    tells_sizes = False


class Halting(Elsewhere):
    """One that sends no parts of files, and halts in the middle of one."""

    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Length", str(3 * MIB))
        self.end_headers()
        self.wfile.write(bytes(MIB))
        self.server.go_on.wait()


class Closed(Handler):
    """One that lets no other site read anything."""


@pytest.fixture
def elsewhere(tmp_path):
    """Starts a host of a class on another port: its address; `sent` has the bytes of all ranges."""
    with contextlib.ExitStack() as stack:

        def start(handler):
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path))
            )
            server.sent, server.made, server.go_on = 0, tmp_path, threading.Event()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            stack.callback(server.go_on.set)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            server.address = f"http://127.0.0.1:{server.server_port}"
            return server

        yield start


@pytest.fixture
def large(tmp_path):
    """A stream of 12 MiB."""
    with (tmp_path / "large stream").open("wb") as file:
        for name in "abc":
            file.write(record_(name, ndarray_("uint8", (4 * MIB,), data(bytes(4 * MIB)))).data())
        file.write(record_("step", raw("07")).data())
    return "large%20stream"


@pytest.mark.parametrize("handler", [Elsewhere, Quiet], ids=["exposed", "by-head"])
def test_another_host_is_asked_when_the_reader_agrees(watched, address, elsewhere, large, handler):
    host = elsewhere(handler)
    page = watched(f"{address}/explorer/?url={host.address}/{large}", (address, host.address), 1280, "light")
    page.get_by_text(f"Open a file from {host.address.removeprefix('http://')}?").wait_for()
    assert host.sent == 0
    page.get_by_role("button", name="Open it", exact=True).click()
    page.locator(".ex-name", has_text="large stream").wait_for()
    page.locator(".ex-badge--good").wait_for()
    assert 0 < host.sent < 2 * MIB
    assert page.locator(".ex-tree .ex-cell--size").all_inner_texts()[:3] == ["4.19 MB"] * 3


def test_a_file_that_is_sent_as_a_whole_can_be_stopped_on_its_way(watched, address, elsewhere):
    host = elsewhere(Halting)
    page = watched(f"{address}/explorer/?url={host.address}/a", (address, host.address), 360, "dark")
    page.get_by_role("button", name="Open it", exact=True).click()
    page.get_by_text("The server does not send parts of a file: 1.05 MB of 3.15 MB fetched").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".ex-problem", has_text="a was not opened: you stopped it.").wait_for()


def test_who_does_not_agree_asks_nobody(watched, address, elsewhere, large):
    host = elsewhere(Elsewhere)
    page = watched(f"{address}/explorer/?url={host.address}/{large}", (address,), 360, "dark")
    page.get_by_role("button", name="Do not open it").click()
    page.get_by_text("Drop a checkpoint here").wait_for()
    assert host.sent == 0


def test_an_address_can_be_typed(watched, address, elsewhere, large):
    host = elsewhere(Elsewhere)
    page = watched(f"{address}/explorer/", (address, host.address), 1280, "light")
    page.get_by_label("Address of a checkpoint").fill(f"{host.address}/{large}")
    page.keyboard.press("Enter")
    page.locator(".ex-badge--good").wait_for()


def test_an_address_of_the_site_is_opened_at_once(explore):
    page = explore(query="?url=examples/model.stream")
    page.locator(".ex-badge--good").wait_for()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?url=ftp://example.org/a", "opens http and https addresses"),
        ("?url=http://", "This is not an address"),
    ],
)
def test_what_is_no_web_address_is_refused(explore, query, said):
    page = explore()
    page.goto(page.url + query)
    if page.get_by_role("button", name="Open it", exact=True).is_visible():
        page.get_by_role("button", name="Open it", exact=True).click()
    page.locator(".ex-problem", has_text=said).wait_for()


def test_a_host_that_lets_nobody_read_is_named(browser, address, elsewhere, large):
    """The browser notes the refusal in its console, so that the page is not watched."""
    host = elsewhere(Closed)
    context = browser.new_context()
    context.set_default_timeout(180_000)
    page = context.new_page()
    page.goto(f"{address}/explorer/?url={host.address}/{large}")
    page.get_by_role("button", name="Open it", exact=True).click()
    page.locator(".ex-problem", has_text="cannot be read from here").wait_for()
    context.close()


def test_a_picture_is_called_one(explore, tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60))
    page = explore(file=path)
    assert page.locator(".ex-badge").all_inner_texts()[:2] == ["picture", "\u2717 not a checkpoint"]
    assert "It holds no tensors" in page.locator(".ex-advice").inner_text()
    page.get_by_role("button", name="Read it as a flax file").click()
    page.locator(".ex-violation").first.wait_for()
    assert page.locator(".ex-problem").count() == 0


@pytest.mark.parametrize("width", [768, 1280])
def test_offsets_of_a_terabyte_are_not_cut(explore, tmp_path, width):
    """A tensor of 1 TB, which is a hole on the disk, and one behind it: `large` enough for the widest column."""
    path = tmp_path / "terabyte.safetensors"
    tera = 10**12
    tensors = {"a": (tera, 0), "b": (8, tera)}
    header = {
        name: {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]} for name, (size, at) in tensors.items()
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + tera + 8)
    page = explore(file=path, width=width)
    assert page.locator(".ex-tree .ex-cell--size").all_inner_texts() == ["1 TB", "8 B"]
    page.locator(".ex-tree .ex-row").nth(1).click()
    page.locator(".ex-runs .ex-offset").first.wait_for()
    for cell in (*page.locator(".ex-tree .ex-cell--offset").all(), *page.locator(".ex-runs .ex-offset").all()):
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
        assert cell.evaluate("cell => getComputedStyle(cell).whiteSpace") == "nowrap"
    assert "1,000,000,000,1" in page.locator(".ex-tree .ex-cell--offset").nth(1).inner_text()
