"""CRC-32C against the numbers that the specification states, and against itself in one piece."""

import pytest

from conformance.checksums import combined, crc, crc32c


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA)], ids=["none", "nine", "zeros"]
)
def test_the_numbers_of_the_text(data, expected):
    """SUM-1."""
    assert crc(data) == expected
    assert crc32c([(data, 1)]) == expected
    assert crc32c([(data[i : i + 1], 1) for i in range(len(data))]) == expected


@pytest.mark.parametrize("times", [0, 1, 2, 3, 7, 8, 100, 1001])
def test_what_is_repeated_is_as_the_whole(times):
    piece = bytes(range(251))
    assert crc32c([(b"head", 1), (piece, times), (b"", 5), (b"tail", 1)]) == crc(b"head" + piece * times + b"tail")


def test_two_ranges_combine():
    whole = bytes(i * 7 % 256 for i in range(1000))
    for at in (0, 1, 500, 999, 1000):
        assert combined(crc(whole[:at]), crc(whole[at:]), len(whole) - at) == crc(whole)


def test_gigabytes_take_no_time():
    assert crc32c([(bytes(1 << 10), 5 << 20)]) == crc32c([(bytes(1 << 20), 5 << 10)])
