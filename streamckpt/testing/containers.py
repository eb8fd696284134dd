"""The judge of containers: kinds of files (`containers.container.Container`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import ml_dtypes
import numpy as np
import pytest

from reference.containers.container import HEAD, Container
from reference.format.errors import FormatError
from reference.format.keypaths import display
from reference.format.later_leaves import as_read
from reference.format.leaves import describe, read_value
from reference.format.payloads import BytesSink, MemoryPayload, array_payload, write_steps
from reference.format.records import Item, Record
from reference.format.wire import BytesSource, Source

Leaves = Sequence[tuple[tuple[str, ...], Any]]
Path_ = tuple[str, ...]

ARRAYS: Final[Leaves] = (
    (("a", "w"), np.arange(6, dtype=np.float32).reshape(2, 3)),
    (("a", "b"), np.array([-0.0, np.inf], ml_dtypes.bfloat16)),
    (("a", "deep", "er"), np.arange(7, dtype=np.int8)),
    (("c",), np.array(True)),
    (("d",), np.zeros((0, 4), np.float16)),
    (("é", "名"), np.arange(1000, dtype=np.uint64)),
    (("many",), np.zeros((1,) * 20, np.int32)),
)
VALUES: Final[Leaves] = (
    (("n",), None),
    (("i",), -5),
    (("f",), 0.25),
    (("t",), "text"),
    (("raw",), b"\x00\xff"),
    (("z",), 1 + 2j),
    (("s",), np.float32(2)),
    (("e", "mpty"), {}),
)
_FOREIGN: Final = (b"PK\x03\x04", b"\x80\x04\x95", b"\x1f\x8b\x08", b"version https://git-lfs", b"<html>", bytes(600))


class ContainerJudge:
    """Subclass it, and name the container.

    `holds_values` says whether it holds leaves that are not arrays, and `shows_cuts` whether a file that was cut at any
    place is refused; where it is not, what stood whole before a cut is read.
    """

    container: Container
    holds_values = True
    shows_cuts = True

    def leaves(self) -> Leaves:
        """Leaves that the container can hold; override it where it holds less."""
        return (*ARRAYS, *VALUES) if self.holds_values else ARRAYS

    def file(self) -> bytes:
        return written(self.container, items(self.leaves()))

    def test_what_is_written_is_read(self) -> None:
        data = self.file()
        source = BytesSource(data)
        found = {record.path: value(source, record) for record in self.container.read(source).records}
        wanted = {path: _told(leaf) for path, leaf in self.leaves()}
        assert found == wanted

    def test_payloads_stand_where_the_records_say(self) -> None:
        data = self.file()
        by_path = dict(self.leaves())
        for record in self.container.read(BytesSource(data)).records:
            if record.dtype is not None:
                raw = b"".join(data[at : at + n] for at, n in record.extents())
                assert raw == np.asarray(by_path[record.path]).tobytes(), display(record.path)

    def test_steps_say_how_many_bytes_they_are(self) -> None:
        steps = self.container.steps(items(self.leaves()))
        assert sum(step.size() for step in steps) == len(self.file())

    def test_the_same_leaves_give_the_same_bytes(self) -> None:
        assert self.file() == self.file()

    def test_what_has_been_read_is_written_as_it_was(self) -> None:
        data = self.file()
        source = BytesSource(data)
        again = [_item_of(source, record) for record in self.container.read(source).records]
        assert written(self.container, again) == data

    def test_it_is_told_from_its_first_bytes(self) -> None:
        data = self.file()
        assert self.container.begins(data[:HEAD], len(data))
        for head in (b"", *_FOREIGN):
            assert not self.container.begins(head, max(len(head), 1 << 20)), head

    def test_no_beginning_makes_it_raise(self) -> None:
        rng = np.random.default_rng(0)
        for n in (0, 1, 2, 7, 8, 9, HEAD):
            for _ in range(200):
                self.container.begins(rng.bytes(n), n)
        for first in range(256):
            self.container.begins(bytes((first,)), 1)

    def test_a_file_that_was_cut_is_refused(self) -> None:
        data = self.file()
        whole = self._read_or_refused(data)
        assert whole
        for cut in range(0, len(data), 1 + len(data) // 3000):
            found = self._read_or_refused(data[:cut])
            assert found is None or not self.shows_cuts, f"cut at byte {cut}, the file is read"
            assert found is None or found == whole[: len(found)], f"cut at byte {cut}, other leaves are read"

    def test_a_changed_byte_is_refused_or_read_and_never_crashes(self) -> None:
        data = bytearray(self.file())
        for at in range(0, len(data), 1 + len(data) // 2000):
            for flip in (0x01, 0x80, 0xFF):
                data[at] ^= flip
                self._read_or_refused(bytes(data))
                data[at] ^= flip

    def _read_or_refused(self, data: bytes) -> list[Record] | None:
        """What is read of a file, None where it is refused. Any error but a FormatError goes on."""
        try:
            records = self.container.read(BytesSource(data)).records
            return [record._replace(leaf=as_read(record.leaf)) for record in records]
        except FormatError:
            return None

    def test_no_payload_is_read(self) -> None:
        large = [(("x", str(i)), np.zeros(1 << 18, np.float32)) for i in range(8)]
        source = _Counting(written(self.container, items(large)))
        assert len(self.container.read(source).records) == 8
        assert source.read < 1 << 18, f"{source.read} bytes are read of a file with 8 headers"

    def test_no_leaf_at_all_is_refused_before_a_byte_is_written(self) -> None:
        with pytest.raises(FormatError):
            self.container.steps([])

    def test_leaves_that_clash_are_refused(self) -> None:
        leaf = np.zeros(2, np.float32)
        for other in (("a",), ("a", "b"), ("a", "b", "c")):
            with pytest.raises(FormatError):
                self.container.steps(items([(("a", "b"), leaf), (other, leaf)]))

    def test_what_it_cannot_hold_is_refused_by_name(self) -> None:
        if self.holds_values:
            pytest.skip("it holds every kind of leaf")
        for path, leaf in VALUES:
            with pytest.raises(FormatError) as caught:
                self.container.steps(items([*self.leaves(), (path, leaf)]))
            assert caught.value.path == path

    def test_its_own_index_stands_in_the_file(self) -> None:
        data = self.file()
        contents = self.container.read(BytesSource(data))
        if contents.index_at is not None:
            at, n = contents.index_at
            assert 0 <= at <= at + n <= len(data)
        assert contents.version is None or isinstance(contents.version, str)
        assert all(isinstance(key, str) for key in contents.metadata)


# --- how leaves become files and come back -----------------------------------------------------------------


class _Counting(BytesSource):
    """A source that counts the bytes that are read of it."""

    read = 0

    def read_at(self, offset: int, n: int) -> bytes:
        self.read += n
        return super().read_at(offset, n)

    def read_into(self, offset: int, view: memoryview) -> None:
        self.read += len(view)
        super().read_into(offset, view)


def items(leaves: Leaves) -> list[Item]:
    return [_item(path, leaf) for path, leaf in leaves]


def _item(path: Path_, leaf: Any) -> Item:
    described = describe(leaf)
    if described.dtype is not None:
        return Item(path, described, lambda: array_payload(np.asarray(leaf)))
    if described.kind in ("str", "bin"):
        raw = leaf.encode() if isinstance(leaf, str) else bytes(leaf)
        return Item(path, described, lambda: MemoryPayload(raw))
    return Item(path, described)


def _item_of(source: BytesSource, record: Record) -> Item:
    leaf = read_value(source, record.leaf_offset, record.leaf)
    return _item(record.path, leaf)


def written(container: Container, leaves: Sequence[Item]) -> bytes:
    sink = BytesSink()
    write_steps(sink, container.steps(leaves))
    return bytes(sink.data)


def value(source: Source, record: Record) -> Any:
    return _told(read_value(source, record.leaf_offset, record.leaf))


def _told(leaf: Any) -> Any:
    """A leaf as something that can be compared: the class, and for arrays dtype, shape and bytes."""
    if isinstance(leaf, np.ndarray | np.generic):
        kind = "array" if isinstance(leaf, np.ndarray) else "scalar"
        return kind, str(leaf.dtype), leaf.shape, leaf.tobytes()
    return type(leaf).__name__, repr(leaf)
