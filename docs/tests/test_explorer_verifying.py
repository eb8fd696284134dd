"""Sealed streams are verified in the explorer: every block and digest, holes by arithmetic, and with a way to stop."""

import re
import struct

from conformance.sealed_by_hand import (
    BLOCK,
    Leaf,
    around,
    array_,
    bin_,
    crc32c,
    entry,
    footer,
    index,
    int_,
    map_,
    record,
    str_,
)
from docs.tests.sealed_in_explorer import INT, facts, open_seal, verify
from docs.tests.test_explorer import stored, texts


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


def test_damage_that_was_found_is_counted_and_marked(explore, tmp_path, nine):
    data = bytearray(nine)
    data[5_000_000] ^= 1
    page = explore(file=stored(tmp_path, bytes(data)))
    page.get_by_role("tab", name="Problems (0)", exact=True).wait_for()
    page.locator(".ex-tree .ex-row").nth(2).click()
    page.get_by_role("tab", name="Checksums").click()
    verify(page, "Verify this leaf")
    page.get_by_role("tab", name="Problems (1)", exact=True).wait_for()
    page.locator(".ex-badge--bad", has_text="1 damaged block").wait_for()
    open_seal(page)
    verify(page)
    assert facts(page, ".ex-summary")["size"] == "9.44 MB"
    assert float(facts(page, ".ex-summary")["read"].split(" MB")[0]) >= 9.44
    page.get_by_role("tab", name="Problems (1)", exact=True).click()
    shown = page.locator(".ex-violation", has=page.get_by_role("button", name="Show the leaf weights/w")).first
    assert "SUM-3" in shown.inner_text()
    page.get_by_role("tab", name="Tree", exact=True).click()
    page.locator(".ex-row--damaged").first.wait_for()
    assert texts(page, ".ex-row--damaged .ex-fault") == ["\u2717 damage below", "\u2717 damaged"]


def test_the_badge_of_a_file_that_is_not_verified_verifies_it(explore, tmp_path, nine):
    page = explore(file=stored(tmp_path, nine), width=360)
    page.get_by_role("button", name="sealed, not verified yet").click()
    page.locator(".ex-badge--good", has_text="verified, conforms to 2.0").wait_for()
    assert page.get_by_role("tab", name="Seal", exact=True).get_attribute("aria-selected") == "true"
    assert page.get_by_role("button", name="sealed, not verified yet").count() == 0


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
