"""Spec chapter 03: the one table of dtype tags, and the dtypes that they stand for."""

from __future__ import annotations

from typing import Final

import ml_dtypes
import numpy as np

from .errors import FormatError

# DTYPE-1: "The dtype tag MUST be one of the names in this table."
WIDTHS: Final[dict[str, int]] = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "uint32", "float32", "complex32", "bcomplex32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
    "complex128": 16,
    # DTYPE-4: "An element of less than 8 bits takes one byte, and its value stands in the low bits."
    **dict.fromkeys(("int4", "uint4", "int2", "uint2", "int1", "uint1"), 1),
    **dict.fromkeys(("float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"), 1),
    **dict.fromkeys(("float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"), 1),
    **dict.fromkeys(("float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
}


# DTYPE-6: "The parts of `complex32` are float16, of `bcomplex32` bfloat16, of `complex64` float32, of
#           `complex128` float64."
PARTS: Final = {"complex32": "float16", "bcomplex32": "bfloat16", "complex64": "float32", "complex128": "float64"}

# The low bits that carry the value of an element of less than 8 (DTYPE-4).
BITS: Final = {
    **{f"{kind}{bits}": bits for kind in ("int", "uint") for bits in (1, 2, 4)},
    "float4_e2m1fn": 4,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
}


# The release of ml_dtypes that brought a dtype; numpy itself has the others.
SINCE: Final = {
    **dict.fromkeys(("bfloat16", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz"), "0.2"),
    **dict.fromkeys(("float8_e5m2", "float8_e5m2fnuz", "int4", "uint4"), "0.2"),
    **dict.fromkeys(("float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "int2", "uint2"), "0.5"),
    **dict.fromkeys(("float8_e3m4", "float8_e4m3", "float8_e8m0fnu"), "0.5"),
    **dict.fromkeys(("complex32", "bcomplex32", "int1", "uint1"), "0.6"),
}


def _installed() -> dict[str, np.dtype]:
    scalars = {tag: getattr(ml_dtypes, tag, None) if tag in SINCE else tag for tag in WIDTHS}
    return {tag: np.dtype(scalar) for tag, scalar in scalars.items() if scalar is not None}


INSTALLED: Final = _installed()  # tag -> dtype, where there is one: no array can have another
_TAGS: Final = {dtype: tag for tag, dtype in INSTALLED.items()}


def dtype_of(tag: str, offset: int | None = None) -> np.dtype:
    """The little-endian dtype of a tag. Raises DTYPE-1, at `offset`, also where the installed ml_dtypes is too old."""
    try:
        return INSTALLED[tag]
    except KeyError:
        if tag not in WIDTHS:
            raise FormatError("DTYPE-1", offset, None, f"{tag!r} is not a dtype tag") from None
        found = getattr(ml_dtypes, "__version__", None)
        detail = f"the dtype {tag} needs ml_dtypes {SINCE[tag]} or newer, and {found or 'an older one'} is installed"
        raise FormatError("DTYPE-1", offset, None, detail, f"pip install 'ml_dtypes>={SINCE[tag]}'") from None


def tag_of(dtype: np.dtype) -> str:
    """The tag of a dtype of either byte order. Raises DTYPE-7."""
    # DTYPE-7: "A writer MUST refuse an array whose type has no tag in the table."
    try:
        return _TAGS[dtype if dtype.isnative else dtype.newbyteorder("=")]
    except (KeyError, TypeError):
        raise FormatError("DTYPE-7", None, None, f"an array of dtype {dtype} cannot be stored") from None
