"""What a writer of sealed streams puts before the payload of a record, made again so that the file can be compared."""

from __future__ import annotations

from ..format.aligned import is_padded, padded_blob
from ..format.leaves import Leaf
from ..format.parts import encode_record_path
from ..format.records import blob_parts
from ..format.seals import MARK, RECORD


class CanonicalHeads:
    """Makes heads. `alignment` is that of the stream, and None for a plain stream with a seal beside it; `keeps` says
    whether the leaves live as long as this: what stands before their arrays is then made once for all that are alike.
    """

    def __init__(self, alignment: int | None, keeps: bool) -> None:
        self._alignment, self._keeps = alignment, keeps
        self.blobs: dict[int, bytes] = {}  # of leaves that are not padded, by identity

    def head(self, start: int, path: tuple[str, ...], leaf: Leaf) -> bytes:
        """What stands before the payload of the record at offset `start`."""
        head = (RECORD if start or self._alignment is None else MARK) + encode_record_path(path)
        if self._alignment is not None and is_padded(leaf):
            return head + padded_blob(start + len(head), leaf, self._alignment)
        blob = self.blobs.get(id(leaf))
        if blob is None:
            blob = blob_parts(path, leaf)[0][0]
            if self._keeps:
                self.blobs[id(leaf)] = blob
        return head + blob
