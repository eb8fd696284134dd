"""The client in C and one sealed stream that was put together by hand from the text of version 2.0."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[1] / "clients" / "client.c"
MARKER = b"\xb9__msgpack_chunked_array__\xc3"


def checksum(data):
    """SUM-1, as the text has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack(">I", crc ^ 0xFFFFFFFF)


def sealed(records, index):
    """The whole file, with the footer that fits."""
    return records + b"\xc6" + struct.pack(">I", len(index) + 41) + detached(records, index)


def detached(records, index):
    footer = struct.pack(">QI4sHH", len(records), len(index), checksum(index), 2, 0)
    return index + footer + checksum(footer) + b"streamckpt-seal\n"


# An array that is just large enough to be padded, the int 7, and a matrix in the only part that it needs.
PAYLOAD = bytes(range(256)) * 16
SHAPE_AND_CHUNK = b"\xa5shape\x81\xa10\xcd\x10\x00\xa6chunks\x81\xa10" + b"\xc9\x00\x00\x10\x10\x01"
ARRAY = b"\x93\x91\xcd\x10\x00\xa5uint8\xc6\x00\x00\x10\x00"
PADDING = 128 - 5 - 3 - 5 - 1 - len(MARKER) - 4 - 3 - len(SHAPE_AND_CHUNK) - len(ARRAY)
LEAF = b"\x84" + MARKER + b"\xa3pad\xc5\x00" + bytes([PADDING, *bytes(PADDING)]) + SHAPE_AND_CHUNK + ARRAY + PAYLOAD
PADDED = b"\xdd\x00\x00\x00\x02\x91\xa1w\xc6" + struct.pack(">I", len(LEAF)) + LEAF
INT = b"\x92\x91\xa1n\xc4\x01\x07"
PART = b"\x92\x92\xa1p\xaf__part_0_of_1__\xc4\x10\xc7\x0d\x01\x93\x92\x02\x01\xa4int8\xc4\x02\x01\x02"
RECORDS = PADDED + INT + PART
METADATA = b"\x82\xa1a\x93\xc0\xc3\x01\xa1b\x81\xa1c\xcb" + struct.pack(">d", 0.5)

METADATA_AS_JSON = {
    "kind": "map",
    "value": [
        [
            "a",
            {
                "kind": "list",
                "value": [{"kind": "nil"}, {"kind": "bool", "value": True}, {"kind": "int", "value": "1"}],
            },
        ],
        ["b", {"kind": "map", "value": [["c", {"kind": "float", "value": "3fe0000000000000"}]]}],
    ],
}


def index(
    alignment=b"\x40", size=b"\x10\x80", payload=b"\xcc\x80", of_int=INT, shape=b"\x92\x02\x01", metadata=METADATA
):
    return b"".join(
        [
            b"\x84\xa9alignment" + alignment + b"\xa8checksum\xc4\x04" + checksum(RECORDS) + b"\xa6leaves\x93",
            b"\x95\x91\xa1w\xa7ndarray\xa5uint8\x91\xcd\x10\x00\x91\x93\xcd" + size + payload,
            b"\xc4\x04" + checksum(PADDED),
            b"\x95\x91\xa1n\xa3int\xc0\xc0\x91\x93\x07\xc0\xc4\x04" + checksum(of_int),
            b"\x95\x91\xa1p\xa7ndarray\xa4int8" + shape + b"\x91\x93" + bytes([len(PART), len(PART) - 2]),
            b"\xc4\x04" + checksum(PART) + b"\xa8metadata" + metadata,
        ]
    )


FILE = sealed(RECORDS, index())


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("the client is not judged: cc is not installed")
    program = tmp_path_factory.mktemp("c") / "client"
    subprocess.run(["cc", "-std=c11", "-O2", "-o", program, CLIENT], check=True)
    return program


@pytest.fixture
def decode(client, tmp_path):
    """What the client says of bytes, in a file and on a pipe, where no seal stands beside the file."""

    def run(data, seal=None):
        path = tmp_path / "stream"
        path.write_bytes(data)
        if seal is not None:
            path.with_name("stream.seal").write_bytes(seal)
        runs = [subprocess.run([client, "decode", path], capture_output=True)]
        if seal is None:
            runs.append(subprocess.run([client, "decode"], input=data, capture_output=True))
        assert {done.returncode for done in runs} <= {0, 1}
        return [json.loads(done.stderr.splitlines()[-1] if done.returncode else done.stdout) for done in runs]

    return run


