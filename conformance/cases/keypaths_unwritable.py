"""Chapter 02, KEY-1: what an encoder is given in place of the parts of a key path."""

from typing import Any

from ..assembly import int_, record_, together
from ..declare import given, refuses_to_write, writes


def at(*path: Any) -> list[dict[str, Any]]:
    """An int at a path."""
    return [given(list(path), "int", value="7")]


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_that_is_true():
    """A part is true. A writer that shows any key as a text writes `True` in Python, `true` or `1` in JavaScript."""
    return at("a", True)


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_that_is_false():
    """A part is false, at the beginning of a path."""
    return at(False, "a")


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_that_is_null():
    """A part is null, which is not the empty text."""
    return at(None)


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_with_a_fraction():
    """A part is 1.5. How a float is shown is not the same in any two languages."""
    return at("a", 1.5)


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_that_is_a_list():
    """A part is a list of a text, as a path is that was wrapped once too often."""
    return at(["a"], "b")


@refuses_to_write("KEY-1", also=("TREE-3",))
def part_that_is_an_object():
    """A part is an object."""
    return at("a", {"b": 1})


@refuses_to_write("KEY-1", also=("TREE-3", "CONF-7"))
def part_that_is_true_in_the_last_of_many_records():
    """A thousand good records come first: nothing may have been written when the last is found to be none."""
    return [given([f"k{i}"], "int", value="7") for i in range(1000)] + at("a", True)


@writes("TREE-3")
def parts_that_are_integers_of_any_size():
    """The other side: 0, a number beyond 2^53 and one beyond 2^64, whose text is all of their digits."""
    keys = (0, 2**53 + 1, -(2**53) - 1, 2**64, 10**40)
    asked = [given([key], "int", value=str(i)) for i, key in enumerate(keys)]
    return asked, together([record_(str(key), int_(i)) for i, key in enumerate(keys)])
