"""Chapter 04: what a shape is (LEAF-3)."""

from ..assembly import arr_, bin_, data, ext_, here, int_, map_, ndarray_, raw, record_, str_, together
from ..declare import accept, array, refuse


def _shaped(shape, tag, payload):
    """An ndarray whose shape is given as bytes."""
    return record_("k", ext_(1, arr_(3) + shape + str_(tag) + bin_(data(bytes.fromhex(payload)))))


# --- shapes that are read ---------------------------------------------------------------------------------------------


@accept("LEAF-3")
def shapes_of_1_15_16_and_64_dimensions():
    """Shapes around the change of header at 16 dimensions, and of 64, the most. numpy before 2.0 stops at 32."""
    shapes = [(3,) + (1,) * (n - 1) for n in (1, 15, 16, 64)]
    return together([record_(str(len(shape)), ndarray_("int8", shape, "01 02 03")) for shape in shapes]), [
        array(str(len(shape)), "int8", shape, "01 02 03") for shape in shapes
    ]


@accept("LEAF-3", "LEAF-5")
def shapes_with_dimensions_of_0():
    """Arrays without elements keep the whole of their shape: (0,), (3, 0, 2) and (0, 0)."""
    shapes = {"a": (0,), "b": (3, 0, 2), "c": (0, 0)}
    return together([record_(path, ndarray_("float32", shape, "")) for path, shape in shapes.items()]), [
        array(path, "float32", shape, "") for path, shape in shapes.items()
    ]


# --- shapes of another kind -------------------------------------------------------------------------------------------


@refuse("LEAF-3")
def shape_that_is_nil():
    """The shape is nil. numpy's reshape takes it, and gives as many elements as there are."""
    return _shaped(raw("c0 # ! nil"), "int8", "01 02")


@refuse("LEAF-3")
def shape_that_is_an_int():
    """The shape is the int 2. numpy's reshape takes it for (2,)."""
    return _shaped(raw("02 # ! an int"), "int8", "01 02")


@refuse("LEAF-3")
def shape_that_is_a_text():
    """The shape is a str of the one character U+0002. A reader that goes through its bytes finds the dimension 2."""
    return _shaped(raw("a1 02 # ! a str"), "int8", "01 02")


@refuse("LEAF-3")
def shape_that_is_a_bin():
    """The shape is a bin of the byte 02, whose elements are ints in Python."""
    return _shaped(raw("c4 01 02 # ! a bin"), "int8", "01 02")


@refuse("LEAF-3")
def shape_that_is_a_map():
    """The shape is the map {"0": 2}, which is how the shape of a chunked array stands."""
    return _shaped(here("! a map") + map_(1) + str_("0") + int_(2), "int8", "01 02")


@refuse("LEAF-3")
def shape_that_is_the_empty_text():
    """The shape is the empty str. What is empty or false in Python passes for the shape ()."""
    return _shaped(raw("a0 # ! a str"), "int8", "01")


@refuse("LEAF-3")
def dimension_that_is_a_float_64():
    """The dimension is the float 2.0. JavaScript knows no other numbers."""
    return _shaped(arr_(1) + raw("cb 40 00 00 00 00 00 00 00 # ! a float"), "int8", "01 02")


@refuse("LEAF-3")
def dimension_that_is_a_text():
    """The dimension is the str `2`, which Python's `int()` takes."""
    return _shaped(arr_(1) + raw("a1 32 # ! a str"), "int8", "01 02")


@refuse("LEAF-3")
def dimension_that_is_true():
    """The dimension is true, which is the int 1 to a reader in Python."""
    return _shaped(arr_(1) + raw("c3 # ! a bool"), "int8", "01")


@refuse("LEAF-3")
def dimension_that_is_false():
    """The dimension is false, which is the int 0 to a reader in Python; the payload has 0 bytes."""
    return _shaped(arr_(1) + raw("c2 # ! a bool"), "int8", "")


@refuse("LEAF-3")
def dimension_that_is_nil():
    """The second dimension is nil, as other frameworks write a dimension that is not known."""
    return _shaped(arr_(2) + int_(2) + raw("c0 # ! nil"), "int8", "01 02")


# --- dimensions below 0 -----------------------------------------------------------------------------------------------


@refuse("LEAF-3")
def dimension_of_minus_1_beside_others():
    """The shape is (2, -1), whose second dimension numpy's reshape works out."""
    return _shaped(arr_(2) + int_(2) + raw("ff # ! -1"), "int8", "01 02 03 04")


@refuse("LEAF-3")
def dimension_of_minus_1_in_9_bytes():
    """The dimension -1 in the header `d3`. A reader that takes it for unsigned finds 2^64 - 1."""
    return _shaped(arr_(1) + raw("d3 ff ff ff ff ff ff ff ff # ! -1"), "int8", "01 02")


@refuse("LEAF-3")
def two_dimensions_below_0():
    """The shape is (-2, -2), whose product is 4, and the payload has 4 bytes: looking at the product is too late."""
    return _shaped(arr_(2) + raw("fe # ! -2") + int_(-2), "int8", "01 02 03 04")


@refuse("LEAF-3")
def dimension_below_0_beside_a_0():
    """The shape is (0, -5), whose product is 0, and the payload has 0 bytes."""
    return _shaped(arr_(2) + int_(0) + raw("fb # ! -5"), "int8", "")


@refuse("LEAF-3")
def shape_of_65_dimensions():
    """A shape of 65 dimensions, each of them 1: one more than the most."""
    return _shaped(raw("dc 00 41 # ! 65 dimensions") + int_(1) * 65, "int8", "01")


@refuse("LEAF-3")
def shape_of_65_dimensions_without_elements():
    """A shape of 65 dimensions, of which the last is 0. That it has no payload does not excuse it."""
    return _shaped(raw("dc 00 41 # ! 65 dimensions") + int_(1) * 64 + int_(0), "int8", "")
