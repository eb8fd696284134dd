"""Safetensors files that programs write: the judge reads them itself."""

import json

import pytest

from conformance.assembly import ndarray_, record_
from conformance.model import load_corpus
from conformance.recovering.fault import Fault
from conformance.recovering.safetensors import arrays, ensure_holds, tensors
from conformance.tests.programs import program
from conformance.tests.programs import run_here as run


def stream(dtype, n):
    """Two arrays, of which the second has four bytes."""
    second = ndarray_(dtype, (n,), "00 00 80 3f")
    return (record_(("b", "x"), ndarray_("uint8", (2,), "01 02")) + record_("a", second)).data()


STREAM = stream("float32", 1)
X = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}
A = {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}
PAYLOADS = bytes.fromhex("01020000803f")


def file(header, payloads=PAYLOADS):
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + payloads


GOOD = file({"b.x": X, "a": A})


def test_the_leaves_of_a_stream_are_found_in_it():
    assert [*arrays(STREAM)] == [("b", "x"), ("a",)]
    ensure_holds(GOOD, STREAM)
    wider_first = {"a": {**A, "data_offsets": [0, 4]}, "b.x": {**X, "data_offsets": [4, 6]}}
    ensure_holds(file(wider_first, PAYLOADS[2:] + PAYLOADS[:2]), STREAM)
    ensure_holds(file(json.dumps({"b.x": X, "a": A}) + "    "), STREAM)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (STREAM, "not safetensors"),
        (b"", "not safetensors"),
        (GOOD[:-1], "CONV-10"),
        (GOOD + b"\0", "CONV-10"),
        (file({"b.x": X, "a": A}, PAYLOADS[:-1] + b"\0"), "payload of the tensor 'a'"),
        (file({"b.x": X}, PAYLOADS[:2]), "there is no tensor 'a'"),
        (file({"b.x": X, "a": A, "c": {**X, "shape": [0], "data_offsets": [6, 6]}}), "which is not expected"),
        (file({"b.x": {**X, "shape": [2, 1]}, "a": A}), "shape of the tensor"),
        (file({"b.x": {**X, "dtype": "I8"}, "a": A}), "dtype of the tensor"),
        (file({"b.x": {**X, "dtype": "u8"}, "a": A}), "CONV-8"),
        (file({"b.x": {**X, "data_offsets": [0, 2.0]}, "a": A}), "lists of digits"),
        (file({"b.x": {**X, "data_offsets": [0, 1]}, "a": A}), "CONV-10"),
        (file({"b.x": X, "a": {**A, "data_offsets": [1, 5]}}), "CONV-10"),
        (file({"a": {**A, "shape": [True]}, "b.x": X}), "lists of digits"),
        (file({"b.x": X, "a": A, "__metadata__": None}), "object of texts"),
        (file({"b.x": X, "a": A, "__metadata__": {"a": 1}}), "not a text"),
        (file('{"b.x":1,"b.x":2}'), "CONV-11"),
        (file(" " + json.dumps({"b.x": X, "a": A})), "does not begin with"),
    ],
)
def test_what_is_wrong_is_named(wrong, told):
    with pytest.raises(Fault, match=told):
        ensure_holds(wrong, STREAM)


def test_the_order_of_the_tensors_is_that_of_the_leaves():
    a = {**A, "dtype": "U8", "shape": [4]}
    ensure_holds(file({"b.x": X, "a": a}), stream("uint8", 4))
    with pytest.raises(Fault, match="depth-first"):
        ensure_holds(file({"a": a, "b.x": X}), stream("uint8", 4))


def test_metadata_is_kept():
    source = file({"__metadata__": {"a": "é", "b": ""}, "b.x": X, "a": A})
    ensure_holds(file({"b.x": X, "a": A, "__metadata__": {"b": "", "more": "x", "a": "é"}}), STREAM, source)
    assert tensors(source)[1] == {"a": "é", "b": ""}
    for metadata in ({}, {"a": "é"}, {"a": "e\u0301", "b": ""}, {"a": "é", "b": " "}):
        with pytest.raises(Fault, match="CONV-9"):
            ensure_holds(file({"__metadata__": metadata, "b.x": X, "a": A}), STREAM, source)


def converter(folder, does):
    return program(
        folder,
        f"""
import json, shutil, sys
said = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
source, output = (said[name].rpartition("::")[2] for name in ("load_checkpoint", "output_file"))
{does}
""",
    )


def test_a_file_of_another_format_is_not_safetensors(tmp_path):
    """The converter that wrote it reads it back."""
    case = "09-conversion/every-dtype-is-written-and-read-back"
    status, printed = run("run", "--converter", converter(tmp_path, "shutil.copy(source, output)"), "--match", case)
    assert status == 1
    assert "not safetensors" in printed


def test_what_is_refused_when_it_is_read_again_has_been_written(tmp_path):
    does = """
if "::" in said["output_file"]:
    shutil.copy(source, output)
else:
    print(json.dumps({"rejected": "no"}), file=sys.stderr)
    sys.exit(1)
"""
    case = "09-conversion/metadata-to-safetensors"
    status, printed = run("run", "--converter", converter(tmp_path, does), "--match", case)
    assert status == 1
    assert "accepted" in printed


def test_there_are_cases_on_every_way_to_safetensors():
    found = [case for case in load_corpus().cases if case.convert and case.convert["via"] == "safetensors"]
    ways = {(case.part, case.want, case.convert["prefix"]) for case in found}
    assert {("convert", "accept", one) for one in ("params", "flax", "safetensors")} <= ways
    assert {("recover", "accept", "params"), ("recover", "reject", "params"), ("diff", "accept", "params")} <= ways
