"""The reference as a client: `reference_client.py PART ...` plays all parts of CLIENT.md.

python -m conformance run --decoder 'python conformance/clients/reference_client.py decode' ...
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import sealed_protocol
from protocol import Rejected, read_asked, record_of, serve, tree_of

import reference
from reference.checkpoints.leaf_items import item_of
from reference.convert import convert
from reference.differences.exact_difference import diff
from reference.differences.exact_recovery import recover
from reference.format.errors import FormatError
from reference.format.flax_msgpack import flax_steps
from reference.format.keypaths import display, parse
from reference.format.payloads import write_steps
from reference.format.sealing import SealOptions, sealed_steps
from reference.format.streams import stream_steps
from reference.format.trees import flatten
from reference.verify import verify

PIECE = 1 << 20  # bytes of a leaf that are read at a time
LARGEST = 1 << 30  # bytes that are written at a time


def decode(path: str | None = None, prefix: str | None = None) -> dict[str, Any]:
    """What a decoder prints of a file, or of standard input: the reference reads files, so that is copied to one."""
    with contextlib.ExitStack() as stack:
        if path is None:
            spool = stack.enter_context(tempfile.NamedTemporaryFile(prefix="streamckpt-"))
            shutil.copyfileobj(sys.stdin.buffer, spool, PIECE)
            spool.flush()
            path = spool.name
        checkpoint = stack.enter_context(reference.open(path, prefix, any_kind=False, dialect="strict"))
        printed: dict[str, Any] = {"records": [_printed(checkpoint, record) for record in checkpoint.records]}
        if (seal := checkpoint.contents.seal) is None:
            return printed
        verify(checkpoint)  # of the whole: the checksum of all records, and the digests
        for record, sums in zip(printed["records"], seal.index.columns.sums_of_leaves(), strict=True):
            record["checksums"] = [sums[at : at + 4].hex() for at in range(0, len(sums), 4)]
        index = seal.index
        printed["seal"] = {
            "version": checkpoint.version,
            "alignment": str(index.alignment),
            "checksum": f"{index.checksum:08x}",
            "metadata": sealed_protocol.printed(index.metadata),
            "digests": None if index.digests is None else index.digests.hex(),
        }
        return printed


def _printed(checkpoint: reference.Checkpoint, record: reference.Record) -> dict[str, Any]:
    shown = {"display": display(record.path)}
    if record.nbytes <= PIECE:
        return record_of(record.path, checkpoint[record.path]) | shown
    digest = hashlib.sha256()
    for at, n in record.extents():
        for done in range(0, n, PIECE):
            digest.update(checkpoint.source.read_at(at + done, min(PIECE, n - done)))
    printed = {"path": list(record.path), "kind": record.kind, "sha256": digest.hexdigest()} | shown
    if record.dtype is None:
        return printed | {"bytes": str(record.nbytes)}
    return printed | {"dtype": record.dtype.name, "shape": [str(n) for n in record.shape]}


def encode(asked: dict[str, Any], sink: Any, flax: bool = False) -> None:
    """Write the canonical bytes of what an encoder gets to a sink."""
    tree = tree_of(asked["records"], _parse)
    items = [item_of(path, value) for path, value in flatten(tree, asked["empty_nodes"] == "keep")]
    if asked.get("format") == "2.0" and not flax:
        write_steps(sink, sealed_steps(items, _options(asked)))
    else:
        write_steps(sink, (flax_steps if flax else stream_steps)(items))


def _options(asked: dict[str, Any]) -> SealOptions:
    """How an encoder is to seal a stream."""
    alignment = asked.get("alignment", "64")
    if not isinstance(alignment, str) or not alignment.isdecimal() or len(alignment) > 9:
        raise Rejected(f"{str(alignment)[:40]!r} is not an alignment", clause="ALIGN-5")
    metadata = sealed_protocol.given(asked.get("metadata", {"kind": "map", "value": []}))
    return SealOptions(metadata, int(alignment), asked.get("digests") is True)


def _parse(text: str) -> tuple[str, ...]:
    try:
        return parse(text)
    except ValueError as error:
        raise Rejected(str(error), clause="KEY-6") from None


class _Output:
    """Standard output as a sink."""

    def write(self, data: bytes | memoryview) -> None:
        for at in range(0, len(data), LARGEST):  # a pipe takes less than 2 GiB at a time
            sys.stdout.buffer.write(data[at : at + LARGEST])

    def copy_from(self, source: Any, offset: int, n: int) -> None:
        self.write(source.read_at(offset, n))


def _flags(arguments: tuple[str, ...], *names: str) -> Iterator[Any]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}")
    found = parser.parse_args(arguments)
    yield from (getattr(found, name) for name in names)


def _convert(*arguments: str) -> None:
    names = ("load_checkpoint", "output_file", "streaming", "float_dtype", "format")
    source, output, streaming, dtype, version = _flags(arguments, *names)
    # Where a stream is sealed it is so in one way, whatever the input has (CLIENT.md).
    seal: dict[str, Any] = {"alignment": 64, "digests": False} if version == "2.0" else {}
    report = convert(
        source, output, streaming=streaming == "True", float_dtype=dtype, dialect="strict", format=version, **seal
    )
    print(f"{report.overflowed} finite values became infinite")


def _diff(*arguments: str) -> None:
    names = ("load_base_checkpoint", "load_target_checkpoint", "output_file", "streaming")
    base, target, output, _ = _flags(arguments, *names)
    diff(base, target, output)


def _recover(*arguments: str) -> None:
    names = ("recover_diff", "load_base_checkpoint", "load_target_checkpoint", "output_file", "streaming", "format")
    _, base, delta, output, streaming, version = _flags(arguments, *names)
    recover(base, delta, output, streaming=streaming == "True", format=version)


def telling(part: Callable[..., Any]) -> Callable[..., Any]:
    """The part, in which the reference's error is a rejection."""

    def told(*arguments: Any) -> Any:
        try:
            return part(*arguments)
        except reference.UsageError as error:  # a load prefix or a dtype that does not exist
            raise Rejected(str(error), clause=error.clause) from None
        except FormatError as error:
            known: dict[str, Any] = {"clause": error.clause}
            if error.offset is not None:
                known["offset"] = str(error.offset)
            if error.path is not None:
                known["path"] = list(error.path)
            raise Rejected(error.detail, **known) from None

    return told


PARTS = {
    "decode": decode,
    "encode": lambda: encode(read_asked(sys.stdin), _Output()),
    "flax-decode": lambda path=None: decode(path, "flax::"),
    "flax-encode": lambda: encode(read_asked(sys.stdin), _Output(), flax=True),
    "convert": _convert,
    "diff": _diff,
    "recover": _recover,
}

if __name__ == "__main__":
    sys.exit(serve({name: telling(part) for name, part in PARTS.items()}))
