"""A reader of plain streams on one page: numpy, ml_dtypes, and what Python has. `page_sealed.py` reads 2.0 with it."""

import math
import struct

import ml_dtypes  # noqa: F401  (makes its dtypes known to numpy by their names)
import numpy as np

TAGS = set(
    "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 bfloat16 float32 float64 complex64 complex128 int1 "
    "complex32 bcomplex32 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 uint1 "
    "float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn int4 uint4 int2 uint2".split()
)
MARKER = "__msgpack_chunked_array__"
# For each first byte the kind, the form of the number behind it, and the least number of that form, or the number.
FORMS = [("int", "", n) for n in range(128)]
FORMS += [(kind, "", n) for kind, most in (("map", 16), ("array", 16), ("str", 32)) for n in range(most)]
FORMS += [("nil", "", None), ("never", "", 0), ("bool", "", False), ("bool", "", True)]
LONG = """bin B 0, bin H 256, bin I 65536, ext B 0, ext H 256, ext I 65536, float f 0, float d 0, int B 128, int H 256,
int I 65536, int Q 4294967296, int b -33, int h -129, int i -32769, int q -2147483649, ext - 1, ext - 2, ext - 4,
ext - 8, ext - 16, str B 32, str H 256, str I 65536, array H 16, array I 65536, map H 16, map I 65536"""
FORMS += [(kind, form.strip("-"), int(least)) for kind, form, least in map(str.split, LONG.split(","))]
FORMS += [("int", "", n - 256) for n in range(224, 256)]
COUNTED = {"str": 1, "bin": 1, "ext": 1, "array": 1, "map": 2}  # bytes that each thing takes which a header counts


class Refused(ValueError):
    """A clause, and the offset of the value that breaks it, or of the record in which that stands."""

    clause, offset = property(lambda self: self.args[0]), property(lambda self: self.args[1])


def need(kept, clause, offset):
    if not kept:
        raise Refused(clause, offset)


class Cursor:
    """Values, one after the other; `cut` is the clause where their input ends too early."""

    deep, most, left = 1, 513, math.inf  # maps in maps, elements of an array, values in all of them
    many, keyed, twice = "KEY-3", "LEAF-10", "LEAF-12"  # the clauses of these, of keys, and of one that stands twice

    def __init__(self, data, at, end, cut="WIRE-3"):
        self.data, self.at, self.end, self.cut = data, at, end, cut

    def raw(self):
        return self.data[self.at : self.end]

    def head(self):
        """The kind of a value, and the number in its header."""
        at = self.at
        need(at < self.end, "WIRE-6" if self.cut == "WIRE-3" else self.cut, at)
        kind, form, n = FORMS[self.data[at]]
        need(kind != "never", "WIRE-4", at)
        self.at += 1 + struct.calcsize(">" + form)
        need(self.at <= self.end, self.cut, at)
        if form:
            n = struct.unpack(">" + form, self.data[at + 1 : self.at])[0]
            n = n * 1.0 if form == "f" else n  # LEAF-8: a NaN is made quiet
        size = n * COUNTED[kind] + (kind == "ext") if kind in COUNTED else 0
        need(size <= self.end - self.at, self.cut, at)  # CONF-4
        return kind, n

    def value(self, depth=0):
        """A value: a bin as a cursor over its bytes, an ext as its type and such a cursor."""
        at, (kind, n) = self.at, self.head()
        if kind in ("str", "bin", "ext"):
            self.at += n + (kind == "ext")
            body = Cursor(self.data, self.at - n, self.at)
            if kind != "str":
                return body if kind == "bin" else (self.data[body.at - 1], body)
            text = str(body.raw(), "utf-8", "replace")
            need(text.encode() == body.raw(), "WIRE-5", at)
            return text
        if kind not in ("array", "map"):
            return n
        self.left -= n
        need(depth <= self.deep and self.left >= 0 and (kind == "map" or n <= self.most), self.many, at)
        values = []
        for _ in range(n * COUNTED[kind]):
            values.append(self.value(depth + 1))  # in a loop, which does not count as a call of its own
        if kind == "array":
            return values
        keys = values[::2]
        need(all(type(key) is str for key in keys), self.keyed, at)
        need(len(set(keys)) == n, self.twice, at)
        return dict(zip(keys, values[1::2], strict=True))

    def whole(self):
        """The one value that there is."""
        value = self.value()
        need(self.at == self.end, "WIRE-6", self.at)
        return value


