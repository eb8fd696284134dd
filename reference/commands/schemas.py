"""What `--json` prints, as a JSON Schema for each verb: members may be added in later releases, and none goes."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_INT: Final[Schema] = {"type": "integer"}
_BOOL: Final[Schema] = {"type": "boolean"}
_PATH: Final[Schema] = {"type": "array", "items": _TEXT, "description": "a key path, its parts"}
_PATHS: Final[Schema] = {"type": "array", "items": _PATH}
_ANY: Final[Schema] = {}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


_LEAF: Final = {
    "kind": {**_TEXT, "description": "a kind of LEAF-1: ndarray, scalar, int, str, ..."},
    "dtype": {**_or_null(_TEXT), "description": "null for what is not an array"},
    "shape": _or_null(_list(_INT)),
    "bytes": {**_INT, "description": "of the payload"},
}
_ERROR: Final = {
    "detail": _TEXT,
    "clause": {**_or_null(_TEXT), "description": "the clause of the specification, such as STREAM-2"},
    "offset": {**_or_null(_INT), "description": "the byte of the file"},
    "path": _or_null(_PATH),
    "advice": _or_null(_TEXT),
}
_TOTALS: Final = _map(_object({"leaves": _INT, "elements": _INT, "bytes": _INT}))
_SEAL: Final = {
    "metadata": {**_ANY, "description": "of a sealed stream or a safetensors file; bytes are {base64}"},
    "seal": _object(
        {
            "version": _TEXT,
            "detached": _BOOL,
            "alignment": _INT,
            "checksum": {**_TEXT, "description": "CRC-32C of all records, in hexadecimal"},
            "records_end": _INT,
            "tree_digest": _or_null(_TEXT),
        }
    ),
}
_CAST: Final = {"became_infinite": _INT, "became_zero": _INT, "worst": _or_null(_PATH)}
_OTHERS: Final[Schema] = {
    "others": {**_list(_object(_ERROR)), "description": "of further leaves, each of which has checksums of its own"}
}

_INSPECTED: Final = _list(
    _object(
        {
            "path": _PATH,
            **_LEAF,
            "offset": _INT,
            "end": _INT,
            "payload": {**_list(_list(_INT)), "description": "where it is: [offset, bytes], ..."},
        },
        {"shard": _TEXT, "value": _TEXT},
    )
)
_CHECKPOINT: Final = _object(
    {"file": _TEXT, "kind": _TEXT, "size": _INT, "leaves": _INSPECTED, "totals": _TOTALS},
    {
        **_SEAL,
        "tree_digest": {**_TEXT, "description": "with --digest: that by which a delta names its base"},
        "shards": _list(_object({"file": _TEXT, "size": _INT, "start": _INT})),
        "unheld": {
            **_list(_object({"path": _PATH, "tensor": _TEXT, "bytes": _INT, "offset": _INT})),
            "description": "tensors of dtypes that are not supported",
        },
    },
)
_REFUSED: Final = _object(
    {"file": _TEXT, "error": _object(_ERROR, _OTHERS)},
    {"before": {**_INSPECTED, "description": "the leaves in front of the first fault of a damaged file"}},
)
_DELTA: Final = _object(
    {
        "file": _TEXT,
        "kind": {"const": "delta"},
        "size": _INT,
        "base": _TEXT,
        "target": _TEXT,
        "leaves": _list(
            _object({"path": _PATH, **_LEAF, "change": {"enum": ["new", "same", "changed"]}, "packed": _INT})
        ),
        "removed": _PATHS,
    }
)
_NOTED_LEAF: Final = _object(
    {
        "path": _PATH,
        "count": {**_or_null(_INT), "description": "of its elements; null where the note is of the whole leaf"},
        "elements": _INT,
    }
)
_GOOD: Final = _object(
    {
        "file": _TEXT,
        "good": {"const": True},
        "kind": _TEXT,
        "is_train_state": _BOOL,
        "leaves": _INT,
        "size": _INT,
        "totals": _TOTALS,
        "notes": _list(
            _object(
                {
                    "path": {**_PATH, "description": "the key path of the first leaf"},
                    "note": _TEXT,
                    "leaves": _INT,
                    "each": {**_list(_NOTED_LEAF), "description": "every leaf that the note concerns"},
                }
            )
        ),
    },
    _SEAL,
)
_GOOD_DELTA: Final = _object(
    {
        "file": _TEXT,
        "good": {"const": True},
        "kind": {"const": "delta"},
        "size": _INT,
        "base": {**_TEXT, "description": "its tree digest"},
        "target": _TEXT,
        "with_base": {**_BOOL, "description": "whether the base was there; every leaf is compared then"},
        "leaves": _INT,
        "compared": {**_INT, "description": "leaves whose digests were compared"},
        "changed": {**_INT, "description": "leaves that can only be compared with the base"},
        "unchanged": {**_INT, "description": "leaves that the base alone holds"},
    }
)
_NOT_GOOD: Final = _object({"file": _TEXT, "good": {"const": False}, "error": _object(_ERROR, _OTHERS)})
_MAP: Final = _object(
    {
        "name": _TEXT,
        "parameters": _map(_object({"value": {"type": "number"}, "source": _TEXT})),
        "left_out": _PATHS,
        "tied": _PATHS,
        "untied": _PATHS,
        "taken_as_tied": {**_PATHS, "description": "leaves that the output lacks, and its config.json says are tied"},
        "config": {**_or_null(_TEXT), "description": "the config.json beside the output"},
        "wrote_config": _BOOL,
        "assumed": _list(_TEXT),
        "unknown": _list(_TEXT),
    }
)
_CONVERSION: Final = _object(
    {
        "output": _TEXT,
        "dry_run": _BOOL,
        "kind": _TEXT,
        "version": {**_or_null(_TEXT), "description": "of a stream: 1.0 or 2.0"},
        "shards": _list(_TEXT),
        "leaves": _list(_object({"path": _PATH, **_LEAF})),
        "bytes": _INT,
        "cast": _object({"leaves": _INT, "from": _list(_TEXT), "to": _list(_TEXT), **_CAST}),
        "map": _or_null(_MAP),
        "metadata_left_out": _list(_TEXT),
        "too_big_for_old_loaders": _PATHS,
        "unmatched": {
            **_list(_object({"option": _TEXT, "pattern": _TEXT})),
            "description": "patterns that match no leaf",
        },
    }
)
_COUNTS: Final = {"output": _TEXT, "leaves": _INT, "bytes": _INT, "became_infinite": _INT}
_RECOVERY: Final = _object({**_COUNTS, **_CAST, "method": {"const": "exact"}})
_SUM: Final = _object({**_COUNTS, **_CAST, "method": {"const": "add"}})
_EXACT: Final = _object(
    {
        "output": _TEXT,
        "method": {"const": "exact"},
        "bytes": _INT,
        "target_bytes": _INT,
        "leaves": _object({"same": _PATHS, "changed": _PATHS, "new": _PATHS, "left_out": _PATHS}),
        **_CAST,
        "metadata_left_out": {**_list(_TEXT), "description": "of the target: a delta has no place for it"},
    }
)
_SUBTRACTION: Final = _object(
    {
        **_COUNTS,
        "became_zero": {**_INT, "description": "differences that a cast has made zero"},
        "method": {"const": "subtract"},
        "values": _INT,
        "inexact": {**_INT, "description": "floats that will not come back bit for bit"},
        "worst": _PATHS,
        "comes_back": _list(_object({"dtype": _TEXT, "target_dtype": _TEXT, "leaves": _INT})),
        "metadata_left_out": {**_list(_TEXT), "description": "of the target: a difference has no place for it"},
    }
)
_PAIR_OF_INTS: Final[Schema] = {**_list(_INT), "description": "how many only in A, how many only in B"}
_MAXIMUM: Final[Schema] = {"anyOf": [{"type": "number"}, {"const": "inf"}, {"const": "nan"}, {"type": "null"}]}
_NUMBERS: Final = _object(
    {
        "unit": {**_TEXT, "description": "what is counted: elements, or parts of complex numbers"},
        "by_value": {**_BOOL, "description": "whether values were compared, and not bits"},
        "elements": _INT,
        "equal": _INT,
        "max_abs": _MAXIMUM,
        "max_rel": _MAXIMUM,
        "from_zero": {**_INT, "description": "elements that are zero in A alone"},
        "nan": _PAIR_OF_INTS,
        "inf": _PAIR_OF_INTS,
        "ulps": {**_or_null(_list(_INT)), "description": "how many are 0 apart, 1, 2 to 3, 4 to 7, ..."},
    }
)
_SIDE: Final = _object({"file": _TEXT, "kind": _TEXT, "leaves": _INT, "bytes": _INT})
_COMPARISON: Final = _object(
    {
        "a": _SIDE,
        "b": _SIDE,
        "equal": _INT,
        "added": _INT,
        "removed": _INT,
        "changed": _INT,
        "leaves": {
            **_list(
                _object(
                    {
                        "path": _PATH,
                        "change": {"enum": ["added", "removed", "changed"]},
                        "a": _or_null(_object(_LEAF)),
                        "b": _or_null(_object(_LEAF)),
                        "values": {**_or_null(_list(_TEXT)), "description": "of single elements and non-arrays"},
                        "numbers": {**_or_null(_NUMBERS), "description": "of arrays of one shape"},
                    }
                )
            ),
            "description": "those that are not equal",
        },
    }
)
_SALVAGE: Final = _object(
    {
        "file": _TEXT,
        "output": _or_null(_TEXT),
        "kind": _TEXT,
        "leaves": _INT,
        "bytes": _INT,
        "version": {**_or_null(_TEXT), "description": "of a stream: 1.0 or 2.0"},
        "intact": {**_list(_object({"path": _PATH, **_LEAF})), "description": "the leaves that are written"},
        "not_chosen": {**_INT, "description": "intact leaves that the patterns leave out"},
        "has_end": {**_BOOL, "description": "whether the file says where it ends, which a plain stream does not"},
        "doubtful": {**_PATHS, "description": "leaves that end in the zeros of a download that did not finish"},
        "doubts": {
            **_list(_object({"path": _PATH, "zeros": _INT, "bytes": _INT})),
            "description": "the same, with how many of their bytes are zeros at the end",
        },
        "metadata_left_out": {**_list(_TEXT), "description": "of the input, for which the output has no place"},
        "lost": _list(_object({"end": _INT, **_ERROR})),
    }
)

SCHEMAS: Final[dict[str, Schema]] = {
    "convert": _CONVERSION,
    "diff": {"anyOf": [_EXACT, _SUBTRACTION, _RECOVERY, _SUM]},
    "recover": {"anyOf": [_RECOVERY, _SUM]},
    "compare": _COMPARISON,
    "inspect": {"anyOf": [_CHECKPOINT, _DELTA, _REFUSED]},
    "verify": {"anyOf": [_GOOD, _GOOD_DELTA, _NOT_GOOD]},
    "seal": _object({"file": _TEXT, "seal": _TEXT, "seal_bytes": _INT, "leaves": _INT, "bytes": _INT}),
    "salvage": _SALVAGE,
}
