"""Sealed streams in the explorer: opened by their index, shown with their seal, and named where damaged."""

import re
import struct

import pytest

from conformance.sealed_by_hand import (
    BLOCK,
    Leaf,
    crc32c,
    detached,
    int_,
    record,
    sealed,
    sums,
)
from docs.tests.sealed_in_explorer import INT, facts, large, open_seal, verify
from docs.tests.test_explorer import stored, texts

# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_sealed_stream_is_opened_at_an_address_with_its_end_alone(explore, server, nine):
    (server.made / "nine").write_bytes(nine)
    before = server.sent
    page = explore(query="?file=/made/nine")
    assert server.sent - before <= 512 + (64 << 10)
    assert texts(page, ".ex-badge") == ["sealed stream", "\u25cb sealed, not verified yet"]
    page.get_by_role("tab", name="Tree", exact=True).click()
    assert texts(page, ".ex-tree .ex-cell--size") == ["", "9.44 MB", "9.44 MB"]
    assert server.sent - before <= 512 + (64 << 10)


def test_an_index_of_more_than_the_last_64_kib_takes_one_more_read(explore, server):
    data, size = many(2000)
    (server.made / "many").write_bytes(data)
    before = server.sent
    page = explore(query="?file=/made/many")
    assert facts(page, ".ex-summary")["leaves"] == "2,000"
    assert size > 64 << 10
    assert server.sent - before <= 512 + (64 << 10) + size + 5


def many(count):
    """A file of so many leaves, and the bytes of its index."""
    leaves = [Leaf(["params", f"layer {n // 100}", f"w{n}"], "int", blob=int_(n)) for n in range(count)]
    data = sealed(leaves)
    return data, struct.unpack(">I", data[-32:-28])[0]


def test_a_hundred_thousand_leaves_stay_usable(explore, tmp_path):
    data, _ = many(100_000)
    page = explore(file=stored(tmp_path, data))
    summary = facts(page, ".ex-summary")
    assert summary["leaves"] == "100,000"
    assert re.fullmatch(r"\d+(\.\d+)? [kM]B in .*", summary["read"])
    page.get_by_label("Filter key paths").fill("*/w12345")
    page.get_by_text("1 of 100,000 leaves").wait_for()
    assert page.locator(".ex-tree .ex-row").count() == 3
    open_seal(page)
    assert verify(page).startswith("\u2713 100,000 blocks compared")


def test_the_bytes_of_a_padded_array_and_of_the_seal_are_explained(explore):
    page = explore(example="sealed.stream")
    page.locator(".ex-tree .ex-row").nth(2).click()
    page.locator(".ex-detail .ex-run").first.wait_for()
    rows = texts(page, ".ex-detail .ex-run")
    for text, clause in [
        ("the mark of a sealed stream", "SEAL-1"),
        ('"pad"', "ALIGN-1"),
        ("zeros, which put the payload at a multiple", "ALIGN-2"),
    ]:
        assert any(text in row and clause in row for row in rows), text
    assert not any("longer than needed" in row for row in rows)
    open_seal(page)
    page.get_by_text("The bytes of the seal").click()
    page.locator(".ex-seal .ex-run", has_text="offset of the seal").wait_for()
    assert any("one more than there are" in row for row in texts(page, ".ex-seal .ex-run"))


# --- the seal ---------------------------------------------------------------------------------------------------------


def test_the_seal_is_shown(explore, tmp_path, nine):
    page = explore(file=stored(tmp_path, nine))
    open_seal(page)
    shown = facts(page, ".ex-seal > .ex-facts")
    offset = struct.unpack(">Q", nine[-40:-32])[0]
    assert (shown["version"], shown["alignment"], shown["leaves"]) == ("2.0", "64 bytes", "2")
    assert shown["checksum of all records"] == f"{crc32c(nine[:offset]):08x}"
    assert shown["blocks of 4 MiB"] == "4"
    assert shown["tree digest"] == nine[-72:-40].hex()
    page.get_by_role("tab", name="Tree", exact=True).click()
    page.locator(".ex-tree .ex-row").nth(2).click()
    page.get_by_role("tab", name="Checksums").click()
    page.locator(".ex-checksums tbody tr").first.wait_for()
    assert len(texts(page, ".ex-checksums tbody tr")) == 3
    page.locator(".ex-tree .ex-row").first.click()
    page.locator(".ex-detail-head", has_text="int 1200").wait_for()


def test_metadata_is_a_tree_that_can_be_read(explore, tmp_path):
    metadata = {
        "config": {"layers": [{"width": 64}, None, True], "rate": 0.5, "whole": 2.0},
        "key\nof two lines": -1,
        "largest": (1 << 64) - 1,
        "many": list(range(1000)),
        "nothing": {},
        "raw": b"\x00\xff",
    }
    page = explore(file=stored(tmp_path, sealed([INT], metadata)))
    open_seal(page)
    page.locator(".ex-metadata li", has_text="whole 2.0 float").last.wait_for()
    text = page.locator(".ex-metadata").inner_text()
    for shown in ("18446744073709551615 int", "00 ff bytes, 2 of them", "an empty map", "rate 0.5 float"):
        assert shown in text, shown
    page.locator(".ex-metadata summary", has_text="many").click()
    page.get_by_role("button", name="Show more of 1,000 entries").click()
    page.locator(".ex-metadata li", has_text=re.compile(r"^399 399 int$")).wait_for()