def clauses(told):
    return [said.get("clause") for said in told]


def test_it_is_read_from_a_file_and_from_a_pipe(decode):
    read, piped = decode(FILE)
    assert read == piped
    assert [record["path"] for record in read["records"]] == [["w"], ["n"], ["p"]]
    assert read["records"][2]["shape"] == ["2", "1"]
    assert read["records"][1]["checksums"] == [checksum(INT).hex()]
    assert read["seal"] == {
        "version": "2.0",
        "alignment": "64",
        "checksum": checksum(RECORDS).hex(),
        "metadata": METADATA_AS_JSON,
        "digests": None,
    }


def test_it_is_written_but_for_the_part_that_no_writer_makes(client):
    records = [
        {"path": ["w"], "kind": "ndarray", "dtype": "uint8", "shape": ["4096"], "payload": PAYLOAD.hex()},
        {"path": ["n"], "kind": "int", "value": "7"},
    ]
    metadata = METADATA_AS_JSON | {"value": METADATA_AS_JSON["value"][::-1]}
    request = {"records": records, "empty_nodes": "keep", "format": "2.0", "alignment": "64", "metadata": metadata}
    done = subprocess.run([client, "encode"], input=json.dumps(request).encode(), capture_output=True, check=True)
    assert done.stdout.startswith(PADDED + INT + b"\xc6")
    assert METADATA + struct.pack(">Q", len(PADDED + INT)) in done.stdout


def test_every_cut_is_refused_where_the_input_ends(decode):
    for length in (*range(5, 140, 5), *range(len(PADDED), len(FILE), 3)):
        assert [(told.get("clause"), told.get("offset")) for told in decode(FILE[:length])] == [
            ("SEAL-5", str(length))
        ] * 2


def test_every_flipped_bit_is_refused(decode):
    for i in (*range(140), *range(4096, len(FILE))):
        changed = bytearray(FILE)
        changed[i] ^= 1 << i % 8
        assert None not in clauses(decode(changed)), f"byte {i}"


@pytest.mark.parametrize(
    ("clause", "lie"),
    [
        ("INDEX-5", {"alignment": b"\xcc\x40"}),
        ("ALIGN-5", {"alignment": b"\x41"}),
        ("ALIGN-5", {"alignment": b"\xcd\x01\x00"}),
        ("INDEX-7", {"size": b"\x10\x7f"}),
        ("INDEX-7", {"payload": b"\xc0"}),
        ("INDEX-7", {"payload": b"\xcc\x81"}),
        ("SUM-3", {"of_int": PART}),
        ("PART-2", {"shape": b"\x91\x02"}),
        ("META-1", {"metadata": b"\x81\xa1a\xca\x00\x00\x00\x00"}),
        ("META-2", {"metadata": b"\x82\xa1b\x01\xa1a\x01"}),
        ("META-3", {"metadata": b"\x81\xa1a" + 64 * b"\x91" + b"\x01"}),
    ],
)
def test_an_index_that_lies_is_refused_though_its_checksum_is_right(decode, clause, lie):
    assert clauses(decode(sealed(RECORDS, index(**lie)))) == [clause, clause]


def test_what_stands_behind_the_footer_is_refused(decode):
    assert clauses(decode(FILE + b"\n")) == ["SEAL-5", "SEAL-2"]
    assert clauses(decode(FILE + FILE)) == ["SEAL-4", "SEAL-2"]


def test_a_detached_seal_has_to_fit_its_stream(decode):
    beside = b"".join(
        [
            b"\x84\xa9alignment\x01\xa8checksum\xc4\x04" + checksum(INT) + b"\xa6leaves\x91",
            b"\x95\x91\xa1n\xa3int\xc0\xc0\x91\x93\x07\xc0\xc4\x04" + checksum(INT) + b"\xa8metadata\x80",
        ]
    )
    seal = detached(INT, beside)
    assert decode(INT, seal)[0]["seal"]["alignment"] == "1"
    assert clauses(decode(INT[:-1] + b"\x08", seal)) == ["SUM-3"]
    assert clauses(decode(INT + INT, seal)) == ["DETACHED-2"]
    assert clauses(decode(INT, b"")) == ["SEAL-5"]
    assert clauses(decode(INT, detached(INT, beside.replace(b"\x01\xa8", b"\x40\xa8")))) == ["DETACHED-4"]
