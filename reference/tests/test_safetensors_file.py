"""safetensors: read as its library writes it, and every fault of a header refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.equality import same
from reference.containers.safetensors_file import read_safetensors
from reference.format.errors import FormatError
from reference.format.leaves import read_value
from reference.format.wire import BytesSource

safetensors = pytest.importorskip("safetensors")
pytest.importorskip("safetensors.numpy")


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="U8", shape=(2,), offsets=(0, 2)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_what_the_library_writes_reads():
    tensors = {
        "a.b": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a.c": np.array(True),
        "d": np.zeros((0, 2), np.int16),
    }
    source = BytesSource(safetensors.numpy.save(tensors, {"format": "np"}))
    for record in read_safetensors(source).records:
        assert same(read_value(source, record.leaf_offset, record.leaf), tensors[".".join(record.path)])


@pytest.mark.parametrize(
    "data",
    [
        b"\x05\0\0\0\0\0\0\0{}",
        b"\xff" * 8 + b"{}",
        file(b"{"),
        file(b"[]"),
        file(b'{"a": 1}', b""),
        file(b"[" * 100_000),
        file({"a": entry()}, b"a"),
        file({"a": entry()}, b"abc"),
        file({"a": entry(offsets=(1, 3))}, b"abc"),
        file({"a": entry(), "b": entry()}, b"ab"),
        file({"a": entry(shape=(-2,))}, b"ab"),
        file({"a": entry(shape=(True, 2))}, b"ab"),
        file({"a": {**entry(), "shape": 2}}, b"ab"),
        file({"a": entry(shape=(3,))}, b"ab"),
        file({"a": entry(dtype="F4")}, b"ab"),
        file({"a": entry(dtype="F6_E2M3", shape=(3,))}, b"ab"),
        file({"a": entry(dtype="F4", offsets=(2, 0))}, b"ab"),
        file({"a": entry(dtype=["U8"])}, b"ab"),
        file(
            b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
        ),
        file(b'{"\xff": 1}'),
        file({}),
        file({"a": entry(shape=(10**3000, 10**3000), offsets=(0, 0))}),
        file({"a": entry(shape=(0, 2**61), offsets=(0, 0), dtype="F32")}),
        file({"a": entry(shape=(0, 2**70), offsets=(0, 0))}),
    ],
)
def test_a_damaged_file_is_refused(data):
    with pytest.raises(FormatError):
        read_safetensors(BytesSource(data))


GOOD = safetensors.numpy.save({"a": np.arange(3), "b": np.ones(2, np.float16)})


@pytest.mark.parametrize("cut", [len(GOOD) - 1, len(GOOD) - 20])
def test_a_file_that_was_cut_off_is_called_so(cut):
    with pytest.raises(FormatError, match="it has been cut off: the payloads take 28 bytes and the file has"):
        read_safetensors(BytesSource(GOOD[:cut]))
    with pytest.raises(FormatError, match="file: the payloads take 28 bytes and the file has 29 after its header"):
        read_safetensors(BytesSource(GOOD + b"x"))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD)))
def test_a_changed_byte_or_a_cut_is_refused_or_read(at, byte, cut):
    data = GOOD[:at] + bytes((byte,)) + GOOD[at + 1 :]
    for damaged in (data, GOOD[:cut]):
        try:
            read_safetensors(BytesSource(damaged))
        except FormatError as error:
            assert error.clause