def bytes_of(shape, width, at):
    need(type(shape) is list and len(shape) <= 64 and all(type(n) is int and n >= 0 for n in shape), "LEAF-3", at)
    need(math.prod(n or 1 for n in shape) * width < 1 << 63, "LEAF-4", at)
    return math.prod(shape) * width


def ndarray(body, at):
    """An array, and the offset of its payload."""
    fields = body.whole()
    need(type(fields) is list and len(fields) == 3, "LEAF-2", at)
    shape, tag, payload = fields
    tag = str(tag.raw(), "latin1") if type(tag) is Cursor else tag  # DTYPE-2
    need(type(tag) is str and tag in TAGS, "DTYPE-1", at)
    dtype = np.dtype(tag).newbyteorder("<")  # DTYPE-3
    size = bytes_of(shape, dtype.itemsize, at)
    need(type(payload) is Cursor and len(payload.raw()) == size, "LEAF-5", at)
    return np.frombuffer(payload.raw(), dtype).reshape(shape), payload.at


def chunked(entries, at):
    """An array of a map, and the offsets of its chunks' payloads."""
    need([*entries] == [MARKER, "shape", "chunks"] and entries[MARKER] is True, "LEAF-10", at)
    for found, clause in ((entries["shape"], "LEAF-11"), (entries["chunks"], "LEAF-12")):
        need(type(found) is dict and [*found] == [str(i) for i in range(len(found))], clause, at)
    shape, chunks = [*entries["shape"].values()], [*entries["chunks"].values()]
    need(chunks and all(type(chunk) is tuple and chunk[0] == 1 for chunk in chunks), "LEAF-12", at)
    arrays, offsets = zip(*(ndarray(body, at) for _, body in chunks), strict=True)
    need(all(array.ndim == 1 and array.dtype == arrays[0].dtype for array in arrays), "LEAF-12", at)
    need(sum(array.nbytes for array in arrays) == bytes_of(shape, arrays[0].itemsize, at), "LEAF-12", at)
    return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays)).reshape(shape), offsets


def leaf(value, at):
    """The leaf that a value is, and the offsets at which its payload stands."""
    if type(value) is dict and value:  # LEAF-9: without entries it is an empty node
        need(next(iter(value)) == MARKER, "LEAF-1", at)
        return chunked(value, at)
    if type(value) is not tuple:
        need(type(value) is not list, "LEAF-1", at)
        return bytes(value.raw()) if type(value) is Cursor else value, ()
    kind, body = value
    need(kind in (1, 2, 3), "LEAF-1", at)
    if kind == 2:
        parts = body.whole()
        need(type(parts) is list and [type(part) for part in parts] == [float, float], "LEAF-7", at)
        return complex(*parts), ()
    array, payload = ndarray(body, at)
    need(kind == 1 or array.ndim == 0, "LEAF-6", at)
    return array if kind == 1 else array[()], (payload,)


def fields(c):
    """The key path of a record, whose limits are not looked at, and a cursor over its leaf blob."""
    at, found = c.at, c.value()
    need(type(found) is list and len(found) == 2, "REC-1", at)
    need(type(found[0]) is list and found[0] and all(type(part) is str for part in found[0]), "KEY-1", at)
    need(type(found[1]) is Cursor, "REC-2", at)
    return found


def limited(path, at):
    need(0 < len(path) <= 512, "KEY-3", at)
    need(sum(len(part.encode()) for part in path) <= 65535, "KEY-4", at)
    return tuple(path)


def apart(places):
    """None of these key paths, each with an offset, stands twice or is the beginning of another."""
    outer, first = None, 0
    for path, at in sorted(places):
        if outer is not None and path[: len(outer)] == outer:
            raise Refused("STREAM-4" if path == outer else "STREAM-5", max(at, first))
        outer, first = path, at


def stream(data):
    """The key path and the leaf of each record; `data` is a memoryview."""
    c, places = Cursor(data, 0, len(data), "STREAM-2"), []
    need(len(data), "STREAM-3", 0)
    while c.at < c.end:
        at, (path, blob) = c.at, fields(c)
        places.append((limited(path, at), at))
        yield places[-1][0], leaf(blob.whole(), at)[0]
    apart(places)
