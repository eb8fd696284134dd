"""The metadata of a safetensors file that becomes another one (CONV-9), and what else is in the way of a file that is
read and written as safetensors."""

from __future__ import annotations

import json
from typing import Any, Final

from ..assembly import Bytes, ndarray_, record_
from ..cases.conversion_kinds import safetensors_
from ..cases.conversion_safetensors import entry_
from ..declare import Conversion
from .product import Plain, product
from .sizes import Size, sizes

_THERE: Final = Conversion("safetensors", via="safetensors")
_W: Final = entry_("w", "F32", "[1]", 0, 4)
_PAYLOAD: Final = "00 80 80 3f"


def _convert(_: Any) -> str:
    return "convert"


def _kept(
    metadata: dict[str, str], asked: Conversion = _THERE, escaped: bool = False, behind: bool = False
) -> tuple[Conversion, Bytes, Bytes]:
    """A tensor and this metadata, and the stream of the tensor, which is read back in the end."""
    member = '"__metadata__":' + json.dumps(metadata, ensure_ascii=escaped)
    header = "{" + ",".join((_W, member) if behind else (member, _W)) + "}"
    array = ndarray_("bfloat16", (1,), "80 3f") if asked.float_dtype else ndarray_("float32", (1,), _PAYLOAD)
    return asked, safetensors_(header, _PAYLOAD), record_("w", array)


_WHERE: Final = (
    Plain("name", "the name of an entry is"),
    Plain("value", "the value of an entry is"),
)
_TEXTS: Final = (
    Plain("empty", "empty", ""),
    Plain("blank", "a blank", " "),
    Plain("blanks-around", "a letter with blanks, a tab and line ends around it", " \t\r\na \n"),
    Plain("quotes", "quotes and backslashes", '"\\"\\\\"'),
    Plain("spelled-escape", "a backslash, and what would be an escape behind it", "\\u0041\\n"),
    Plain("nul", "two letters with a NUL between them", "a\0b"),
    Plain("controls", "every control character", "".join(map(chr, range(0x20))) + "\x7f\x80\x9f"),
    Plain("line-separators", "the line and paragraph separators of Unicode", "\u2028\u2029\u0085"),
    Plain("e-acute", "an e with its accent", "é"),
    Plain("e-and-acute", "an e, and an accent that combines with it", "e\u0301"),
    Plain("hangul", "the letters of a syllable of Hangul", "\u1112\u1161\u11ab"),
    Plain("ligature", "letters that compatibility would equate with others", "\ufb01\uff21\u2460ß"),
    Plain("astral", "letters beyond U+FFFF", "\U0001f600\U00010000\U0010ffff"),
    Plain("not-characters", "U+FEFF, U+FFFD, U+FFFE and U+FFFF", "\ufeffa\ufffd\ufffe\uffff"),
    Plain("json", "an object in JSON, with blanks", '{"a": [1, 2.0, null, "b"] }'),
    Plain("null", "null", "null"),
    Plain("number", "digits", "01.50"),
    Plain("name-of-the-tensor", "the name of the tensor", "w"),
    Plain("dtype", "dtype", "dtype"),
    Plain("offsets", "data_offsets", "data_offsets"),
    Plain("metadata", "__metadata__", "__metadata__"),
    Plain("path", "two words with a dot between them", "a.b"),
    Plain("format", "format", "format"),
    Plain("safetensors", "safetensors", "safetensors"),
)


@product("CONV-9", want="accept", places=_WHERE, sizes=_TEXTS, part=_convert)
def metadata_of_every_text(where: Plain, text: Plain):
    """From one safetensors file to another the metadata is kept, whatever its texts are. Nothing is asked of the order
    of its entries, nor of how they are spelled in JSON."""
    entry = {text.value: "a"} if where.name == "name" else {"a": text.value}
    return _kept({"first": "1", **entry, "last": "2"})


_FORMATS: Final = (
    *(Plain(name, repr(name), name) for name in ("pt", "flax", "np", "mlx")),
    Plain("upper-case", "'PT'", "PT"),
    Plain("empty", "an empty text", ""),
)


@product("CONV-9", want="accept", places=_FORMATS, part=_convert)
def format_is_kept(name: Plain, _: Plain):
    """The metadata says whose names the tensors have, and the converter keeps the names."""
    return _kept({"format": name.value})


_LENGTHS: Final = sizes("letters", (31, 32, 127, 128, 255, 256, 1023, 4096, 65_536, 100_003))


@product("CONV-9", want="accept", places=_WHERE, sizes=_LENGTHS, part=_convert)
def metadata_of_every_length(where: Plain, size: Size):
    """The name or the value of an entry has so many letters, each of two bytes."""
    text = ("äöü" * size.n)[: size.n]
    return _kept({text: "a", "b": "c"} if where.name == "name" else {"a": text, "b": "c"})


_COUNTS: Final = sizes("entries", (0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 5000))


@product("CONV-9", want="accept", places=(Plain("", ""),), sizes=_COUNTS, part=_convert)
def metadata_of_every_count(_: Plain, size: Size):
    """There are so many entries, in an order that is not that of their names."""
    return _kept({f"{(7919 * i) % 10_007:05}": f"text {i}" for i in range(size.n)})


_WAYS: Final = (
    Plain("behind-the-tensors", "the metadata is the last member of the header", {"behind": True}),
    Plain("escaped", "what is not ASCII stands in escapes", {"escaped": True}),
    Plain("recognised", "the kind of the file is recognised (CONV-6)", {"asked": Conversion(None, via="safetensors")}),
    Plain(
        "cast",
        "the tensor is cast on the way",
        {"asked": Conversion("safetensors", via="safetensors", float_dtype="bf16")},
    ),
)


@product("CONV-9", want="accept", places=_WAYS, part=_convert)
def metadata_in_every_way(way: Plain, _: Plain):
    """Several entries, whichever way they come and go."""
    return _kept({"b": "é\U0001f600", "format": "pt", "a": ""}, **way.value)
