"""The digest of a whole checkpoint, by which a delta names its base (spec DELTA-5)."""

from __future__ import annotations

from ..checkpoints.checkpoint import Checkpoint
from ..format.digests import tree_digest
from ..format.records import extents_of, item_in
from ..format.trees import depth_first
from ..storage.progress import Shown, shown
from ..storage.reading_ahead import expect
from ..storage.threads import workers
from .leaf_contents import digests_of


def digest_of_tree(checkpoint: Checkpoint, progress: Shown = False) -> bytes:
    """The tree digest of an opened checkpoint (DELTA-5), by which a delta names its base: all of it is read.

    `progress` is that of `convert`. Raises FormatError, OSError.
    """
    records = depth_first(checkpoint.records)
    items = [item_in(checkpoint.source, record) for record in records]
    expect(checkpoint.source, extents_of(records))
    with workers(None) as pool, shown(progress)("digest", sum(record.nbytes for record in records)) as moved:
        digests = digests_of(items, checkpoint.leaf_digests(), pool, moved)
    checkpoint.source.refuse_changes()
    return tree_digest(digests.values())
