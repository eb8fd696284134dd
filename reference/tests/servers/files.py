"""A web server in this process, over objects in memory: it gives ranges, and says what it was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping

from .faults import Answer, Asked, Proxy


class Sparse:
    """An object of zeros, but for the stretches that are given by their offsets: of any size, and in no memory."""

    def __init__(self, size: int, stretches: Mapping[int, bytes]) -> None:
        self._size, self._stretches = size, stretches

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        found = bytearray(stop - start)
        for at, data in self._stretches.items():
            first, last = max(at, start), min(at + len(data), stop)
            if first < last:
                found[first - start : last - start] = data[first - at : last - at]
        return bytes(found)


Object = bytes | Sparse


class WebFiles(Proxy):
    """Objects by their paths, each with an ETag of its own that changes when another takes its place."""

    def __init__(self, objects: MutableMapping[str, Object]) -> None:
        self.objects = objects
        super().__init__("", lambda ask: self._give)

    def _give(self, asked: Asked) -> Answer:
        found = self.objects.get(asked.path.partition("?")[0])
        if found is None:
            return Answer(404, {}, b"")
        size = len(found)
        etag = f'"{id(found):x}"'
        headers = {"ETag": etag, "Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT", "Accept-Ranges": "bytes"}
        asked_headers = {name.lower(): value for name, value in asked.headers.items()}
        if asked_headers.get("if-match", etag) != etag:
            return Answer(412, headers, b"")
        if asked.method == "HEAD":
            return Answer(200, {**headers, "Content-Length": str(size)}, b"")
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", asked_headers.get("range", ""))
        if wanted is None:
            return Answer(200, headers, found[:size])
        first, last = wanted.groups()
        start = int(first) if first else max(0, size - int(last))
        stop = min(int(last) + 1, size) if first and last else size
        if start >= size:
            return Answer(416, {**headers, "Content-Range": f"bytes */{size}"}, b"")
        return Answer(206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}, found[start:stop])

    def ranges(self, path: str) -> list[tuple[int, int]]:
        """The ranges that were asked for of an object, as (offset, end)."""
        found = []
        for asked in self.asked:
            wanted = re.search(r"bytes=(\d+)-(\d+)", str(asked.headers))
            if asked.path == path and wanted is not None:
                found.append((int(wanted[1]), int(wanted[2]) + 1))
        return found
