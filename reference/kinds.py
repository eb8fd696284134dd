"""What kind of file this is, told from its first bytes (spec CONV-6)."""

from __future__ import annotations

from typing import Final, NoReturn

from .errors import WrongKind
from .wire import Source

STREAM, FLAX, SAFETENSORS, DELTA = "stream", "standard flax file", "safetensors file", "delta"
UNKNOWN: Final = "file of an unknown kind"
# DELTA-1: "A delta begins with its mark: an array of a key path of the two parts `streamckpt-delta` and `1.0`, and a
#           str."
DELTA_NAME: Final = b"\x92\x92\xb0streamckpt-delta"
MAX_HEADER: Final = 100_000_000  # bytes of a safetensors header, the limit of its library

_ADVICE: Final = {
    "empty file": "a save or a copy of it has failed; get it again",
    STREAM: "use params::, trainstate:: or trainstate_params::",
    FLAX: "use flax::",
    SAFETENSORS: "use safetensors::",
    DELTA: "recover its target first, with its base: python -m reference.diff --recover_diff=True "
    "--load_base_checkpoint=BASE --load_target_checkpoint=DELTA --output_file=TARGET",
    "pickle": "it can run any code when it is opened; convert it to safetensors where it came from",
    "zip archive (a torch .pth or a numpy .npz)": "convert it to safetensors where it came from",
    "gzip archive": "unpack it first: gunzip, or tar xzf",
    "compressed file": "unpack it first",
    "numpy .npy or HDF5 file": "it is no checkpoint of this family; save its arrays with reference.save",
    "JSON text": "if it is the answer to a failed download, download again; if an index of shards, name a shard",
    "git-lfs pointer": "the weights themselves have not been fetched: git lfs pull",
    "HTML or XML page": "a download has failed and its error page was saved; download it again",
    "file of zeros": "a download or copy has not been completed; get it again",
    UNKNOWN: "a checkpoint is a stream, a flax file or a safetensors file",
}


def begins_as(source: Source, kind: str) -> bool:
    """Whether the first bytes are those of a STREAM, FLAX, SAFETENSORS or DELTA; they may be those of two."""
    head = source.read_at(0, min(source.size, len(DELTA_NAME)))
    if kind == DELTA:
        return head == DELTA_NAME
    if kind == STREAM:
        return head.startswith((b"\x92", b"\xdc\x00\x02", b"\xdd\x00\x00\x00\x02"))
    if kind == FLAX:
        return head[:1] != b"" and (head[0] & 0xF0 == 0x80 or head[0] in (0xDE, 0xDF)) and not _is_pickle(head)
    if kind == SAFETENSORS:
        limit = min(source.size - 8, MAX_HEADER)
        return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= limit
    return False


def _is_pickle(head: bytes) -> bool:
    return head[:2] in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")


# CONV-6: "The kind of a file is recognised from its first bytes."
def kind_of(source: Source) -> str:
    """STREAM, FLAX, SAFETENSORS, DELTA, or the name of what else it is."""
    head = source.read_at(0, min(source.size, 512))
    if not head:
        return "empty file"
    for kind in (SAFETENSORS, DELTA, STREAM, FLAX):
        if begins_as(source, kind):
            return kind
    if _is_pickle(head):
        return "pickle"
    if head.startswith(b"PK"):
        return "zip archive (a torch .pth or a numpy .npz)"
    if head.startswith(b"\x1f\x8b"):
        return "gzip archive"
    if head.startswith((b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh")):
        return "compressed file"
    if head.startswith((b"\x93NUMPY", b"\x89HDF")):
        return "numpy .npy or HDF5 file"
    if head.startswith(b"version https://git-lfs"):
        return "git-lfs pointer"
    if head.lstrip()[:1] in (b"{", b"["):
        return "JSON text"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "HTML or XML page"
    if not any(head):
        return "file of zeros"
    return UNKNOWN


def article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' or kind.startswith('HTML') else 'a'} {kind}"


_CLAUSE: Final = {STREAM: "REC-1", FLAX: "FLAX-1", SAFETENSORS: "CONV-6", DELTA: "DELTA-1"}


def refuse(found: str, wanted: str | None = None, more: str = "", first: str = "") -> NoReturn:
    """Raise WrongKind for a file of kind `found` where one of kind `wanted`, or any checkpoint, is due.

    `more` is what else is known of it, and `first` what is to be done before all else.
    """
    clause = _CLAUSE.get(wanted or "", "CONV-6")
    if found == "empty file" and clause != "FLAX-1":  # FLAX-1 speaks of an empty input itself
        clause = "STREAM-3"
    detail = f"this is {article(found)}{more}"
    if wanted and found != "empty file":
        detail += f", not {article(wanted)}"
    error = WrongKind(clause, 0, None, detail, first + _ADVICE[found])
    error.kind = found
    raise error
