"""The table of dtypes: complete, closed, and the same as numpy's and ml_dtypes' own."""

import ml_dtypes
import numpy as np
import pytest

from reference.format.dtypes import WIDTHS, dtype_of, tag_of
from reference.format.errors import FormatError


@pytest.mark.parametrize("tag", sorted(WIDTHS))
def test_a_tag_is_the_name_and_the_width_is_that_of_the_dtype(tag):
    dtype = dtype_of(tag)
    assert (dtype.name, dtype.itemsize) == (tag, WIDTHS[tag])
    assert tag_of(dtype) == tag
    assert dtype.isnative


def test_every_type_of_ml_dtypes_is_in_the_table():
    named = {name for name in dir(ml_dtypes) if isinstance(getattr(ml_dtypes, name), type)}
    scalars = {name for name in named if issubclass(getattr(ml_dtypes, name), np.generic)}
    assert scalars <= set(WIDTHS)
    assert len(scalars) == 20


def test_the_specification_lists_the_same_table(root):
    text = (root / "spec/1.0/03-dtypes.md").read_text()
    table = text[text.index("| tags") : text.index("The comparison")]
    rows = [line.split("|") for line in table.splitlines()[2:] if line]
    listed = {tag.strip("`"): int(width) for _, tags, width, _ in rows for tag in tags.split()}
    assert listed == WIDTHS


@pytest.mark.parametrize(
    "tag", ["f4", "<f4", "float", "Float32", "float32 ", "", "str", "object", "datetime64[ns]", "float128"]
)
def test_any_other_tag_is_refused(tag):
    with pytest.raises(FormatError) as caught:
        dtype_of(tag, 7)
    assert (caught.value.clause, caught.value.offset) == ("DTYPE-1", 7)


@pytest.mark.parametrize("dtype", ["O", "U3", "S3", "V4", "M8[s]", "m8[s]", "f4,i2", np.longdouble, np.clongdouble])
def test_other_dtypes_cannot_be_written(dtype):
    with pytest.raises(FormatError) as caught:
        tag_of(np.dtype(dtype))
    assert caught.value.clause == "DTYPE-7"


@pytest.mark.parametrize("dtype", [">f4", ">i2", ">c8", np.dtype(ml_dtypes.bfloat16).newbyteorder(">")])
def test_byte_order_is_no_part_of_the_tag(dtype):
    assert tag_of(np.dtype(dtype)) == np.dtype(dtype).newbyteorder("=").name
