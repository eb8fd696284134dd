"""Chapter 03, DTYPE-1 and DTYPE-7: names that libraries take for a dtype, and that are not tags."""

from typing import Any

from ..declare import given, refuses_to_write


def called(dtype: str, payload: str = "0000803f", kind: str = "ndarray") -> list[dict[str, Any]]:
    """One element, under a name that is not a tag."""
    shape = {"shape": ["1"]} if kind == "ndarray" else {}
    return [given(["k"], kind, dtype=dtype, payload=payload, **shape)]


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_type_string():
    """`<f4` is what numpy's `dtype.str` gives for float32, and numpy takes it as a name. It is not a tag: a writer that
    asks numpy whether it knows the name writes a file for it."""
    return called("<f4")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_big_endian_type_string():
    """`>f4` says the order of the bytes as well, which a tag does not."""
    return called(">f4", "3f800000")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_short_type_string():
    """`f4`, without an order of bytes."""
    return called("f4")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_character_code():
    """`d` is a float64 in one letter."""
    return called("d", "000000000000f03f")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_python_type():
    """`float`, the name of Python's type, is float64 to numpy."""
    return called("float", "000000000000f03f")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_type_of_c():
    """`single` and `intc` are numpy's names after the types of C; `single` is float32."""
    return called("single")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_tag_with_a_capital():
    """`Float32` is the name in other libraries. The comparison of tags is exact."""
    return called("Float32")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_a_tag_with_a_blank():
    """`float32` with a blank behind it."""
    return called("float32 ")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def array_of_no_tag():
    """The empty text as a dtype."""
    return called("", "00")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",))
def scalar_of_a_type_string():
    """`<f4` for a scalar."""
    return called("<f4", kind="scalar")


@refuses_to_write("DTYPE-1", also=("DTYPE-7",), container="flax")
def array_of_a_type_string_in_a_flax_file():
    """A writer of flax files knows the same tags."""
    return called("<f4")
