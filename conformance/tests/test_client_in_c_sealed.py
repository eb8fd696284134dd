"""The client in C and one sealed stream that was put together by hand from the text of version 2.0."""

import hashlib
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


# An array that is just large enough to be padded, the int 7, and a matrix.
PAYLOAD = bytes(range(256)) * 16
SHAPE_AND_CHUNK = b"\xa5shape\x81\xa10\xcd\x10\x00\xa6chunks\x81\xa10" + b"\xc9\x00\x00\x10\x10\x01"
ARRAY = b"\x93\x91\xcd\x10\x00\xa5uint8\xc6\x00\x00\x10\x00"
PADDING = 128 - 5 - 3 - 5 - 1 - len(MARKER) - 4 - 3 - len(SHAPE_AND_CHUNK) - len(ARRAY)
LEAF = b"\x84" + MARKER + b"\xa3pad\xc5\x00" + bytes([PADDING, *bytes(PADDING)]) + SHAPE_AND_CHUNK + ARRAY + PAYLOAD
PADDED = b"\xdd\x00\x00\x00\x02\x91\xa1w\xc6" + struct.pack(">I", len(LEAF)) + LEAF
INT = b"\x92\x91\xa1n\xc4\x01\x07"
MATRIX_LEAF = b"\xc4\x10\xc7\x0d\x01\x93\x92\x02\x01\xa4int8\xc4\x02\x01\x02"
MATRIX = b"\x92\x91\xa1p" + MATRIX_LEAF
RECORDS = PADDED + INT + MATRIX
# DELTA-4: what the digest of each of them is made of.
DIGESTED = (
    b"\x91\xa1w\xa7ndarray\xa5uint8\x91\xcd\x10\x00" + PAYLOAD,
    b"\x91\xa1n\xa3int\x07",
    b"\x91\xa1p\xa7ndarray\xa4int8\x92\x02\x01\x01\x02",
)
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


def digests_of(*contents):
    """DELTA-4 and DELTA-5: the digest of each leaf, and of the tree."""
    leaves = [hashlib.sha256(content).digest() for content in contents]
    return b"".join([*leaves, hashlib.sha256(b"".join(sorted(leaves))).digest()])


def index(
    alignment=b"\x40",
    size=b"\x10\x80",
    payload=b"\xcc\x80",
    of_int=INT,
    shape=b"\x92\x02\x01",
    metadata=METADATA,
    digests=b"",
    matrix=MATRIX,
):
    return b"".join(
        [
            (b"\x85" if digests else b"\x84") + b"\xa9alignment" + alignment,
            b"\xa8checksum\xc4\x04" + checksum(PADDED + INT + matrix) + b"\xa6leaves\x93",
            b"\x95\x91\xa1w\xa7ndarray\xa5uint8\x91\xcd\x10\x00\x91\x93\xcd" + size + payload,
            b"\xc4\x04" + checksum(PADDED),
            b"\x95\x91\xa1n\xa3int\xc0\xc0\x91\x93\x07\xc0\xc4\x04" + checksum(of_int),
            b"\x95\x91\xa1p\xa7ndarray\xa4int8" + shape + b"\x91\x93" + bytes([len(matrix), len(matrix) - 2]),
            b"\xc4\x04" + checksum(matrix) + b"\xa8metadata" + metadata,
            b"\xa7digests\xc4" + bytes([len(digests)]) + digests if digests else b"",
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


@pytest.mark.parametrize("digests", [False, True])
def test_it_is_written(client, digests):
    records = [
        {"path": ["w"], "kind": "ndarray", "dtype": "uint8", "shape": ["4096"], "payload": PAYLOAD.hex()},
        {"path": ["n"], "kind": "int", "value": "7"},
        {"path": ["p"], "kind": "ndarray", "dtype": "int8", "shape": ["2", "1"], "payload": "0102"},
    ]
    metadata = METADATA_AS_JSON | {"value": METADATA_AS_JSON["value"][::-1]}
    request = {"records": records, "empty_nodes": "keep", "format": "2.0", "alignment": "64", "metadata": metadata}
    asked = json.dumps(request | {"digests": digests}).encode()
    done = subprocess.run([client, "encode"], input=asked, capture_output=True, check=True)
    assert done.stdout == sealed(RECORDS, index(digests=digests_of(*DIGESTED) if digests else b""))


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
        ("SUM-3", {"of_int": MATRIX}),
        ("INDEX-7", {"shape": b"\x91\x02"}),
        ("META-1", {"metadata": b"\x81\xa1a\xca\x00\x00\x00\x00"}),
        ("META-2", {"metadata": b"\x82\xa1b\x01\xa1a\x01"}),
        ("META-3", {"metadata": b"\x81\xa1a" + 64 * b"\x91" + b"\x01"}),
        ("INDEX-9", {"digests": digests_of(*DIGESTED)[:-32]}),
        ("INDEX-9", {"digests": digests_of(*DIGESTED[::-1])}),
        ("INDEX-9", {"digests": digests_of(*DIGESTED[:2], DIGESTED[2] + b"\0")}),
        ("INDEX-9", {"digests": digests_of(*DIGESTED)[:-1] + b"\0"}),
    ],
)
def test_an_index_that_lies_is_refused_though_its_checksum_is_right(decode, clause, lie):
    assert clauses(decode(sealed(RECORDS, index(**lie)))) == [clause, clause]


