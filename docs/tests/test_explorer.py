"""The explorer as people use it: by file, by address, by keyboard, on a phone, in the dark, with hostile files."""

import re

import numpy as np
import pytest

import reference
from conformance.assembly import data, ndarray_, raw, record_
from docs.generators.explorer_examples import examples
from docs.tests.ranged import serving

GIB = 1 << 30


@pytest.fixture(scope="module")
def server(site, tmp_path_factory):
    with serving(site, tmp_path_factory.mktemp("made")) as server:
        yield server


@pytest.fixture
def explore(browser, server):
    """Opens the explorer. At the end, the console is empty, and no other host was asked for anything."""
    contexts, troubles = [], []

    def open_page(width=1280, scheme="light", file=None, example=None, query=""):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: request.url.startswith(server.address) or troubles.append(request.url))
        query = f"?file=examples/{example}" if example else query
        page.goto(f"{server.address}/explorer/{query}")
        if file is not None:
            page.set_input_files("#ex-file", file)
        if file is not None or query:
            page.locator(".ex-summary, .ex-problem").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def stored(tmp_path, content, name="a.stream"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def texts(page, selector):
    return page.locator(selector).all_inner_texts()


# --- opening -----------------------------------------------------------------------------------------------------


def test_a_file_of_3_gb_is_opened_without_being_read(explore, tmp_path):
    """Three tensors of 1 GiB each, which are holes on the disk."""
    path = tmp_path / "large.stream"
    blob = ndarray_("uint8", (8,), data(bytes(8))).data().replace(b"\x91\x08", b"\x91\xce\x40\x00\x00\x00")
    head = blob[3 : blob.index(b"\xc4\x08")] + b"\xc6\x40\x00\x00\x00"  # without the header of the ext
    body = (len(head) + GIB).to_bytes(4, "big")
    with path.open("wb") as file:
        for name in (b"a", b"b", b"c"):
            file.write(
                b"\x92\x91\xa1"
                + name
                + b"\xc6"
                + (len(head) + GIB + 6).to_bytes(4, "big")
                + b"\xc9"
                + body
                + b"\x01"
                + head
            )
            file.seek(GIB - 1, 1)
            file.write(b"\0")
        file.write(record_("step", raw("07")).data())
    page = explore(file=path)
    assert texts(page, ".ex-badge")[1].endswith("conforms to 1.0")
    assert texts(page, ".ex-tree .ex-cell--size") == ["1.07 GB", "1.07 GB", "1.07 GB", ""]
    facts = dict(zip(texts(page, ".ex-summary dt"), texts(page, ".ex-summary dd"), strict=True))
    assert facts["size"] == "3.22 GB"
    assert re.fullmatch(r"(\d{1,3} kB|1\.0\d MB) in .*", facts["read"])
    heap = page.evaluate("performance.measureUserAgentSpecificMemory ? 0 : performance.memory.usedJSHeapSize")
    assert heap < 50e6
    page.locator(".ex-tree .ex-row").nth(1).click()
    page.get_by_role("tab", name="Histogram").click()
    page.get_by_text("A sample: 16.8 MB of 1.07 GB").wait_for()
    page.get_by_role("button", name="Read all").wait_for()


def test_twenty_thousand_records_stay_quick(explore, tmp_path):
    content = b"".join(record_(("params", f"w{n}"), raw("cd 01 00")).data() for n in range(20_000))
    page = explore(file=stored(tmp_path, content))
    page.locator(".ex-tree .ex-row").first.locator(".ex-twist").click()
    tree = page.locator(".ex-tree")
    page.wait_for_function("document.querySelector('.ex-tree').ariaRowCount === '20001'")
    assert page.locator(".ex-tree .ex-row").count() < 60
    tree.focus()
    page.keyboard.press("End")
    page.locator(".ex-row[data-active] .ex-key", has_text="w19999").wait_for()
    page.get_by_label("Filter key paths").fill("*/w1234?")
    page.get_by_text("11 rows match").wait_for()


def test_a_file_of_the_site_is_opened_by_its_address_and_read_in_ranges(explore, server):
    page = explore(query="?file=../conformance/files/invalid/06-streams/cut-within-a-key-path.bin")
    assert "STREAM-2" in texts(page, ".ex-violation")[0]
    assert server.sent > 0


def test_a_file_of_another_site_is_refused(explore):
    page = explore(query="?file=https://example.org/a.stream")
    assert "not from example.org" in page.locator(".ex-problem").inner_text()
    page = explore(query="?file=//example.org/a.stream")
    assert "not from example.org" in page.locator(".ex-problem").inner_text()


def test_a_server_without_ranges_does_too(visit):
    page = visit("explorer/?file=examples/model.stream")
    page.locator(".ex-badge--good").wait_for()


def test_a_file_can_be_dropped(explore):
    page = explore()
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.of(0x92, 0x91, 0xa1, 0x61, 0xc4, 1, 7)], 'dropped'));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }""")
    page.locator(".ex-name", has_text="dropped").wait_for()


def test_a_pickle_is_named_with_what_to_do(explore, tmp_path):
    page = explore(file=stored(tmp_path, b"\x80\x02}q\x00.", "model.bin"))
    assert "pickle" in page.locator(".ex-summary").inner_text()
    assert "any code" in page.locator(".ex-advice").inner_text()
    page.get_by_role("button", name="Read it as a flax file").click()
    page.locator(".ex-violation").first.wait_for()


def test_a_file_that_vanishes_is_reported(explore, tmp_path):
    path = tmp_path / "gone.stream"
    with path.open("wb") as file:  # larger than what the worker keeps
        for name in "abcdefghijkl":
            file.write(record_(name, ndarray_("uint8", (1 << 20,), data(bytes(1 << 20)))).data())
    page = explore(file=path)
    path.write_bytes(b"another")
    page.locator(".ex-tree .ex-row").first.click()
    page.locator(".ex-problem").wait_for()
    assert "changed or moved" in page.locator(".ex-problem").inner_text()


# --- hostile files -----------------------------------------------------------------------------------------------


def test_key_paths_that_look_like_markup_stay_text(explore):
    page = explore(example="hostile.stream")
    assert "<img src=x onerror=alert(1)>" in page.locator("ol.ex-violations").inner_text()
    page.get_by_role("tab", name="Tree", exact=True).click()
    keys = texts(page, ".ex-tree .ex-key")
    assert "<img src=x onerror=alert(1)>" in keys
    assert r"a\/b" in keys
    assert r"\u202egnp.txt" in keys
    page.locator(".ex-tree .ex-row").first.click()
    page.locator(".ex-path", has_text="<img").wait_for()
    page.get_by_role("tab", name="Treemap").click()
    page.locator(".ex-block").first.wait_for()
    assert page.locator("#checkpoint img, #checkpoint script").count() == 0


def test_no_module_makes_markup_of_text(site):
    for file in (site / "explorer").rglob("*.mjs"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", file.read_text()
        )


def test_the_client_is_the_one_that_is_judged(site):
    from docs.generators.explorer_files import CLIENT

    assert (site / "explorer/streamckpt.mjs").read_bytes() == CLIENT.read_bytes()


def test_the_violation_is_marked_among_its_bytes(explore):
    page = explore(example="hostile.stream")
    assert len(texts(page, "ol .ex-violation")) == 10
    page.get_by_role("button", name="Show the bytes of violation 8").click()
    page.locator(".ex-path", has_text="a negative dimension").wait_for()
    fault = page.locator(".ex-run--fault")
    assert "ff" in fault.inner_text()
    links = page.locator(".ex-detail .ex-clause").evaluate_all("links => links.map((a) => a.getAttribute('href'))")
    assert "../specification/1.0/04-leaves/#leaf-3" in links


# --- what is shown -----------------------------------------------------------------------------------------------


def test_facts_of_values_are_those_of_numpy(explore, tmp_path):
    values = np.random.default_rng(1).standard_normal((100, 70)).astype(np.float32)
    values[:2, :5] = [[0, np.nan, np.inf, -np.inf, 1e-40], [-0.0, 0, 0, np.inf, np.nan]]
    reference.save(str(tmp_path / "a"), {"w": values, "z": values.astype(complex)})
    page = explore(file=tmp_path / "a")
    page.locator(".ex-tree .ex-row").first.click()
    page.get_by_role("tab", name="Histogram").click()
    facts = page.locator(".ex-histogram .ex-facts")
    facts.wait_for()
    shown = dict(zip(texts(page, ".ex-histogram dt"), texts(page, ".ex-histogram dd"), strict=True))
    finite = values[np.isfinite(values)].astype(np.float64)
    for name, value in (("min", finite.min()), ("max", finite.max()), ("mean", finite.mean()), ("std", finite.std())):
        assert float(shown[name]) == pytest.approx(value, rel=1e-4)
    counts = {
        name: int(shown[name].split(" ")[0].replace(",", ""))
        for name in ("elements", "zeros", "NaN", "+inf", "-inf", "subnormals")
    }
    assert counts == {"elements": 7000, "zeros": 4, "NaN": 2, "+inf": 2, "-inf": 1, "subnormals": 1}
    page.get_by_text("The bars as a table").click()
    bars = [int(text.replace(",", "")) for text in texts(page, ".ex-details td")]
    assert sum(bars) == 7000 - 5
    page.get_by_label("Values on a log scale").check()
    page.locator(".ex-bar-zero").wait_for()
    page.locator(".ex-tree .ex-row").nth(1).click()
    page.get_by_label("Part of the complex numbers").select_option("magnitude")
    page.locator(".ex-facts dd", has_text="7,000").wait_for()


def test_the_bytes_of_a_record_are_explained(explore):
    page = explore(example="model.stream")
    page.get_by_label("Filter key paths").fill("ln_f")
    page.get_by_text("3 rows match").wait_for()
    page.locator(".ex-tree .ex-row").nth(2).click()
    page.locator(".ex-path", has_text="transformer/ln_f/kernel").wait_for()
    rows = texts(page, ".ex-runs tr")
    wanted = [
        "record: array of 2",
        'part 1 "transformer"',
        "leaf blob: bin",
        "ndarray: ext type 1",
        "(64,)",
        '"float32"',
        "64 elements",
    ]
    for text in wanted:
        assert any(text in row for row in rows), text
    first = page.locator(".ex-line").first.inner_text()
    page.get_by_role("button", name="Next page").click()
    page.wait_for_function("(first) => document.querySelector('.ex-line').innerText !== first", arg=first)


def test_a_key_path_is_copied(explore, browser):
    page = explore(example="model.stream")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".ex-tree .ex-row").nth(2).click()
    page.get_by_role("button", name="Copy the key path").click()
    page.get_by_text("Key path copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == "transformer/wte/embedding"


def test_from_a_file_to_its_histogram_by_keyboard_alone(explore, tmp_path):
    path = stored(tmp_path, examples()["model.stream"])
    page = explore()
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.locator(".ex-drop").wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Choose a file":
            break
    page.keyboard.press("Enter")
    while not choosers:
        page.wait_for_timeout(50)
    choosers[0].set_files(path)
    page.locator(".ex-tree").wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "ex-tree":
            break
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.locator(".ex-path", has_text="transformer/wte/embedding").wait_for()
    page.keyboard.press("Tab")
    for _ in range(8):
        if page.evaluate("document.activeElement.innerText") == "Bytes":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.locator(".ex-bars").wait_for()
    page.get_by_role("tab", name="Treemap").focus()
    page.keyboard.press("Enter")
    page.locator(".ex-block").first.focus()
    page.keyboard.press("Enter")
    page.locator(".ex-crumb", has_text="transformer").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.locator(".ex-crumb", has_text="the whole file").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_it_fits_and_can_be_read(explore, width, scheme):
    page = explore(width=width, scheme=scheme)
    assert_fits(page, width)
    for example in ("model.stream", "train-state.msgpack", "dtypes.stream", "hostile.stream", "cut-off.stream"):
        page.goto(page.url.split("?")[0] + f"?file=examples/{example}")
        page.locator(".ex-tabbed").first.wait_for()
        for tab in page.get_by_role("tab").all():
            if tab.is_visible():
                tab.click()
                assert_fits(page, width)
        page.get_by_role("tab", name="Tree", exact=True).click()
        page.locator(".ex-tree .ex-row").nth(2).click()
        page.locator(".ex-path").wait_for()
        assert_fits(page, width)
        assert len(page.screenshot()) > 10_000


def assert_fits(page, width):
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_pass_contrast(explore, scheme):
    page = explore(scheme=scheme, example="dtypes.stream")
    page.get_by_role("tab", name="Treemap").click()
    page.locator(".ex-block").first.wait_for()
    pairs = page.locator(".ex-block:not(.ex-block--frame):has(text)").evaluate_all(
        "blocks => blocks.map((block) => [...block.children].map((part) => getComputedStyle(part).fill))"
    )
    assert len(pairs) > 8
    for fill, text, *_ in pairs:
        assert contrast(fill, text) >= 4.5


def contrast(one, other):
    def light(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)
