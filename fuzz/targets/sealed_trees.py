"""Invariant: any tree is sealed as the text says, to the byte, and reads back equal, by an old loader too."""

from __future__ import annotations

from typing import Any

import reference
from fuzz.equality import same
from fuzz.findings import Broken
from fuzz.peers.sealer import Sealing, in_order, sealed
from fuzz.scales import at_scale
from fuzz.scratch import folder
from fuzz.sealed_reading import check_old_loader
from fuzz.strategies import sealed_trees
from reference.devices.states import flax_expansion
from reference.format.trees import flatten

WEIGHT = 1.5
VALUES = sealed_trees()
_FILE = folder() / "sealed"


def check(value: tuple[Any, Sealing]) -> None:
    tree, sealing = value
    leaves = dict(flatten(tree, False, flax_expansion()))
    wanted = sealed(leaves.items(), sealing)
    alignment, metadata, digests, scale = sealing
    with at_scale(scale):
        reference.save(
            _FILE, tree, format="2.0", alignment=alignment, metadata=metadata or None, digests=digests or None
        )
        if (data := _FILE.read_bytes()) != wanted:
            raise Broken(f"the text gives {wanted.hex()}, and the reference {data.hex()}")
        with reference.open(_FILE) as checkpoint:
            if not same(dict(checkpoint), leaves):
                raise Broken(f"what was written reads back as {dict(checkpoint)!r:.1000}")
            if not same(checkpoint.metadata, in_order(metadata)):
                raise Broken(f"the metadata reads back as {checkpoint.metadata!r:.1000}")
    check_old_loader(data, leaves, scale)
