"""The text that registers the media types of the format (RFC 6838)."""

from __future__ import annotations

from .data import hexadecimal, load
from .magic import DELTA, SEAL, SEALED, STREAM, beginnings

_HEAD = """# Media types

What would be registered for the files of this format, by the template of RFC 6838. It has not been submitted.
`python -m conformance.format --write` makes this page of `format.toml`; `streamckpt.magic` beside it is an entry for
libmagic, and `streamckpt.xml` one for the shared MIME database.
"""
_BODY = """
## `{kind}`

- Type name: application
- Subtype name: {subtype}
- Required parameters: none
- Optional parameters: `version`, the version of the specification, such as `{version}`
- Encoding considerations: binary
- Security considerations: a file holds numbers and texts, and nothing that is run. Its lengths and counts are not to be
  believed before they have been compared with the bytes that there are (CONF-4). {safety}
- Interoperability considerations: {others}
- Published specification: {chapters}
- Applications that use this media type: trainers and converters of models in JAX
- Fragment identifier considerations: none
- Magic numbers: {magic}
- File extensions: {extension}
- Macintosh file type code: none
- Intended usage: common
- Restrictions on usage: none
- Change controller: the maintainers of the specification
"""


def registration() -> str:
    """The page."""
    names = load("2.0")["names"]
    mark, signature = names["mark"], names["signature"]
    plain = ", or ".join(f"`{start.hex(' ')}`" for start in beginnings("stream") if start != hexadecimal(mark))
    no_proof = "A checksum finds accidents, and does not prove who made a file."
    rows = [
        (
            STREAM,
            "1.0",
            "A plain stream that was cut off between two records cannot be told from a whole one (STREAM-2).",
            "loaders of streams differ at the edges; the specification says what each has to take and to refuse",
            "chapters 00 to 07 of version 1.0",
            f"{plain} at byte 0",
            "none; files are called `streaming_params` and the like",
        ),
        (
            SEALED,
            "2.0",
            no_proof,
            "a loader of plain streams takes the seal for the end of its input, and reads the same tree",
            "chapters 11 to 16 of version 2.0",
            f"`{mark}` at byte 0 and `{signature}` at the end",
            "as of plain streams",
        ),
        (
            SEAL,
            "2.0",
            no_proof,
            "it means nothing without the file that it is kept beside",
            "chapter 17 of version 2.0",
            f"`{signature}` at the end",
            f"`{names['detached']}`",
        ),
        (
            DELTA,
            "1.0",
            "The base is named by a digest, which is compared before anything is written (DELTA-11).",
            "every loader of streams refuses it at its first value",
            "chapter 10 of version 1.0",
            f"`{beginnings('delta')[0].hex(' ')}` at byte 0",
            "`.delta`",
        ),
    ]
    keys = ("kind", "version", "safety", "others", "chapters", "magic", "extension")
    told = [dict(zip(keys, row, strict=True)) for row in rows]
    return _HEAD + "".join(_BODY.format(subtype=row["kind"].partition("/")[2], **row) for row in told)
