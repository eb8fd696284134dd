"""What a session shows: checkpoints, records, key paths, keys that complete, and errors for those that are missing."""

import copy
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import streamckpt as sc
from reference.checkpoints.nearest import NoSuchLeaf
from reference.format.leaves import size_text

LAYERS = 12
TREE = {
    "step": 7,
    "params": {
        "h": {
            str(i): {"wq": {"kernel": np.zeros((4, 8), np.float32)}, "norm": np.ones(4, np.float32)}
            for i in range(LAYERS)
        },
        "lm_head": np.zeros((8, 100), np.float32),
    },
}


@pytest.fixture(params=["1.0", "2.0"])
def file(request, tmp_path):
    sc.save(tmp_path / "x", TREE, format=request.param)
    return tmp_path / "x"


class Page(HTMLParser):
    """Well-formed HTML as its texts; tags that are left open or closed twice are found."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.tags = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_checkpoint_shows_its_tree_with_sizes(file):
    with sc.open(file) as checkpoint:
        lines = repr(checkpoint).splitlines()
    kind = "sealed stream" if checkpoint.contents.seal else "stream"
    assert lines[0] == f"<Checkpoint {file}: {kind}, 26 leaves, {size_text(file.stat().st_size)}>"
    shown = {line.split("  ")[0].strip() or line.strip().split("  ")[0]: line for line in lines[1:]}
    assert re.search(r"^  step +int( 7 +1 B| 7)?$", shown["step"])
    assert re.search(r"^  params +25 leaves +4.93 kB$", shown["params"])
    assert re.search(r"^    lm_head +float32\[8,100\] +3.2 kB$", shown["lm_head"])
    assert re.search(r"^      \.\.\. 9 more +18 leaves +1.3 kB$", shown["... 9 more"])
    assert re.search(r"^        wq +1 leaf +128 B$", shown["wq"])


def test_what_is_shown_is_closed_too_and_reads_nothing(file):
    with sc.open(file) as checkpoint:
        before = repr(checkpoint), checkpoint._repr_html_(), repr(checkpoint.records)
    assert (repr(checkpoint), checkpoint._repr_html_(), repr(checkpoint.records)) == before


def test_a_damaged_leaf_does_not_keep_the_tree_from_being_shown(tmp_path):
    sc.save(tmp_path / "x", {"name": "a text", "w": np.zeros(2000)}, format="2.0")
    record = sc.scan(tmp_path / "x")[0]
    data = bytearray((tmp_path / "x").read_bytes())
    data[record.end - 1] ^= 1
    (tmp_path / "x").write_bytes(data)
    with sc.open(tmp_path / "x") as checkpoint:
        assert re.search(r"^  name +str$", repr(checkpoint), re.M)
        assert "str" in repr(checkpoint.record("name"))
        with pytest.raises(sc.FormatError):
            checkpoint["name"]


def test_the_tree_has_a_bound_however_many_leaves_there_are(tmp_path):
    sc.save(tmp_path / "x", {f"part {i}": {f"leaf {j}": j for j in range(60)} for i in range(60)})
    with sc.open(tmp_path / "x") as checkpoint:
        assert len(repr(checkpoint).splitlines()) < 40
        page = Page(checkpoint._repr_html_())
    assert page.tags.count("li") < 2100
    assert "... 57 more" in repr(checkpoint)


def test_a_tree_of_one_long_chain_is_shown(tmp_path):
    tree = leaf = {}
    for _ in range(500):
        leaf["a"] = leaf = {}
    leaf["w"] = np.zeros(3)
    sc.save(tmp_path / "x", tree)
    with sc.open(tmp_path / "x") as checkpoint:
        assert len(repr(checkpoint).splitlines()) == 33
        Page(checkpoint._repr_html_())


def test_html_unfolds_and_steers_nothing(tmp_path):
    sc.save(tmp_path / "x", {"<script>": {"a\x1b[31m & b": np.zeros(3)}, "b/c": 1})
    with sc.open(tmp_path / "x") as checkpoint:
        page = Page(checkpoint._repr_html_())
        text = repr(checkpoint)
    assert "script" not in page.tags
    assert page.tags.count("details") == 1
    whole = "".join(page.texts)
    for shown in (whole, text):
        assert "<script>" in shown
        assert "\x1b" not in shown
        assert "a\\u001b[31m & b" in shown
        assert "b\\/c" in shown


def test_a_record_says_what_it_is_and_where(file):
    record = next(record for record in sc.scan(file) if record.path[-1] == "lm_head")
    place = f"bytes {record.offset} to {record.end}"
    assert repr(record) == f"<Record params/lm_head: float32[8,100], 3.2 kB, {place}>"
    assert "".join(Page(record._repr_html_()).texts) == repr(record)[1:-1]
    assert copy.copy(record) == pickle.loads(pickle.dumps(record)) == record


def test_a_key_path_shows_its_display_form():
    path = sc.KeyPath(("a/b", "<c>"))
    assert repr(path) == r"KeyPath('a\\/b/<c>')"
    assert path._repr_html_() == r"<code>a\/b/&lt;c&gt;</code>"
    assert path == ("a/b", "<c>")


def test_a_key_path_is_made_of_its_parts_or_of_its_display_form():
    path = sc.KeyPath(("h", "0", "a/b"))
    assert sc.KeyPath(r"h/0/a\/b") == path == eval(repr(path), {"KeyPath": sc.KeyPath})
    assert copy.copy(path) == pickle.loads(pickle.dumps(path)) == path == copy.deepcopy(path)
    assert [*map(str, sc.KeyPath(iter(["h", "wq"])))] == ["h", "wq"]


def test_keys_complete_in_a_session(file):
    with sc.open(file) as checkpoint:
        names = checkpoint._ipython_key_completions_()
        assert len(names) == 26
        for name in names:
            checkpoint[name]


def asked(file, path):
    with sc.open(file) as checkpoint, pytest.raises(KeyError) as caught:
        checkpoint[path]
    assert path not in checkpoint
    assert caught.value.args == (path,)
    return str(caught.value)


def test_a_key_that_is_not_there_names_the_nearest(file):
    text = asked(file, "params/h/3/wq/kernal")
    assert text.startswith("there is no leaf params/h/3/wq/kernal; the nearest are params/h/3/wq/kernel")
    assert "params/h/3/wq/kernel" in asked(file, ("params", "params", "h", 3, "wq", "kernel"))
    assert "params/lm_head" in asked(file, "lm_head")
    assert asked(file, "zzz") == "there is no leaf zzz; at the root of the tree are step, params"


@pytest.mark.parametrize("slash", ["/params/lm_head", "params/lm_head/", "params//lm_head"])
def test_a_slash_too_many_names_the_leaf_without_it(file, slash):
    assert asked(file, slash).startswith(f"there is no leaf {slash}; the nearest are params/lm_head")


@pytest.mark.parametrize("slash", ["params/h/3/", "/params/h/3"])
def test_a_slash_too_many_names_the_subtree_without_it(file, slash):
    assert asked(file, slash).startswith("params/h/3 is a subtree of 2 leaves")


def test_a_name_from_the_middle_names_leaves_that_have_it(file):
    assert asked(file, "wq") == (
        "there is no leaf wq; the nearest are params/h/0/wq/kernel, params/h/1/wq/kernel, params/h/2/wq/kernel"
    )
    assert asked(file, "") == "a key path is not empty; at the root of the tree are step, params"


def test_a_subtree_is_called_one(file):
    text = asked(file, "params/h/3")
    assert text.startswith("params/h/3 is a subtree of 2 leaves, not a leaf: load it with sc.load(path, 'params/h/3')")
    assert sorted(sc.load(file, "params/h/3")) == ["norm", "wq"]
    assert "a subtree of 1 leaf," in asked(file, "params/h/3/wq")


def test_a_key_that_cannot_be_one_says_why(file):
    assert "wrong escape" in asked(file, "a\\q")
    assert asked(file, 3.5) == "a key path is a text such as 'h/0/wq', or a tuple of its parts, not a float"
    assert asked(file, None).endswith("not a NoneType")


def test_the_error_travels_between_processes(file):
    with sc.open(file) as checkpoint, pytest.raises(NoSuchLeaf) as caught:
        checkpoint["params/h/3"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.args) == (str(caught.value), caught.value.args)


def test_the_nearest_of_many_key_paths_costs_no_more_than_those_that_are_compared(monkeypatch):
    from reference.checkpoints import nearest

    compared = []
    real = nearest.difflib.get_close_matches
    monkeypatch.setattr(
        nearest.difflib, "get_close_matches", lambda a, b, **k: compared.append(len(b)) or real(a, b, **k)
    )
    known = [("h", str(i), "kernel") for i in range(50_000)]
    error = NoSuchLeaf("h/49999/kernl", known)
    assert compared == []  # as long as nobody reads it
    assert "h/49999/kernel" in str(error)
    assert compared == [2000]


def test_sizes_of_any_magnitude_are_short():
    cases = {0: "0 B", 999: "999 B", 1000: "1 kB", 999_499: "999 kB", 999_500: "1 MB", 10**12: "1 TB"}
    cases |= {1_234_000_000_000: "1.23 TB", 10**15: "1 PB", 10**18: "1 EB", 3 * 10**21: "3,000 EB"}
    for n, text in cases.items():
        assert size_text(n) == text


def test_reports_take_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = {"w": np.zeros(1000, np.float32), "same": np.ones(2, np.float32)}
    sc.save("base", base)
    sc.save("target", {**base, "w": np.ones(1000, np.float32)})
    (tmp_path / "cut").write_bytes((tmp_path / "base").read_bytes()[:-1])
    assert [
        re.sub(r"[\d.]+ k?B", "SIZE", repr(report))
        for report in (
            sc.compare("base", "target"),
            sc.convert("base", "model.safetensors"),
            sc.diff("base", "target", "delta"),
            sc.recover("base", "delta", "recovered"),
            sc.subtract("base", "target", "difference"),
            sc.add("base", "difference", "added"),
            sc.salvage("cut", "saved"),
        )
    ] == [
        "<Comparison of 2 leaves: 1 equal, 1 changed, 0 added, 0 removed>",
        "<ConvertReport: a safetensors file of 2 leaves, SIZE>",
        "<DiffReport: SIZE for a target of SIZE; 1 same, 1 changed, 0 added, 0 removed>",
        "<RecoverReport: wrote 2 leaves, SIZE>",
        "<SubtractReport: wrote 2 leaves, SIZE>",
        "<AddReport: wrote 2 leaves, SIZE>",
        "<SalvageReport: 1 leaf of a stream intact, SIZE lost>",
    ]


def test_a_checkpoint_offers_what_its_page_documents_and_nothing_else(file, root):
    with sc.open(file) as checkpoint:
        offered = {name for name in dir(checkpoint) if not name.startswith("_")}
        assert offered == {
            *("close", "kind", "leaf_digests", "leaves", "metadata", "prng_keys", "record", "records", "requests"),
            *("tree", "version", "get", "items", "keys", "values"),
        }
        hidden = {name for name in {*vars(checkpoint), *vars(type(checkpoint))} if not name.startswith("_")} - offered
    assert {name for name in dir(sc.Saving) if not name.startswith("_")} == {"done", "wait"}
    page = (root / "docs/pages/reference/api.md").read_text()
    assert f'"!^({"|".join(sorted(hidden))})$"' in page
