"""Chapter 04: how large a shape may be (LEAF-4)."""

from ..assembly import arr_, bin_, data, ext_, here, int_, ndarray_, record_, str_, together
from ..declare import accept, array, refuse


def _huge(tag, *dims, payload=""):
    """An array whose shape is the fault; but for one case its payload has no bytes."""
    shape = here("! too large") + arr_(len(dims)) + together([int_(n) for n in dims])
    return record_("k", ext_(1, arr_(3) + shape + str_(tag) + bin_(data(bytes.fromhex(payload)))))


def _largest(*shapes):
    leaves = [(str(i), tag, shape) for i, (tag, shape) in enumerate(shapes)]
    return together([record_(path, ndarray_(tag, shape, "")) for path, tag, shape in leaves]), [
        array(path, tag, shape, "") for path, tag, shape in leaves
    ]


@accept("LEAF-4")
def largest_dimension():
    """The dimension 2^63 - 1 of int8, and of wider elements as many as fit, each beside a 0, in either order."""
    return _largest(
        ("int8", (2**63 - 1, 0)),
        ("int8", (0, 2**63 - 1)),
        ("int16", (0, 2**62 - 1)),
        ("float32", (2**61 - 1, 0)),
        ("complex128", (0, 2**59 - 1)),
    )


@accept("LEAF-4")
def largest_product_of_dimensions():
    """The dimensions 7 and 1317624576693539401 have the product 2^63 - 1, which float 64 rounds up to 2^63."""
    return _largest(("int8", (7, 1317624576693539401, 0)), ("int8", (0, 1317624576693539401, 7)))


@accept("LEAF-4")
def shape_of_62_twos_and_a_0():
    """A shape of 64 dimensions with the product 2^62."""
    return _largest(("int8", (2,) * 62 + (1, 0)))


@refuse("LEAF-4", also=("LEAF-5",))
def dimension_of_2_to_the_63():
    """The shape is (2^63,) of int8: signed ints of 64 bits make it negative. The payload has no bytes."""
    return _huge("int8", 2**63)


@refuse("LEAF-4")
def dimension_of_2_to_the_63_before_a_0():
    """The shape is (2^63, 0) of int8, one more than may be. The array has no elements, and is refused all the same."""
    return _huge("int8", 2**63, 0)


@refuse("LEAF-4")
def dimension_of_2_to_the_63_after_a_0():
    """The shape is (0, 2^63) of int8: a product from the left is 0 before the large dimension is seen."""
    return _huge("int8", 0, 2**63)


@refuse("LEAF-4")
def dimension_of_2_to_the_64_minus_1_beside_a_0():
    """The shape is (0, 2^64 - 1) of int8. Read as signed, the second dimension is -1."""
    return _huge("int8", 0, 2**64 - 1)


@refuse("LEAF-4")
def dimension_too_large_for_its_width():
    """The shape is (2^62, 0) of int16: the elements alone would fit, times the width they do not."""
    return _huge("int16", 2**62, 0)


@refuse("LEAF-4")
def dimension_too_large_for_the_widest_elements():
    """The shape is (0, 2^59) of complex128, the width of which is 16."""
    return _huge("complex128", 0, 2**59)


@refuse("LEAF-4")
def product_of_2_to_the_63_around_a_0():
    """The shape is (2^32, 0, 2^31): each dimension is small, and the product of those that are not 0 is 2^63."""
    return _huge("int8", 2**32, 0, 2**31)


@refuse("LEAF-4")
def product_just_above_the_largest():
    """The shape is (3, 3074457345618258603, 0), whose product is 2^63 + 1."""
    return _huge("int8", 3, 3074457345618258603, 0)


@refuse("LEAF-4")
def shape_of_63_twos_and_a_0():
    """A shape of 64 dimensions, each of them tiny, with the product 2^63."""
    return _huge("int8", *(2,) * 63, 0)


@refuse("LEAF-4", also=("LEAF-5",))
def product_that_wraps_to_0():
    """The shape is (2^32, 2^32) of int8: ints of 64 bits find 0 elements, and the payload has 0 bytes."""
    return _huge("int8", 2**32, 2**32)


@refuse("LEAF-4", also=("LEAF-5",))
def width_that_wraps_to_0():
    """The shape is (2^61,) of float64: times the width, ints of 64 bits find 0 bytes, as many as the payload has."""
    return _huge("float64", 2**61)


@refuse("LEAF-4", also=("LEAF-5",))
def width_that_wraps_to_8():
    """The shape is (2^61 + 1,) of float64: times the width, ints of 64 bits find the 8 bytes that the payload has."""
    return _huge("float64", 2**61 + 1, payload="00" * 8)
