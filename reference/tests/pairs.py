"""What the tests of comparisons share."""

import reference
from reference.differences.comparison import compare
from reference.format.dtypes import INSTALLED

FLOATS = [tag for tag in INSTALLED if tag.startswith(("float", "bfloat"))]
INTEGERS = [tag for tag in INSTALLED if tag.startswith(("int", "uint", "bool"))]


def compared(folder, a, b, **more):
    """The comparison of two trees."""
    reference.save(folder / "a", a)
    reference.save(folder / "b", b)
    return compare(f"{folder}/a", f"{folder}/b", **more)


def only(folder, a, b):
    """The pair of two leaves."""
    return compared(folder, {"x": a, "n": 0}, {"x": b, "n": 0}).pairs[0]
