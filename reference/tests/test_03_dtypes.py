"""The table of dtypes: complete, closed, and the same as numpy's and ml_dtypes' own."""

import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from reference.format.dtypes import INSTALLED, SINCE, WIDTHS, dtype_of, tag_of
from reference.format.errors import FormatError
from reference.format.streams import read_stream
from reference.format.wire import BytesSource
from reference.tests.handmade import array, record


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
    assert len(scalars) == len(set(SINCE) & set(INSTALLED))


def test_what_each_release_of_ml_dtypes_brought(monkeypatch):
    """A dtype that is not installed is an error of the leaf that has it, with what to do about it."""
    assert set(SINCE) <= set(WIDTHS)
    installed = [tuple(map(int, text.split(".")[:2])) for text in (*SINCE.values(), ml_dtypes.__version__)]
    newer = {tag for tag, since in zip(SINCE, installed[:-1], strict=True) if since > installed[-1]}
    assert set(INSTALLED) == set(WIDTHS) - newer
    monkeypatch.delitem(INSTALLED, "bfloat16")
    data = record(("a",), array(b"\x91\x01", "int8", b"1")) + record(("b",), array(b"\x91\x01", "bfloat16", b"12"))
    with pytest.raises(
        FormatError, match=r"the dtype bfloat16 needs ml_dtypes 0.2 or newer, and .* is installed"
    ) as caught:
        read_stream(BytesSource(data))
    assert (caught.value.clause, caught.value.path, caught.value.advice) == (
        "DTYPE-1",
        ("b",),
        "pip install 'ml_dtypes>=0.2'",
    )


@pytest.mark.sampled(4)
@pytest.mark.parametrize("gone", ["int1", "float8_e8m0fnu", "complex32", "int4", "uint2", "float4_e2m1fn"])
def test_a_dtype_that_is_not_installed_is_nothing_to_those_who_do_not_have_it(gone, tmp_path):
    code = f"""
import sys, ml_dtypes
del ml_dtypes.{gone}
sys.modules["jax"] = None  # which has needs of its own
import importlib, pkgutil, numpy, reference
for wing in pkgutil.iter_modules(reference.__path__, "reference."):
    if wing.ispkg and not wing.name.endswith("tests"):
        package = importlib.import_module(wing.name)
        for module in pkgutil.iter_modules(package.__path__, wing.name + "."):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                assert error.name.split(".")[0] in ("jax", "obstore")  # of extras
reference.save({str(tmp_path / "x")!r}, dict(a=numpy.arange(3), b=True))
assert reference.load({str(tmp_path / "x")!r})["a"].tolist() == [0, 1, 2]
"""
    dtype_of(gone)
    subprocess.run([sys.executable, "-c", code], check=True)


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