def test_hostile_metadata_stays_text_and_long_texts_come_in_pages(explore, tmp_path):
    markup = "<img src=x onerror=alert(1)>"
    metadata = {markup: markup, "turned": "exe\u202egnp.txt", "long": "word " * 20_000, "end": "a\x1b[31m\nb"}
    page = explore(file=stored(tmp_path, sealed([INT], metadata)))
    open_seal(page)
    page.locator(".ex-metadata li", has_text="turned").wait_for()
    text = page.locator(".ex-metadata").inner_text()
    assert f"{markup} {markup} str" in text
    assert r"exe\u202egnp.txt" in text
    assert "\\u001b[31m\nb" in text
    assert len(text) < 2000
    for shown in (20_000, 40_000, 60_000, 80_000, 100_000):
        page.get_by_role("button", name="Show more of 100,000 characters").click()
        page.wait_for_function(
            "(n) => [...document.querySelectorAll('.ex-meta-str')].some((one) => one.textContent.length === n)",
            arg=shown,
        )
    assert page.get_by_role("button", name="Show more").count() == 0
    assert page.locator("#checkpoint img, #checkpoint script").count() == 0


# --- damage -----------------------------------------------------------------------------------------------------------


def test_a_sealed_stream_that_was_cut_off_is_named_and_its_records_are_shown(explore, tmp_path):
    leaves = [Leaf(["a"], "int", blob=int_(1)), Leaf(["b"], "ndarray", "uint8", [5000], bytes(5000)), INT]
    data = sealed(leaves)
    page = explore(file=stored(tmp_path, data[: data.index(b"\xa4step") + 3]))
    assert "SEAL-5" in texts(page, "ol.ex-violations")[0]
    assert "can be read without the seal" in page.locator(".ex-summary").inner_text()
    page.get_by_role("tab", name="Tree", exact=True).click()
    assert texts(page, ".ex-tree .ex-key") == ["a", "b"]


@pytest.mark.parametrize(("at", "clause"), [(-1, "SEAL-5"), (-30, "SEAL-4"), (-50, "SEAL-4")])
def test_a_damaged_seal_is_named(explore, tmp_path, at, clause):
    data = bytearray(sealed([INT]))
    data[at] ^= 1
    page = explore(file=stored(tmp_path, bytes(data)))
    assert clause in texts(page, "ol.ex-violations")[0]
    page.get_by_role("button", name="Show the bytes of violation 1").click()
    page.locator(".ex-detail .ex-run").first.wait_for()


# --- detached seals ---------------------------------------------------------------------------------------------------


def test_a_detached_seal_is_found_beside_an_address(explore, server):
    stream, seal = detached(large(5), {"step": 1200})
    (server.made / "plain").write_bytes(stream)
    (server.made / "plain.seal").write_bytes(seal)
    before = server.sent
    page = explore(query="?file=/made/plain")
    assert server.sent - before <= 512
    assert texts(page, ".ex-badge")[0] == "stream with a detached seal"
    open_seal(page)
    shown = facts(page, ".ex-seal > .ex-facts")
    assert "1, since nothing is padded" in shown["alignment"]
    assert verify(page).startswith("\u2713 3 blocks")
    assert texts(page, ".ex-badge")[1].endswith("verified, as its seal says")


def test_a_file_and_its_seal_are_opened_together(explore, tmp_path):
    stream, seal = detached([INT, Leaf(["w"], "ndarray", "uint8", [4], bytes(4))])
    files = [stored(tmp_path, stream, "w.ckpt"), stored(tmp_path, seal, "w.ckpt.seal")]
    page = explore(file=files[::-1])
    assert texts(page, ".ex-badge")[0] == "stream with a detached seal"
    page = explore(file=files[0])
    assert texts(page, ".ex-badge") == ["stream", "\u2713 conforms to 1.0"]
    page = explore(file=files[1])
    assert "It belongs to a stream" in page.locator(".ex-advice").inner_text()
    page = explore(file=[files[0], stored(tmp_path, seal, "another.seal")])
    assert "one file at a time" in page.locator(".ex-problem").inner_text()


def test_a_file_and_its_seal_can_be_dropped_together(explore):
    stream, seal = detached([INT])
    page = explore()
    page.evaluate(
        """([stream, seal]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(stream)], 'dropped'));
            transfer.items.add(new File([Uint8Array.from(seal)], 'dropped.seal'));
            const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent('drop', event));
        }""",
        [list(stream), list(seal)],
    )
    page.locator(".ex-badge", has_text="stream with a detached seal").wait_for()


def test_a_detached_seal_that_does_not_fit_is_no_seal_to_ignore(explore, tmp_path):
    stream, seal = detached([INT])
    more = stream + record(Leaf(["w"], "nil", blob=b"\xc0"), 1, 1, False)
    page = explore(file=[stored(tmp_path, more, "a"), stored(tmp_path, seal, "a.seal")])
    assert "DETACHED-2" in texts(page, "ol.ex-violations")[0]
    assert texts(page, ".ex-badge")[1].endswith("1 violation")
    page = explore(file=[stored(tmp_path, stream, "a"), stored(tmp_path, seal[:-1] + b"\0", "a.seal")])
    assert "in the detached seal" in texts(page, "ol.ex-violations")[0]


def test_checksums_of_the_assembly_are_those_of_the_text():
    assert (crc32c(b""), crc32c(b"123456789"), crc32c(bytes(32))) == (0, 0xE3069283, 0x8A9136AA)
    assert sums(bytes(BLOCK + 1)) == struct.pack(">II", crc32c(bytes(BLOCK)), crc32c(b"\0"))
