"""What tests of sealed streams in the explorer have in common: two leaves, the seal, and the buttons that verify."""

from conformance.sealed_by_hand import Leaf, int_
from docs.tests.test_explorer import texts

INT = Leaf(["step"], "int", blob=int_(1200))


def large(times=9):
    """A leaf of some MiB, and a small one."""
    return [INT, Leaf(["weights", "w"], "ndarray", "uint8", [times << 20], bytes(range(256)) * (times << 12))]


def facts(page, selector):
    return dict(zip(texts(page, f"{selector} dt"), texts(page, f"{selector} dd"), strict=True))


def open_seal(page):
    page.get_by_role("tab", name="Seal", exact=True).click()
    page.locator(".ex-metadata li, .ex-seal p").first.wait_for()


def verify(page, name="Verify the whole file"):
    page.get_by_role("button", name=name).click()
    shown = page.locator(".ex-verify", has=page.get_by_role("button", name=name)).locator(".ex-verified")
    shown.locator(".ex-sound, .ex-fault").wait_for()
    return shown.inner_text()
