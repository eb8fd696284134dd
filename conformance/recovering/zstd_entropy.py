"""The entropy codes of zstd (RFC 8878, section 4): FSE tables, Huffman trees, and bits that are read backwards."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

from .fault import Fault, require

_PREDEFINED: Final = {
    "ll": (6, [4, 3, *[2] * 6, *[2] * 5, *[1] * 3, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4]),
    "of": (5, [1, 1, 1, 1, 1, 1, 2, 2, 2, *[1] * 15, *[-1] * 5]),
    "ml": (6, [1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7]),
}
_LONGEST: Final = 11  # bits of a Huffman code


class Table(NamedTuple):
    """For each state: a symbol, the bits to be read, and what they are added to; the bits of a state."""

    states: list[tuple[int, int, int]]
    log: int


class BackwardBits:
    """Bits from the last to the first. The highest bit that is set in the last byte says where they begin."""

    def __init__(self, data: bytes) -> None:
        require(bool(data) and data[-1] != 0, "DELTA-7", "a bit stream of the zstd frame has no end")
        self.data = data
        self.left = 8 * len(data) - 9 + data[-1].bit_length()

    def read(self, n: int) -> int:
        self.left -= n
        require(self.left >= 0, "DELTA-7", "a bit stream of the zstd frame ends too early")
        at = self.left >> 3
        return int.from_bytes(self.data[at : at + 8], "little") >> (self.left & 7) & (1 << n) - 1


def _spread(log: int, counts: list[int]) -> Table:
    """The table of a distribution; a count of -1 is less than one."""
    size = 1 << log
    symbols, high = [0] * size, size - 1
    for symbol, count in enumerate(counts):
        if count == -1:
            symbols[high] = symbol
            high -= 1
    at = 0
    for symbol, count in enumerate(counts):
        for _ in range(count):
            symbols[at] = symbol
            at = at + (size >> 1) + (size >> 3) + 3 & size - 1
            while at > high:
                at = at + (size >> 1) + (size >> 3) + 3 & size - 1
    following = [1 if count == -1 else count for count in counts]
    states = []
    for symbol in symbols:
        bits = log + 1 - following[symbol].bit_length()
        states.append((symbol, bits, (following[symbol] << bits) - size))
        following[symbol] += 1
    return Table(states, log)


@functools.cache
def predefined(name: str) -> Table:
    return _spread(*_PREDEFINED[name])


def distribution(data: bytes, start: int, most: int, symbol: int) -> tuple[Table, int]:
    """The table that is described there, of at most so many bits and symbols; where it ends. Raises Fault."""
    number, at = int.from_bytes(data[start : start + 512], "little"), 0

    def read(n: int) -> int:
        nonlocal at
        at += n
        return number >> at - n & (1 << n) - 1

    log = read(4) + 5
    require(log <= most, "DELTA-7", "a table of the zstd frame is too large")
    left, counts = 1 << log, list[int]()
    while left > 0:
        bits = (left + 1).bit_length()
        spare = (1 << bits) - 2 - left  # numbers that take a bit less
        value = read(bits - 1)
        if value >= spare:
            value |= read(1) << bits - 1
            if value >= 1 << bits - 1:
                value -= spare
        counts.append(value - 1)
        left -= abs(value - 1)
        while value == 1 and len(counts) <= symbol:  # how many more have no share, in steps of up to 3
            again = read(2)
            counts += [0] * again
            if again < 3:
                break
        require(len(counts) <= symbol + 1, "DELTA-7", "a table of the zstd frame has too many symbols")
    end = start + (at + 7) // 8
    require(left == 0 and end <= len(data), "DELTA-7", "a table of the zstd frame is malformed")
    return _spread(log, counts), end


def huffman_tree(data: bytes) -> tuple[Table, int]:
    """The tree that begins there, as a table from bits to a symbol and the bits of its code; where it ends."""
    first = data[0]
    if first < 128:
        require(1 + first <= len(data), "DELTA-7", "the zstd frame ends too early")
        weights, end = _packed_weights(data[1 : 1 + first]), 1 + first
    else:
        count = first - 127
        end = 1 + (count + 1) // 2
        require(end <= len(data), "DELTA-7", "the zstd frame ends too early")
        weights = [half for byte in data[1:end] for half in (byte >> 4, byte & 15)][:count]
    total = sum(1 << weight - 1 for weight in weights if weight)
    log = total.bit_length()
    rest = (1 << log) - total
    whole = 0 < log <= _LONGEST and rest & rest - 1 == 0 and len(weights) < 256
    require(whole, "DELTA-7", "a Huffman tree of the zstd frame is malformed")
    weights.append(rest.bit_length())
    states: list[tuple[int, int, int]] = []
    for weight in range(1, log + 1):
        for symbol, its in enumerate(weights):
            if its == weight:
                states += [(symbol, log + 1 - weight, 0)] * (1 << weight - 1)
    return Table(states, log), end


def _packed_weights(data: bytes) -> list[int]:
    """Weights that two FSE states give in turns."""
    table, at = distribution(data, 0, 6, 255)
    bits = BackwardBits(data[at:])
    states = [bits.read(table.log), bits.read(table.log)]
    weights: list[int] = []
    while len(weights) < 256:
        symbol, more, least = table.states[states[0]]
        weights.append(symbol)
        if bits.left < more:
            return [*weights, table.states[states[1]][0]]
        states = [states[1], least + bits.read(more)]
    raise Fault("DELTA-7", "a Huffman tree of the zstd frame has too many symbols")


def literals(tree: Table, section: bytes, size: int, streams: int) -> bytes:
    """What one stream of codes, or four, stand for. Raises Fault."""
    if streams == 1:
        return _decoded(tree, section, size)
    ends = [int.from_bytes(section[at : at + 2], "little") for at in (0, 2, 4)]
    each, out, at = (size + 3) // 4, b"", 6
    fits = len(section) > 6 + sum(ends) and size >= 3 * each
    require(fits, "DELTA-7", "the literals of the zstd frame are malformed")
    for i in range(4):
        end = at + ends[i] if i < 3 else len(section)
        out += _decoded(tree, section[at:end], each if i < 3 else size - 3 * each)
        at = end
    return out


def _decoded(tree: Table, data: bytes, size: int) -> bytes:
    bits = BackwardBits(data)
    log, left = tree.log, bits.left
    symbols, lengths = [state[0] for state in tree.states], [state[1] for state in tree.states]
    padded, left = b"\0\0" + data, left + 16  # so that bits may be looked at which lie before the first
    out, mask = bytearray(), (1 << log) - 1
    for _ in range(size):
        at = left - log
        code = int.from_bytes(padded[at >> 3 : (at >> 3) + 4], "little") >> (at & 7) & mask
        out.append(symbols[code])
        left -= lengths[code]
        if left < 16:
            break
    require(left == 16 and len(out) == size, "DELTA-7", "the literals of the zstd frame are malformed")
    return bytes(out)
