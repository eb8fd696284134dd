"""The explorer shows what stands in a file, and everyone can get at it: by keyboard, on a phone, light and dark."""

import re

import numpy as np
import pytest

import reference
from docs.generators.explorer_examples import examples
from docs.tests.test_explorer import stored, texts


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
    page.get_by_text("1 of 39 leaves").wait_for()
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
    page.locator(".ex-drop").wait_for()
    with page.expect_file_chooser() as chooser:  # which the browser has to be told of well before
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == "Choose a file":
                break
        page.keyboard.press("Enter")
    chooser.value.set_files(path)
    page.locator(".ex-tree").wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.ex-tree')"):
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
    for example in (
        "model.stream",
        "sealed.stream",
        "train-state.msgpack",
        "dtypes.stream",
        "hostile.stream",
        "cut-off.stream",
    ):
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