@pytest.mark.parametrize(("keys", "clause"), [(b"\x92\xa1p", "PART-1"), (b"\x91", "PART-3")])
def test_a_part_of_a_small_array_or_of_no_leaf_is_refused_at_its_record(decode, keys, clause):
    matrix = b"\x92" + keys + b"\xaf__part_0_of_1__" + MATRIX_LEAF
    told = decode(sealed(PADDED + INT + matrix, index(matrix=matrix)))
    assert [(said["clause"], said["offset"]) for said in told] == [(clause, str(len(PADDED + INT)))] * 2


def test_what_stands_behind_the_footer_is_refused(decode):
    assert clauses(decode(FILE + b"\n")) == ["SEAL-5", "SEAL-2"]
    assert clauses(decode(FILE + FILE)) == ["SEAL-4", "SEAL-2"]


BESIDE = b"".join(
    [
        b"\x84\xa9alignment\x01\xa8checksum\xc4\x04" + checksum(INT) + b"\xa6leaves\x91",
        b"\x95\x91\xa1n\xa3int\xc0\xc0\x91\x93\x07\xc0\xc4\x04" + checksum(INT) + b"\xa8metadata\x80",
    ]
)
SEAL = detached(INT, BESIDE)
OTHER_ALIGNMENT = detached(INT, BESIDE.replace(b"\x01\xa8", b"\x40\xa8"))


def test_a_detached_seal_has_to_fit_its_stream(decode):
    assert decode(INT, SEAL)[0]["seal"]["alignment"] == "1"
    assert clauses(decode(INT[:-1] + b"\x08", SEAL)) == ["SUM-3"]
    assert clauses(decode(INT + INT, SEAL)) == ["DETACHED-2"]
    assert clauses(decode(INT, b"")) == ["SEAL-5"]
    assert clauses(decode(INT, OTHER_ALIGNMENT)) == ["DETACHED-4"]


@pytest.mark.parametrize(
    ("data", "seal", "offset", "in_seal"),
    [
        (INT, OTHER_ALIGNMENT, 11, True),
        (INT, SEAL[:-1], len(SEAL) - 1, True),
        (INT + INT, SEAL, len(BESIDE), True),
        (INT[:-1] + b"\x08", SEAL, 0, False),
        (b"\x92\x90" + INT[2:], SEAL, 1, False),
    ],
)
def test_a_refusal_says_whether_its_offset_counts_in_the_detached_seal(decode, data, seal, offset, in_seal):
    (told,) = decode(data, seal)
    assert told["offset"] == str(offset)
    assert ("in the file of the detached seal" in told["rejected"]) == in_seal


@pytest.mark.thorough
@pytest.mark.large
def test_the_digest_of_an_array_in_parts_is_made_where_its_payload_can_be_read_again(client, tmp_path):
    size = (1 << 31) + 5
    record = {"path": ["p"], "kind": "ndarray", "dtype": "uint8", "shape": [str(size)], "fill": "07"}
    asked = json.dumps({"records": [record], "empty_nodes": "keep", "format": "2.0", "digests": True}).encode()
    path = tmp_path / "stream"
    with path.open("wb") as file:
        subprocess.run([client, "encode"], input=asked, stdout=file, check=True)

    def judged():
        """The exit status for the file, and for a pipe."""
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
            piped = subprocess.run([client, "decode"], stdin=cat.stdout, capture_output=True)
        read = subprocess.run([client, "decode", path], capture_output=True)
        assert read.returncode or read.stdout == piped.stdout
        return read.returncode, piped.returncode

    assert judged() == (0, 0)

    # Digests that fit one another, and not the array: `digests` are the last of the index, before the footer.
    other = hashlib.sha256(b"another leaf").digest()
    with path.open("r+b") as file:
        at = file.seek(-40, 2)
        offset, length = struct.unpack(">QI", file.read(12))
        file.seek(at - length)
        index = file.read(length)[:-64] + other + hashlib.sha256(other).digest()
        file.seek(at - length)
        footer = struct.pack(">QI4sHH", offset, length, checksum(index), 2, 0)
        file.write(index + footer + checksum(footer) + b"streamckpt-seal\n")
    assert judged() == (1, 0)
