"""Invariant: all readers accept or refuse any bytes alike, and find the same values, save for what is explained.

The readers are the reference, the clients in C and JavaScript, and the usual loop of msgpack and flax. `explained.toml`
lists, clause by clause, what the loop accepts though the specification refuses it. A sealed stream is given to those
that know of seals, and to the loop.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fuzz.findings import Broken
from fuzz.peers.answers import Answer, Peer, Reference, difference
from fuzz.peers.loop import Loop
from fuzz.peers.programs import c_client, javascript_client
from fuzz.peers.sealer import MARK

KIND = "any"
WEIGHT = 2.5
MEMORY = 6 << 30  # of the loop, which believes counts
_TABLES: Final = tomllib.loads((Path(__file__).parents[1] / "explained.toml").read_text())
EXPLAINED: Final[dict[str, str]] = _TABLES["accepts"]
UNKNOWN: Final[dict[str, str]] = _TABLES["knows nothing of"]
OPTIONAL: Final = ("INDEX-8", "INDEX-9")  # what a reader by the index MAY leave out, and others compare
_REFERENCE: Final = Reference()
PEERS: Final[list[Peer]] = [peer for peer in (c_client(), javascript_client(), Loop()) if peer is not None]


def check(data: bytes) -> None:
    check_peers(data, PEERS)


def check_peers(data: bytes, peers: Sequence[Peer]) -> None:
    for flax in (False, True) if data[:1] >= b"\x80" else (False,):
        wanted = _REFERENCE.decode(data, flax)
        for peer in peers:
            if peer.version == "1.0" and data.startswith(MARK):
                continue
            found = peer.decode(data, flax)
            if (fault := disagreement(peer.name, wanted, found)) is not None:
                raise Broken(f"{'flax file' if flax else 'stream'}: {fault}")


def disagreement(name: str, wanted: Answer, found: Answer) -> str | None:
    """In what a reader differs from the reference, unless that is explained."""
    if found.records is None:
        if wanted.records is None or found.clause in OPTIONAL:
            return None
        return f"{name} refuses what the reference accepts: {found.why}"
    if wanted.records is None:
        if name == Loop.name and (wanted.in_seal or _is_explained(wanted.clause or "")):
            return None
        return f"{name} accepts what the reference refuses: {wanted.why}"
    fault = difference(wanted.records, found.records)
    return None if fault is None else f"{name} reads another value than the reference: {fault}"


def _is_explained(clause: str) -> bool:
    return clause in EXPLAINED or clause.split("-")[0] in UNKNOWN
