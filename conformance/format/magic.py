"""What tells a file by its bytes: an entry for libmagic, and one for the shared MIME database."""

from __future__ import annotations

from typing import Any, Final

from .data import Header, headers, hexadecimal, load

STREAM: Final = "application/vnd.streamckpt"
SEALED: Final = "application/vnd.streamckpt.sealed"
SEAL: Final = "application/vnd.streamckpt.seal"
DELTA: Final = "application/vnd.streamckpt.delta"
FLAX: Final = "application/x-flax-msgpack"
TITLES: Final = {
    STREAM: "streamckpt plain stream",
    SEALED: "streamckpt sealed stream",
    SEAL: "streamckpt detached seal",
    DELTA: "streamckpt delta",
    FLAX: "flax msgpack file",
}
_MADE: Final = "Made from spec/1.0/format.toml and spec/2.0/format.toml by `python -m conformance.format --write`."


def beginnings(kind: str) -> list[bytes]:
    """CONV-6: the first bytes of a kind of file; where they are a range, each of it."""
    found = []
    for text in next(row for row in load("1.0")["files"] if row["kind"].startswith(kind))["begins"]:
        low, _, high = text.partition("-")
        found += [bytes([n]) for n in range(int(low, 16), int(high, 16) + 1)] if high else [hexadecimal(text)]
    return found


def behind(kind: str) -> list[Header]:
    """The first bytes of the values of a kind, but for those without content."""
    return [header for header in headers() if header.kind == kind and header.number != 0]


def _entries() -> range:
    """INDEX-1: how many entries an index may have."""
    rows = load("2.0")["index"]
    return range(sum(not row.get("optional") for row in rows), len(rows) + 1)


def _width(header: Header) -> int:
    return 1 + (int(header.number[1:]) if isinstance(header.number, str) else 0)


def magic() -> str:
    """The entry for libmagic (`file -m streamckpt.magic`)."""
    names = load("2.0")["names"]
    signature, mark = hexadecimal(names["signature"]), hexadecimal(names["mark"])
    lines = [
        f"# {_MADE}",
        "",
        "# A str: what a part of a key path, or a key of a map, begins with. It prints what the file is.",
    ]
    for name, title in (("stream", TITLES[STREAM]), ("flax", TITLES[FLAX])):
        mime = STREAM if name == "stream" else FLAX
        lines += ["", f"0\tname\tstreamckpt-{name}-text"]
        for header in _merged(headers(), "str"):
            lines += [f">0\t{header}\t\t{title}", f"!:mime\t{mime}"]
    lines += ["", "# A key path of one or more parts.", "0\tname\tstreamckpt-path"]
    for width, tests in _by_width(behind("array")):
        lines += [line for test in tests for line in (f">0\t{test}\t\t", f">>{width}\tuse\tstreamckpt-stream-text")]
    lines += ["", "# A delta begins with its mark, which a stream might begin with, too, but for its length."]
    delta = beginnings("delta")[0]
    lines += [f"0\tstring\t{_escaped(delta)}\t{TITLES[DELTA]}", f"!:mime\t{DELTA}", "!:strength +200"]
    lines += [
        "",
        "# A sealed stream begins with the mark and ends with the signature of its footer; a seal beside a plain",
    ]
    lines += ["# stream begins with the map of its index."]
    ended = f">-16\tstring\t{_escaped(signature)}"
    lines += [f"0\tstring\t{_escaped(mark)}", "!:strength +100", f"{ended}\t{TITLES[SEALED]}", f"!:mime\t{SEALED}"]
    for first in [header.first for header in headers() if header.kind == "map" and header.number in _entries()]:
        lines += [f"0\tubyte\t{first:#04x}", "!:strength +100", f"{ended}\t{TITLES[SEAL]}", f"!:mime\t{SEAL}"]
    lines += ["", "# A plain stream: the header of a record, and a key path."]
    for start in beginnings("stream"):
        lines += [f"0\tstring\t{_escaped(start)}", f">{len(start)}\tuse\tstreamckpt-path"]
    lines += ["", "# A flax file: a map of one or more entries, the first of which has a text for its key."]
    for width, tests in _by_width(behind("map")):
        lines += [line for test in tests for line in (f"0\t{test}", f">{width}\tuse\tstreamckpt-flax-text")]
    return "\n".join(lines) + "\n"


def _by_width(found: list[Header]) -> list[tuple[int, list[str]]]:
    widths = sorted({_width(header) for header in found})
    return [(width, _tests([h.first for h in found if _width(h) == width])) for width in widths]


def _merged(found: Any, kind: str) -> list[str]:
    return _tests([header.first for header in found if header.kind == kind])


def _tests(firsts: list[int]) -> list[str]:
    """Tests of libmagic for these first bytes: of a run that a mask tells in one, of the others one each."""
    tests, left = [], [*firsts]
    for bits in (5, 4):
        for low in {first >> bits for first in left}:
            block = list(range(low << bits, (low + 1) << bits))
            if set(block) <= set(left):
                tests.append(f"ubyte&{0xFF << bits & 0xFF:#04x}\t{low << bits:#04x}")
                left = [n for n in left if n not in block]
    return tests + [f"ubyte\t{first:#04x}" for first in left]


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def mime_info() -> str:
    """The entry for the shared MIME database (`streamckpt.xml`, for `update-mime-database`)."""
    names = load("2.0")["names"]
    mark = hexadecimal(names["mark"])
    globs = {
        STREAM: ["streaming_params", "streaming_params_*", "streaming_train_state", "streaming_train_state_*"],
        SEALED: [],
        SEAL: [f"*{names['detached']}"],
        DELTA: ["*.delta"],
        FLAX: ["flax_model*.msgpack"],
    }
    matches = {
        STREAM: [_nested(start, "array") for start in beginnings("stream") if start != mark],
        SEALED: [_match(0, mark)],
        SEAL: [],
        DELTA: [_match(0, beginnings("delta")[0])],
        FLAX: [_nested(bytes([header.first]), "str", _width(header)) for header in behind("map")],
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {_MADE.replace(' --write', ' -w')} -->"]
    lines += ['<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">']
    for kind, title in TITLES.items():
        lines += [f'  <mime-type type="{kind}">', f"    <comment>{title}</comment>"]
        priority = 80 if kind in (DELTA, SEALED) else 50
        if matches[kind]:
            lines += [f'    <magic priority="{priority}">', *matches[kind], "    </magic>"]
        lines += [f'    <glob pattern="{glob}"/>' for glob in globs[kind]]
        lines += ["  </mime-type>"]
    return "\n".join([*lines, "</mime-info>"]) + "\n"


def _match(offset: int, data: bytes, more: str = "/>", indent: int = 6) -> str:
    return f'{" " * indent}<match type="string" offset="{offset}" value="{_escaped(data)}"{more}'


def _nested(start: bytes, kind: str, offset: int | None = None) -> str:
    """A beginning, and behind it a value of a kind."""
    begin = len(start) if offset is None else offset
    found = [header for header in headers() if header.kind == "str"] if kind == "str" else behind(kind)
    inner = [_match(begin, bytes([header.first]), more="/>", indent=8) for header in found]
    return "\n".join([_match(0, start, more=">"), *inner, "      </match>"])
