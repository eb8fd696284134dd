"""Chapter 01, WIRE-2: headers that are longer than needed."""

from ..assembly import MARKER, body_, data, ndarray_, raw, record_, str_, together
from ..declare import accept, array, integer

INT8 = raw("a4 69 6e 74 38")  # the tag "int8"


@accept("WIRE-2", longer=True)
def longer_record_headers():
    """The array of a record has its count in 2 and in 4 bytes. A reader that looks for the byte 92 refuses these."""
    return raw("""
        dc 00 02        # array of 2, count in 2 bytes
        91 a1 61 c4 01 01
        dd 00 00 00 02  # array of 2, count in 4 bytes
        91 a1 62 c4 01 02
    """), [integer("a", 1), integer("b", 2)]


@accept("WIRE-2", longer=True)
def longer_key_path_headers():
    """The array of a key path has its count in 2 and in 4 bytes."""
    return raw("""
        92 dc 00 01 a1 61 c4 01 01                  # count in 2 bytes
        92 dd 00 00 00 02 a1 62 a1 63 c4 01 02      # count in 4 bytes
    """), [integer("a", 1), integer(["b", "c"], 2)]


@accept("WIRE-2", longer=True)
def longer_part_headers():
    """The parts of a key path have lengths of 1, 2 and 4 bytes; the last one is the empty text."""
    return raw("""
        92 91 d9 01 61 c4 01 01             # length in 1 byte
        92 91 da 00 01 62 c4 01 02          # in 2 bytes
        92 91 db 00 00 00 01 63 c4 01 03    # in 4 bytes
        92 91 db 00 00 00 00 c4 01 04       # the empty text
    """), [integer("a", 1), integer("b", 2), integer("c", 3), integer("", 4)]


@accept("WIRE-2", longer=True)
def longer_blob_headers():
    """The bin around a leaf has its length in 2 and in 4 bytes, as it has in writers that reserve room for it."""
    return raw("""
        92 91 a1 61 c5 00 01 01         # length in 2 bytes
        92 91 a1 62 c6 00 00 00 01 02   # in 4 bytes
    """), [integer("a", 1), integer("b", 2)]


@accept("WIRE-2", longer=True)
def longer_ext_headers():
    """A body of 16 bytes has c7, c8 and c9 as its header instead of d8, and one of 12 has c8 and c9."""
    sixteen = raw("93 91 02 a6 75 69 6e 74 31 36 c4 04 00 00 01 00")
    twelve = body_("int8", (2,), "00 01")
    bytes_ = record_("a", raw("c7 10 01") + sixteen)
    bytes_ += record_("b", raw("c8 00 10 01") + sixteen)
    bytes_ += record_("c", raw("c9 00 00 00 10 01") + sixteen)
    bytes_ += record_("d", raw("c8 00 0c 01") + twelve)
    bytes_ += record_("e", raw("c9 00 00 00 0c 01") + twelve)
    records = [array(name, "uint16", (2,), "00 00 01 00") for name in "abc"]
    return bytes_, records + [array(name, "int8", (2,), "00 01") for name in "de"]


@accept("WIRE-2", longer=True)
def longer_headers_inside_an_array():
    """Inside the ext, the array of three, the shape, the tag and the payload each have longer headers in turn."""
    bodies = {
        "three16": raw("dc 00 03  91 02") + INT8 + raw("c4 02 00 01"),
        "three32": raw("dd 00 00 00 03  91 02") + INT8 + raw("c4 02 00 01"),
        "shape16": raw("93  dc 00 01 02") + INT8 + raw("c4 02 00 01"),
        "shape32": raw("93  dd 00 00 00 01 02") + INT8 + raw("c4 02 00 01"),
        "tag8": raw("93 91 02  d9 04 69 6e 74 38  c4 02 00 01"),
        "tag16": raw("93 91 02  da 00 04 69 6e 74 38  c4 02 00 01"),
        "tag32": raw("93 91 02  db 00 00 00 04 69 6e 74 38  c4 02 00 01"),
        "payload16": raw("93 91 02") + INT8 + raw("c5 00 02 00 01"),
        "payload32": raw("93 91 02") + INT8 + raw("c6 00 00 00 02 00 01"),
    }
    bytes_ = together([record_(name, data(bytes((0xC7, body.size, 1))) + body) for name, body in bodies.items()])
    return bytes_, [array(name, "int8", (2,), "00 01") for name in bodies]


@accept("WIRE-2", "LEAF-12", longer=True)
def chunks_in_a_map_of_16():
    """Sixteen chunks of one element: the count of their map takes 2 bytes, and the keys go on from "9" to "10"."""
    leaf = raw("83") + str_(MARKER) + raw("c3") + str_("shape") + raw("81 a1 30 10")
    leaf += str_("chunks") + raw("de 00 10 # map of 16")
    leaf += together([str_(str(i)) + ndarray_("int8", (1,), data(bytes((i,)))) for i in range(16)])
    return record_("k", leaf), [array("k", "int8", (16,), data(bytes(range(16))))]


@accept("WIRE-2", longer=True, until="1.0")
def longest_headers_throughout():
    """A record in which every header is the longest one there is."""
    body = raw("""
        dd 00 00 00 03                      # array of 3
        dd 00 00 00 02                      # shape of 2 dimensions
        cf 00 00 00 00 00 00 00 01          # 1
        d3 00 00 00 00 00 00 00 02          # 2
        db 00 00 00 05 69 6e 74 31 36       # "int16"
        c6 00 00 00 04 01 00 02 00          # payload
    """)
    leaf = raw("c9 00 00 00 2f 01 # ext 1, body of 47 bytes") + body
    return raw("""
        dd 00 00 00 02                      # record
        dd 00 00 00 02                      # key path of 2 parts
        db 00 00 00 01 61                   # "a"
        db 00 00 00 01 62                   # "b"
        c6 00 00 00 35                      # blob of 53 bytes
    """) + leaf, [array(["a", "b"], "int16", (1, 2), "01 00 02 00")]
