"""Key paths: any text, two limits, and a display form that parses back."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.strategies import keys
from reference.format.errors import FormatError
from reference.format.keypaths import KeyPath, display, encode_keypath, parse, read_keypath, sort_key
from reference.format.wire import BytesSource, Cursor

paths = st.lists(keys, min_size=1, max_size=20).map(tuple)


@given(paths)
def test_a_path_is_written_as_msgpack_writes_it_and_reads_back(path):
    data = encode_keypath(path)
    assert data == msgpack.packb(path)
    assert read_keypath(Cursor(BytesSource(data))) == path


@given(st.lists(st.one_of(keys, st.text(alphabet="\\/u0a\x00\n\u202e~é")), min_size=1, max_size=6).map(tuple))
def test_the_display_form_parses_back(path):
    shown = display(path)
    assert parse(shown) == path
    assert not any(ord(char) < 32 for char in shown)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("params", "0", "kernel"), "params/0/kernel"),
        (("a/b",), "a\\/b"),
        (("", ""), "/"),
        (("back\\slash",), "back\\\\slash"),
        (("two\nlines",), "two\\u000alines"),
    ],
)
def test_the_display_forms_of_the_specification(path, shown, root):
    assert display(path) == shown
    assert f"`{shown}`" in (root / "spec/1.0/02-keypaths.md").read_text()


@pytest.mark.parametrize("text", ["\\", "a\\x", "\\u12", "\\ud800", "\\u00g0"])
def test_wrong_escapes_are_refused(text):
    with pytest.raises(ValueError, match="KEY-6"):
        parse(text)


@given(paths, paths)
def test_sort_keys_begin_one_another_exactly_where_paths_do(a, b):
    assert sort_key(b).startswith(sort_key(a)) == (b[: len(a)] == a)


def test_512_parts_are_the_limit():
    encode_keypath(("",) * 512)
    with pytest.raises(FormatError, match="KEY-3"):
        encode_keypath(("",) * 513)
    assert len(read_keypath(Cursor(BytesSource(msgpack.packb(("a",) * 512))))) == 512
    with pytest.raises(FormatError, match="KEY-3"):
        read_keypath(Cursor(BytesSource(msgpack.packb(("a",) * 513))))


def test_65535_bytes_are_the_limit():
    good = ("é" * 16_000, "x" * 33_535)
    assert read_keypath(Cursor(BytesSource(encode_keypath(good)))) == good
    bad = (*good, "x")
    with pytest.raises(FormatError, match="KEY-4"):
        encode_keypath(bad)
    with pytest.raises(FormatError, match="KEY-4"):
        read_keypath(Cursor(BytesSource(msgpack.packb(bad))))


@pytest.mark.parametrize("value", [None, 1, "ab", b"ab", {"a": 1}, [], [1], [None], [b"a"], [["a"]], [True], [1.0]])
def test_what_is_no_path_is_refused(value):
    with pytest.raises(FormatError) as caught:
        read_keypath(Cursor(BytesSource(msgpack.packb(value))))
    assert caught.value.clause == "KEY-1"


def test_a_path_of_no_parts_cannot_be_written():
    with pytest.raises(FormatError, match="KEY-1"):
        encode_keypath(())


def test_a_lone_surrogate_cannot_be_written():
    with pytest.raises(FormatError, match="WIRE-5"):
        encode_keypath(("\ud800",))


def test_a_key_path_is_a_tuple_that_shows_itself():
    assert KeyPath(("a", "b/c")) == ("a", "b/c")
    assert str(KeyPath(("a", "b/c"))) == "a/b\\/c"


@pytest.mark.parametrize("path", [(), ("",)])
def test_an_error_shows_that_a_key_path_is_empty(path):
    assert str(FormatError("KEY-1", 3, KeyPath(path), "it has no name")) == "it has no name (KEY-1, byte 3, leaf '')"
