"""The explorer as people use it: by file, by address, by keyboard, on a phone, in the dark, with hostile files."""

import json
import re

from conformance.assembly import data, ndarray_, raw, record_

GIB = 1 << 30


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
    page.wait_for_function("() => document.querySelector('.ex-tree').ariaRowCount === '20001'")
    assert page.locator(".ex-tree .ex-row").count() < 60
    tree.focus()
    page.keyboard.press("End")
    page.locator(".ex-row[data-active] .ex-key", has_text="w19999").wait_for()
    page.get_by_label("Filter key paths").fill("*/w1234?")
    page.get_by_text("10 of 20,000 leaves").wait_for()


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
    facts = dict(zip(texts(page, ".ex-summary dt"), texts(page, ".ex-summary dd"), strict=True))
    assert facts["read"].startswith(f"{facts['size']} in ")
    assert facts["read"].endswith("all of it: the server does not send parts of a file")


def test_a_file_can_be_dropped(explore):
    page = explore()
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.of(0x92, 0x91, 0xa1, 0x61, 0xc4, 1, 7)], 'dropped'));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }""")
    page.locator(".ex-name", has_text="dropped").wait_for()


def test_reading_can_be_stopped_and_what_was_read_stays(explore, tmp_path):
    parts = (record_(("params", f"w{n}"), raw("07")).data() for n in range(300_000))
    page = explore()
    page.set_input_files("#ex-file", stored(tmp_path, b"".join(parts)))
    page.get_by_text("; read ").wait_for()  # the first word of its progress
    page.get_by_role("button", name="Stop").click()
    page.locator(".ex-badge--open", has_text="stopped, not judged").wait_for()
    assert page.locator(".ex-tree .ex-row").count() > 0


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


def test_a_safetensors_file_that_was_cut_off_is_called_so(explore, tmp_path):
    sizes = {"a": (0, 1000), "b": (1000, 201_000), "c": (201_000, 301_000)}
    tensors = {
        name: {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}
        for name, (start, end) in sizes.items()
    }
    header = json.dumps(tensors).encode()
    whole = len(header).to_bytes(8, "little") + header + bytes(301_000)
    page = explore(file=stored(tmp_path, whole[: 8 + len(header) + 101_000]))
    assert texts(page, ".ex-badge")[1].endswith("cut off")
    page.get_by_role("tab", name="Problems (3)", exact=True).wait_for()
    assert texts(page, ".ex-violation") == [
        "cut off: the header describes 301 kB, the file has 101 kB",
        "b: its last 100,000 bytes are missing",
        "c: all of it is missing",
    ]
    page.get_by_role("tab", name="Tree", exact=True).click()
    assert texts(page, ".ex-tree .ex-key") == ["a"]
    page = explore(file=stored(tmp_path, whole))
    assert texts(page, ".ex-badge")[1].endswith("shown, not judged")
    page.get_by_role("tab", name="Problems (0)", exact=True).wait_for()


def test_an_empty_file_is_called_empty(explore, tmp_path):
    page = explore(file=stored(tmp_path, b""))
    assert "The file is empty." in page.locator(".ex-ended").inner_text()


def test_what_was_expected_and_what_was_found_are_named(explore, tmp_path):
    page = explore(file=stored(tmp_path, record_("a", raw("07")).data() + b"B"))
    assert texts(page, ".ex-violation-text") == ["Expected a record (an array), found the int 66."]


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
    from docs.generators.explorer_files import CLIENT, CLIENTS

    for file in CLIENT:
        assert (site / "explorer" / file.relative_to(CLIENTS)).read_bytes() == file.read_bytes()


def test_the_violation_is_marked_among_its_bytes(explore):
    page = explore(example="hostile.stream")
    assert len(texts(page, "ol .ex-violation")) == 10
    page.get_by_role("button", name="Show the bytes of violation 8").click()
    page.locator(".ex-path", has_text="a negative dimension").wait_for()
    fault = page.locator(".ex-run--fault")
    assert "ff" in fault.inner_text()
    links = page.locator(".ex-detail .ex-clause").evaluate_all("links => links.map((a) => a.getAttribute('href'))")
    assert "../specification/1.0/04-leaves/#leaf-3" in links
