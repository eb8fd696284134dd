"""The judge of sources: random access to bytes (`format.wire.Source`)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reference.format.errors import FormatError
from reference.format.wire import Source

DATA: Final = bytes(i * i % 251 for i in range(100_003))  # repeats at no power of two
_RANGES: Final = ((0, 0), (0, 1), (1, 7), (4095, 2), (65_535, 4096), (0, len(DATA)), (len(DATA), 0), (len(DATA) - 1, 1))


class SourceJudge:
    """Subclass it, and say in `new_source` how a source of some bytes is had."""

    def new_source(self, data: bytes, folder: Path) -> Source:
        """A source of these bytes; `folder` is empty, and for this call alone."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Source]:
        with _closed_after(self.new_source(DATA, tmp_path)) as source:
            yield source

    def test_its_size_is_that_of_its_bytes(self, source: Source) -> None:
        assert source.size == len(DATA)

    @pytest.mark.parametrize(("offset", "n"), _RANGES)
    def test_a_range_is_read_as_bytes_and_into_memory(self, source: Source, offset: int, n: int) -> None:
        found = source.read_at(offset, n)
        assert type(found) is bytes
        assert found == DATA[offset : offset + n]
        memory = bytearray(b"\xaa" * (n + 2))
        source.read_into(offset, memoryview(memory)[1 : n + 1])
        assert memory == b"\xaa" + DATA[offset : offset + n] + b"\xaa", "other memory was written to"

    @pytest.mark.parametrize(
        ("offset", "n"), [(0, len(DATA) + 1), (len(DATA), 1), (len(DATA) + 9, 1), (len(DATA) - 3, 4), (1 << 62, 1)]
    )
    def test_a_range_past_the_end_is_refused(self, source: Source, offset: int, n: int) -> None:
        with pytest.raises(FormatError) as caught:
            source.read_at(offset, n)
        assert caught.value.clause == "STREAM-2"
        with pytest.raises(FormatError) as caught:
            source.read_into(offset, memoryview(bytearray(n)))
        assert caught.value.clause == "STREAM-2"

    def test_an_empty_one_can_be_read(self, tmp_path: Path) -> None:
        with _closed_after(self.new_source(b"", tmp_path)) as source:
            assert (source.size, source.read_at(0, 0)) == (0, b"")
            with pytest.raises(FormatError):
                source.read_at(0, 1)

    def test_several_threads_read_at_once(self, source: Source) -> None:
        step, memory = 9_973, memoryview(bytearray(len(DATA)))
        wrong: list[int] = []

        def read(first: int) -> None:
            for at in range(first * step, len(DATA), 4 * step):
                source.read_into(at, memory[at : at + step])
                if source.read_at(at, 11) != DATA[at : at + 11]:
                    wrong.append(at)

        threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert memory == DATA


@contextlib.contextmanager
def _closed_after(source: Source) -> Iterator[Source]:
    """The source, which is closed after the block where it can be."""
    with contextlib.ExitStack() as stack:
        if close := getattr(source, "close", None):
            stack.callback(close)
        yield source
