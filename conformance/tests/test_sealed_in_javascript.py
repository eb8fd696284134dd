"""The client in JavaScript reads and writes sealed streams that were put together by hand (`sealed_by_hand.py`)."""

import hashlib
import json
import struct

import pytest

from conformance.sealed_by_hand import (
    METADATA,
    Leaf,
    crc32c,
    detached,
    int_,
    record,
    sealed,
    small,
    str_,
)
from conformance.tests.javascript_client import asked, client, needs_node, read_many, tagged

pytestmark = needs_node


@pytest.mark.parametrize("alignment", [64, 128, 4096])
@pytest.mark.parametrize("digests", [False, True])
def test_what_is_written_is_what_was_put_together_by_hand(alignment, digests):
    settings = {"metadata": tagged(METADATA), "alignment": str(alignment), "digests": digests}
    done = client("encode", given=asked(**settings))
    assert done.returncode == 0, done.stderr
    assert done.stdout == sealed(small(), METADATA, alignment, digests)


@pytest.mark.parametrize("piped", [False, True])
def test_what_is_read_is_what_was_put_together_by_hand(tmp_path, piped):
    data = sealed(small(), METADATA, digests=True)
    (tmp_path / "a").write_bytes(data)
    done = client("decode", given=data) if piped else client("decode", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    at = struct.unpack(">Q", data[-40:-32])[0]
    assert found["seal"]["checksum"] == f"{crc32c(data[:at]):08x}"
    assert found["seal"]["metadata"] == tagged(METADATA)
    assert (found["seal"]["version"], found["seal"]["alignment"]) == ("2.0", "64")
    assert len(found["seal"]["digests"]) == 64 * (len(small()) + 1)
    assert [one["path"] for one in found["records"]] == [leaf.path for leaf in small()]
    for one, leaf in zip(found["records"][:4], small(), strict=False):
        assert one["sha256"] == hashlib.sha256(leaf.payload).hexdigest()
    assert all(len(one["checksums"]) == 1 for one in found["records"])


def test_a_detached_seal_is_used_where_it_stands(tmp_path):
    stream, seal = detached(small(), METADATA)
    (tmp_path / "a").write_bytes(stream)
    plain = json.loads(client("decode", tmp_path / "a").stdout)
    assert plain.get("seal") is None
    (tmp_path / "a.seal").write_bytes(seal)
    found = json.loads(client("decode", tmp_path / "a").stdout)
    assert found["seal"]["alignment"] == "1"
    assert [one.pop("checksums") for one in found["records"]]
    assert found["records"] == plain["records"]
    (tmp_path / "a").write_bytes(stream[:-1] + b"\x81")
    done = client("decode", tmp_path / "a")
    assert (done.returncode, json.loads(done.stderr.splitlines()[-1])["clause"]) == (1, "SUM-3")


# --- damage --------------------------------------------------------------------------------------------------------


def tiny():
    """A file of a few hundred bytes with a padded array in it."""
    return [
        Leaf(["a"], "ndarray", "uint8", [16], bytes(range(16)), is_padded=True),
        Leaf(["b", "c"], "ndarray", "float32", [1], bytes(4)),
        Leaf(["step"], "int", blob=int_(7)),
        Leaf(["n"], "str", blob=str_("text")),
    ]


def damaged(data):
    """The file with each of its bits flipped, and cut at each of its bytes."""
    for at in range(len(data)):
        yield data[:at]
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
    yield data + b"\n"
    yield data + data


@pytest.mark.slow
def test_every_cut_and_every_bit_that_is_flipped_is_refused():
    data = sealed(tiny(), {"step": 7, "name": "a text"}, digests=True)
    whole, *found = read_many(data, *damaged(data))
    assert whole == [4, 4]
    assert [n for n, pair in enumerate(found) if not all(isinstance(one, list) for one in pair)] == []


def test_every_damage_beside_a_detached_seal_is_refused():
    stream, seal = detached(tiny(), {"step": 7})
    whole, *found = read_many(
        (stream, seal), *((one, seal) for one in damaged(stream)), *((stream, one) for one in damaged(seal))
    )
    assert whole[0] == 4
    assert [n for n, (one, _) in enumerate(found) if not isinstance(one, list)] == []


@pytest.mark.slow
def test_the_damaged_block_is_named():
    payload = bytes(range(256)) * (9 << 12)  # 9 MiB, which are 3 blocks
    data = bytearray(sealed([Leaf(["a"], "int", blob=b"\x01"), Leaf(["w"], "ndarray", "uint8", [9 << 20], payload)]))
    start = len(record(Leaf(["a"], "int", blob=b"\x01"), 0, 64, True))
    data[start + (5 << 20)] ^= 1
    for found in read_many(bytes(data))[0]:
        assert (found[0], found[1], found[3]) == ("SUM-3", start + (4 << 20), ["w"])
        assert "block 1" in found[2]
