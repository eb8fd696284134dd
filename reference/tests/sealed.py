"""Sealed streams put together by hand from the text of spec/2.0, honest or not, and read from memory."""

import msgpack
from crc32c import crc32c

import reference
from reference.containers.registry import read_contents
from reference.containers.stream import STREAM
from reference.format.records import value_of
from reference.format.trees import unflatten
from reference.format.wire import BytesSource

MARK = b"\xdd\0\0\0\2"
BLOCK = 1 << 22


def bitwise(data):
    """A checksum as SUM-1 writes it out, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def crc(data):
    return crc32c(data).to_bytes(4, "big")


def sums(record):
    """The checksums of a record (SUM-2)."""
    return b"".join(crc(record[at : at + BLOCK]) for at in range(0, len(record), BLOCK))


def footer(records_end, index, version=(2, 0)):
    """The footer (SEAL-4) behind an index."""
    fields = records_end.to_bytes(8, "big") + len(index).to_bytes(4, "big") + crc(index)
    fields += version[0].to_bytes(2, "big") + version[1].to_bytes(2, "big")
    return fields + crc(fields) + b"streamckpt-seal\n"


def with_index(records, index, version=(2, 0)):
    """Records with a seal around an index, given as bytes or as what they stand for; every checksum of it is right."""
    index = index if isinstance(index, bytes) else msgpack.packb(index)
    body = index + footer(len(records), index, version)
    return records + b"\xc6" + (len(body) + 1).to_bytes(4, "big") + body


def taken_apart(data):
    """The records, and the index as msgpack reads it, of a sealed stream."""
    seal_at, length = int.from_bytes(data[-40:-32], "big"), int.from_bytes(data[-32:-28], "big")
    return data[:seal_at], msgpack.unpackb(data[seal_at + 5 : seal_at + 5 + length])


def rows_of(data):
    """Each record of a sealed stream, by the sizes in its index."""
    records, index = taken_apart(data)
    at, found = 0, []
    for _, _, _, _, places in index["leaves"]:
        for size, _, _ in places:
            found.append(records[at : at + size])
            at += size
    assert at == len(records)
    return found


def sealed_by_hand(rows, alignment=64, metadata=None, digests=None):
    """A sealed stream of rows of (record, key path, kind, dtype, shape, payload), whose index says just that."""
    records = b"".join(row[0] for row in rows)
    leaves = [[path, kind, dtype, shape, [[len(r), at, sums(r)]]] for r, path, kind, dtype, shape, at in rows]
    index = {"alignment": alignment, "checksum": crc(records), "leaves": leaves, "metadata": metadata or {}}
    return with_index(records, index if digests is None else {**index, "digests": digests})


def an_int(value=7, key=b"a", mark=MARK):
    """A row for `sealed_by_hand`: a record with a small int."""
    blob = msgpack.packb(value)
    return (
        mark + b"\x91" + bytes((0xA0 | len(key),)) + key + b"\xc4" + bytes((len(blob),)) + blob,
        [key.decode()],
        ("int"),
        None,
        None,
        None,
    )


def sealed(folder, tree, name="sealed", **options):
    """The bytes of a tree that `reference.save` has sealed."""
    reference.save(folder / name, tree, format="2.0", **options)
    return (folder / name).read_bytes()


def opened(source, check=True):
    """What a source of a stream says, as `reference.open` has it; its `checked` is the file that is compared."""
    return read_contents(BytesSource(source) if isinstance(source, bytes) else source, STREAM, check=check)[1]


def values(data, check=True):
    """The key paths and values of a stream in memory, each leaf read by itself."""
    contents = opened(data, check)
    source = contents.checked or BytesSource(data)
    return [(record.path, value_of(source, record)) for record in contents.records]


def tree_of(data, check=True):
    return unflatten(values(data, check))


class CountingSource(BytesSource):
    """A source that notes what is read from it, as (offset, bytes)."""

    def __init__(self, data):
        super().__init__(data)
        self.reads = []

    def read_at(self, offset, n):
        self.reads.append((offset, n))
        return super().read_at(offset, n)

    def read_into(self, offset, view):
        self.reads.append((offset, len(view)))
        super().read_into(offset, view)
