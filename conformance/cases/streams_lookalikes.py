"""Chapter 06: bytes that look like records and are none."""

from ..assembly import arr_, bin_, data, int_, ndarray_, record_, str_
from ..declare import accept, array, refuse


@accept("STREAM-2")
def array_whose_payload_looks_like_records():
    """The payload of an array is itself a stream: a reader that looks for records byte by byte finds too many."""
    inner = record_("a", int_(1)).data()
    stream = record_("b", ndarray_("uint8", (len(inner),), data(inner))) + record_("c", str_("z"))
    return stream, [
        array("b", "uint8", (len(inner),), data(inner)),
        {"path": ["c"], "kind": "str", "bytes": "1", "sha256": SHA_OF_Z, "value": "z"},
    ]


SHA_OF_Z = "594e519ae499312b29433b7dd8a97ff068defcba9755b6d5d00e84c524d67b06"


@refuse("STREAM-1", also=("REC-1", "KEY-1"))
def two_headers_before_one_record():
    """An array header too many before the last record."""
    return (
        record_("a", int_(1))
        + arr_(2)
        + arr_(2, "an array, whose first element is not a str")
        + arr_(1, "! that element")
        + str_("b")
        + bin_(int_(2))
        + bin_(int_(3))
    )
