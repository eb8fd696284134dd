"""The judge of places: where a checkpoint is kept (`storage.place.Place`)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import pytest

from reference.format.errors import FormatError, UsageError
from reference.format.wire import BytesSource
from reference.storage.place import Place

from .sources import DATA

_OLD: Final = b"what was there before"
_LARGE: Final = DATA * 180  # 18 MB: more than any buffer on the way


class Stopped(Exception):
    """What a save is interrupted by."""


class PlaceJudge:
    """Subclass it, and say in `new_place` where a file would be that is not there yet."""

    def new_place(self, folder: Path) -> Place:
        """The place of a file that does not exist. `folder` is empty, and for this call alone."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        place = self.new_place(tmp_path)
        place.make_folder()
        return place

    # --- reading and writing ---------------------------------------------------------------------------

    @pytest.mark.parametrize("behind", [False, True])
    @pytest.mark.parametrize("n", [0, 1, 4095, 100_003])
    def test_what_is_written_is_read(self, place: Place, n: int, behind: bool) -> None:
        write(place, DATA[:n], behind)
        assert read(place) == DATA[:n]

    @pytest.mark.parametrize("behind", [False, True])
    def test_large_and_small_pieces_come_in_their_order(self, place: Place, behind: bool) -> None:
        moved: list[int] = []
        with place.replace(moved.append, behind) as sink:
            sink.write(_LARGE[:5])
            sink.write(memoryview(_LARGE)[5:9_000_000])
            for at in range(9_000_000, 9_001_000, 100):
                sink.write(_LARGE[at : at + 100])
            sink.copy_from(BytesSource(_LARGE), 9_001_000, len(_LARGE) - 9_001_000)
        assert read(place) == _LARGE
        assert sum(moved) == len(_LARGE), "progress is not told of every byte once"

    @pytest.mark.parametrize("behind", [False, True])
    def test_stretches_of_a_file_that_is_open_are_copied(self, tmp_path: Path, place: Place, behind: bool) -> None:
        (tmp_path / "other").mkdir()
        other = self.new_place(tmp_path / "other")
        other.make_folder()
        write(other, _LARGE)
        with contextlib.closing(other.open()) as opened, place.replace(behind=behind) as sink:
            sink.copy_from(opened, 3, 7)
            sink.copy_from(opened, 0, len(_LARGE))
            sink.write(b"end")
        assert read(place) == _LARGE[3:10] + _LARGE + b"end"

    def test_a_range_past_the_end_is_refused_by_name(self, place: Place) -> None:
        write(place, DATA)
        with contextlib.closing(place.open()) as opened:
            with pytest.raises(FormatError) as caught:
                opened.read_at(len(DATA) - 1, 2)
            assert caught.value.clause == "STREAM-2"
            assert opened.name

    # --- whole or not at all (STREAM-8) ------------------------------------------------------------------

    def test_a_file_is_not_there_before_it_is_whole(self, place: Place) -> None:
        with place.replace() as sink:
            sink.write(DATA)
            assert not exists(place)
        assert exists(place)

    @pytest.mark.parametrize("behind", [False, True])
    def test_a_block_that_raises_leaves_nothing(self, place: Place, behind: bool) -> None:
        with pytest.raises(Stopped):
            interrupted(place, behind)
        assert not exists(place)

    @pytest.mark.parametrize("behind", [False, True])
    def test_a_block_that_raises_leaves_the_old_file(self, place: Place, behind: bool) -> None:
        write(place, _OLD)
        with pytest.raises(Stopped):
            interrupted(place, behind)
        assert read(place) == _OLD

    def test_a_file_that_is_open_is_not_mixed_with_the_one_that_takes_its_place(self, place: Place) -> None:
        write(place, _OLD)
        with contextlib.closing(place.open()) as opened:
            write(place, b"x" * len(_OLD))
            with contextlib.suppress(OSError):  # a place that cannot keep the old one says so
                assert opened.read_at(0, len(_OLD)) == _OLD
                opened.refuse_changes()
        assert read(place) == b"x" * len(_OLD)

    # --- around it -----------------------------------------------------------------------------------------

    def test_a_file_that_is_not_there_is_refused(self, place: Place) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            place.open()
        assert caught.value.filename, "the error names no file"

    def test_an_output_that_can_be_written_is_not_refused(self, place: Place) -> None:
        place.check_output()
        assert not exists(place), "to look is not to make"

    def test_a_map_is_what_is_read_and_outlives_the_file(self, place: Place) -> None:
        write(place, DATA)
        with contextlib.closing(place.open()) as opened:
            try:
                view = opened.map().view
            except UsageError:
                pytest.skip("this place has no maps")
        assert view.readonly
        assert view == DATA

    def test_nothing_is_read_after_it_is_closed(self, place: Place) -> None:
        write(place, DATA)
        opened = place.open()
        opened.close()
        opened.close()
        for call in (
            lambda: opened.read_at(0, 1),
            lambda: opened.read_into(0, memoryview(bytearray(1))),
            opened.refuse_changes,
            opened.map,
        ):
            with pytest.raises(ValueError, match="closed"):
                call()

    def test_it_has_a_name(self, place: Place) -> None:
        assert isinstance(place.name, str)
        assert place.name


def write(place: Place, data: bytes, behind: bool = False) -> None:
    with place.replace(behind=behind) as sink:
        sink.write(data)


def interrupted(place: Place, behind: bool) -> None:
    with place.replace(behind=behind) as sink:
        sink.write(_LARGE)
        raise Stopped


def read(place: Place) -> bytes:
    with contextlib.closing(place.open()) as opened:
        opened.refuse_changes()
        return opened.read_at(0, opened.size)


def exists(place: Place) -> bool:
    try:
        place.open().close()
    except FileNotFoundError:
        return False
    return True
