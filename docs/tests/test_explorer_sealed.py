"""Sealed streams in the explorer: opened by their index, shown with their seal, verified, and named where damaged."""

import re
import struct

import pytest

from conformance.sealed_by_hand import (
    BLOCK,
    Leaf,
    around,
    array_,
    bin_,
    crc32c,
    detached,
    entry,
    footer,
    index,
    int_,
    map_,
    record,
    sealed,
    str_,
    sums,
)
from docs.tests.test_explorer import stored, texts

INT = Leaf(["step"], "int", blob=int_(1200))


def large(times=9):
    """A leaf of some MiB, and a small one."""
    return [INT, Leaf(["weights", "w"], "ndarray", "uint8", [times << 20], bytes(range(256)) * (times << 12))]


@pytest.fixture(scope="module")
def nine():
    """A file with a leaf of 9 MiB, which is 3 blocks."""
    return sealed(large(), {"step": 1200}, digests=True)


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


# --- verifying --------------------------------------------------------------------------------------------------------


def test_a_whole_file_is_verified_with_its_digests(explore, tmp_path, nine):
    page = explore(file=stored(tmp_path, nine))
    open_seal(page)
    page.get_by_label("the SHA-256 digests too").check()
    assert "4 blocks compared with their checksums, and the leaves with their digests" in verify(page)
    assert texts(page, ".ex-badge")[1].endswith("verified, conforms to 2.0")


def test_damaged_blocks_are_named(explore, tmp_path, nine):
    start = len(record(INT, 0, 64, True))
    data = bytearray(nine)
    data[start + 5_000_000] ^= 1
    data[start + 9_000_000] ^= 1
    page = explore(file=stored(tmp_path, bytes(data)))
    open_seal(page)
    assert "2 damaged blocks" in verify(page)
    faults = texts(page, ".ex-verified .ex-violation")
    assert all("SUM-3" in fault and "weights/w" in fault for fault in faults)
    assert [re.search(r"block \d", fault)[0] for fault in faults] == ["block 1", "block 2"]
    assert f"bytes {start + BLOCK:,} to" in faults[0]
    assert texts(page, ".ex-badge")[1].endswith("2 damaged blocks")
    page.get_by_role("button", name="Show the leaf weights/w").first.click()
    page.get_by_role("tab", name="Checksums").click()
    verify(page, "Verify this leaf")
    assert page.locator(".ex-checksums tbody .ex-run--fault").count() == 2
    page.get_by_role("tab", name="Histogram").click()
    page.locator(".ex-histogram", has_text="has changed").or_(
        page.locator(".ex-histogram", has_text="have changed")
    ).wait_for()


def test_a_record_that_is_not_what_the_index_says_is_named(explore, tmp_path):
    leaf = Leaf(["w"], "ndarray", "uint8", [4], bytes(4))
    first, second = record(INT, 0, 64, True), record(leaf, 1, 64, True)
    data = around([first, second], [entry(INT, first), entry(leaf._replace(shape=[2, 2]), second)])
    page = explore(file=stored(tmp_path, data))
    assert texts(page, ".ex-tree .ex-cell--shape") == ["", "[2, 2]"]
    open_seal(page)
    assert "1 other fault" in verify(page)
    assert "INDEX-7" in texts(page, ".ex-verified .ex-violation")[0]


def test_a_digest_that_is_wrong_is_named(explore, tmp_path):
    data = record(INT, 0, 64, True)
    content = index(data, [entry(INT, data)], b"\x80", 64, bytes(64))
    whole = data + b"\xc6" + struct.pack(">I", len(content) + 41) + content + footer(len(data), content)
    page = explore(file=stored(tmp_path, whole))
    open_seal(page)
    assert verify(page).startswith("\u2713")
    page.get_by_label("the SHA-256 digests too").check()
    page.get_by_role("button", name="Verify the whole file").click()
    page.locator(".ex-verified .ex-violation", has_text="INDEX-9").wait_for()


def times_zeros(sum_, count):
    """The CRC state behind `count` zero bytes (SUM-4), bit by bit through the matrix of one byte."""
    step = [crc32c_state(1 << bit) for bit in range(32)]
    while count:
        if count & 1:
            sum_ = applied(step, sum_)
        step, count = [applied(step, row) for row in step], count >> 1
    return sum_


def crc32c_state(state):
    for _ in range(8):
        state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state


def applied(rows, state):
    found = 0
    for bit in range(32):
        found ^= rows[bit] if state >> bit & 1 else 0
    return found


def zeros(sum_, count):
    """The checksum of some bytes and so many zeros behind them."""
    return times_zeros(sum_ ^ 0xFFFFFFFF, count) ^ 0xFFFFFFFF


def test_numbers_of_a_hole():
    assert zeros(crc32c(b"abc"), 1000) == crc32c(b"abc" + bytes(1000))


def holes(path, length):
    """A sealed stream of one leaf of so many zeros, which are a hole on the disk; put together without its payload."""
    array = b"\x93\x91" + int_(length) + str_("uint8") + b"\xc6" + struct.pack(">I", length)
    leaf = b"\x83" + str_("__msgpack_chunked_array__") + b"\xc3" + str_("shape") + map_({"0": int_(length)})
    leaf += str_("chunks") + b"\x81" + str_("0") + b"\xc9" + struct.pack(">I", len(array) + length) + b"\x01" + array
    head = b"\xdd\0\0\0\2" + array_([str_("w")]) + b"\xc6" + struct.pack(">I", len(leaf) + length) + leaf
    size = len(head) + length
    whole, left = divmod(size, BLOCK)
    each = [zeros(crc32c(head), BLOCK - len(head))] + [zeros(0, BLOCK)] * (whole - 1) + [zeros(0, left)]
    packed = b"".join(struct.pack(">I", one) for one in each)
    one = array_([array_([int_(size), int_(len(head)), bin_(packed)])])
    listed = array_([array_([str_("w")]), str_("ndarray"), str_("uint8"), array_([int_(length)]), one])
    entries = {"alignment": int_(64), "checksum": bin_(struct.pack(">I", zeros(crc32c(head), length)))}
    content = map_(entries | {"leaves": array_([listed]), "metadata": b"\x80"})
    with path.open("wb") as file:
        file.write(head)
        file.seek(size)
        file.write(b"\xc6" + struct.pack(">I", len(content) + 41) + content + footer(size, content))


def test_verifying_a_large_file_tells_how_far_it_is_and_can_be_stopped(explore, tmp_path):
    holes(tmp_path / "a", 2_000_000_001)
    page = explore(file=tmp_path / "a")
    assert facts(page, ".ex-summary")["size"] == "2 GB"
    open_seal(page)
    page.get_by_role("button", name="Verify the whole file").click()
    page.get_by_text(re.compile(r"\d.* of 2 GB, .*/s")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped: what was not read is not verified.").wait_for()
    assert texts(page, ".ex-badge")[1].endswith("sealed, not verified yet")
    page.get_by_role("tab", name="Tree", exact=True).click()
    page.locator(".ex-tree .ex-row").click()
    page.get_by_role("tab", name="Checksums").click()
    page.get_by_role("button", name="Show more of 477 blocks").click()
    page.wait_for_function("() => document.querySelectorAll('.ex-checksums tbody tr').length === 400")


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
