"""Files that are often taken for checkpoints of this family: how to recognise them, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ..format.errors import WrongKind


class Foreign(NamedTuple):
    """A kind of file that is refused by name; `begins` is that of a `Container`."""

    kind: str
    begins: Callable[[bytes, int], bool]
    advice: str


def is_pickle(head: bytes, size: int) -> bool:
    """Whether a file begins as a pickle of protocol 2 to 5 does."""
    return head[:2] in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")


def is_text(head: bytes, size: int) -> bool:
    """Whether a whole file is a few lines that a person can read, as servers send them with an error."""
    try:
        text = head.decode() if size == len(head) else ""
    except UnicodeDecodeError:
        return False
    return bool(text) and all(char.isprintable() or char.isspace() for char in text)


def _is_of_orbax(head: bytes, size: int) -> bool:
    """Whether a file is one of those that orbax writes into a folder: of tensorstore, or about it."""
    return head.startswith(_ORBAX) or (head.startswith(b'{"') and b'\\"sharding_type\\"' in head)


def _is_torch_index(head: bytes, size: int) -> bool:
    """Whether a file is pytorch_model.bin.index.json, which names pickles."""
    return head.lstrip(_BLANKS).startswith(b"{") and b'"weight_map"' in head and b'.bin"' in head


_ORBAX: Final = (
    *(b"\x0c\xdb:*", b"\x0c\xdb \xde"),  # OCDBT, the store of arrays
    *(b'{"tree_metadata"', b'{"item_handlers"', b'{"array_metadatas"', b"Checkpoint commit was successful to "),
)
_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"  # and the mark of UTF-8
_HDF: Final = b"\x89HDF"
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def is_no_map(head: bytes, size: int) -> bool:
    """Whether a file that begins with a byte of a map is of another kind by what follows: no text is its first key."""
    return is_pickle(head, size) or head.startswith((_HDF, _PNG))


def _starts(*beginnings: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head.startswith(beginnings)


EMPTY: Final = "empty file"
UNKNOWN: Final = "file of an unknown kind"
_ELSEWHERE: Final = "convert it to safetensors where it came from"
_TORCH: Final = re.compile(r"pytorch_model([.-].*)?\.bin(\.index\.json)?")  # what transformers wrote before
_TORCH_ADVICE: Final = "load the model with transformers, and save it with save_pretrained, which writes safetensors"

# In the order in which they are tried, after the containers.
FOREIGN: Final = (
    Foreign(
        "pickle",
        is_pickle,
        f"it can run any code when it is opened; {_ELSEWHERE}",
    ),
    Foreign("zip archive (a torch .pth or a numpy .npz)", _starts(b"PK"), _ELSEWHERE),
    Foreign("gzip archive", _starts(b"\x1f\x8b"), "unpack it first: gunzip, or tar xzf"),
    Foreign("compressed file", _starts(b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh"), "unpack it first"),
    Foreign(
        "numpy .npy or HDF5 file",
        _starts(b"\x93NUMPY", _HDF),
        "it is not a checkpoint; save its arrays with streamckpt.save",
    ),
    Foreign(
        "picture",
        _starts(_PNG, b"\xff\xd8\xff", b"GIF8"),
        "it holds no tensors; name the checkpoint itself",
    ),
    Foreign(
        "git-lfs pointer",
        _starts(b"version https://git-lfs"),
        "the weights themselves have not been fetched: git lfs pull",
    ),
    Foreign(
        "file of an orbax folder",
        _is_of_orbax,
        "name the folder that it is in: orbax::FOLDER",
    ),
    Foreign("index of PyTorch files", _is_torch_index, _TORCH_ADVICE),
    Foreign(
        "JSON text",
        lambda head, size: head.lstrip(_BLANKS)[:1] in (b"{", b"["),
        "if a failed download left it, download the file again; an index of shards has a name that ends in .index.json",
    ),
    Foreign(
        "HTML or XML page",
        lambda head, size: head.lstrip(_BLANKS).startswith(b"<"),
        "a download has failed and its error page was saved; download it again",
    ),
    Foreign(
        "file of zeros",
        lambda head, size: not any(head),
        "a download or copy has not been completed; get it again",
    ),
    Foreign("GGUF file", _starts(b"GGUF"), "convert the model that it was made from; its weights are mostly quantised"),
    Foreign(
        "short text",
        is_text,
        "if a server sent it in place of the file (a missing file, a model that needs a login), download that again",
    ),
    Foreign(UNKNOWN, lambda head, size: True, "a checkpoint is a stream, a flax file or a safetensors file"),
)


def refuse_torch(folder: str, names: Sequence[str]) -> None:
    """Refuse a folder whose files, of these names, are of PyTorch. Raises WrongKind (CONV-6)."""
    if found := [name for name in names if _TORCH.fullmatch(name)]:
        more = f" and {len(found) - 1} more" if found[1:] else ""
        detail = f"this folder holds a model in PyTorch's files, {found[0]}{more}"
        error = WrongKind("CONV-6", None, None, detail, _TORCH_ADVICE)
        error.file = folder
        raise error
