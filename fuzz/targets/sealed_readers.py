"""Invariant: all readers of sealed streams accept or refuse any bytes alike, and find the same values.

What `agreement` holds for files of all kinds, for these alone: most are sealed again after they have been changed.
"""

from __future__ import annotations

from typing import Final

from fuzz.peers.answers import Peer
from fuzz.peers.programs import rust_client
from fuzz.targets.agreement import MEMORY as _MEMORY
from fuzz.targets.agreement import PEERS, check_peers

KIND = "published"
WEIGHT = 2.0
MEMORY = _MEMORY
_RUST: Final = rust_client()
_PEERS: Final[list[Peer]] = PEERS if _RUST is None else [_RUST, *PEERS]


def check(data: bytes) -> None:
    check_peers(data, _PEERS)
