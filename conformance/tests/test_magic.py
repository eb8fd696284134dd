"""The entries for libmagic and for the shared MIME database tell the files of the corpus."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conformance.clauses import SPEC
from conformance.format import magic
from conformance.model import load_corpus

TITLES = magic.TITLES
KINDS = {"stream": magic.STREAM, "flax": magic.FLAX, "recover": magic.DELTA}  # of what a part reads
SPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"
SHOWN = 1 << 20  # bytes of a file that are looked at


def kind_of(case, ending, data):
    """What a valid file of a case is, by CONV-6: a stream that begins like a delta is one to every program."""
    if data.startswith(b"\x92\x92\xb0streamckpt-delta"):
        return magic.DELTA
    if ending == "bin.seal":
        return magic.SEAL
    if data[:5] == b"\xdd\0\0\0\2" and data[-16:] == b"streamckpt-seal\n":
        return magic.SEALED
    return KINDS.get(case.part)


def files(spec):
    """All files of readings and recoveries that are accepted, and what each is."""
    for case in load_corpus(spec=spec).cases:
        if case.part in KINDS and case.want == "accept":
            for ending in ("bin", "bin.seal"):
                if ending in case.files and case.files[ending]["size"] <= SHOWN:
                    data = case.data(ending)
                    if ending == "bin" or data.endswith(b"streamckpt-seal\n"):  # beside a sealed stream may be anything
                        yield case.id, kind_of(case, ending, data), data


BOTH = ("09-conversion/flax-file-that-is-said-to-be-one",)  # safetensors to CONV-6, and a whole flax file all the same


@pytest.fixture(scope="module")
def valid():
    return [*{data: (id, kind, data) for spec in ("1.0", "2.0") for id, kind, data in files(spec)}.values()]


@pytest.fixture(scope="module")
def others():
    """Files of converters that are neither streams, flax files nor deltas: by CONV-6 their beginnings say so."""
    found = {}
    for case in load_corpus(spec="2.0").cases:
        for ending in case.files:
            if case.id not in BOTH and (
                case.files[ending]["size"] <= SHOWN
                and case.part in ("convert", "recover", "diff")
                and ending != "bin.seal"
            ):
                data = case.data(ending)
                if is_foreign(data):
                    found[data] = case.id
    return [(id, data) for data, id in found.items()]


def is_foreign(data):
    """By CONV-6, written here once more by hand."""
    length = int.from_bytes(data[:8], "little")
    if not data or (2 <= length <= min(100_000_000, len(data) - 8) and data[8:9] == b"{"):
        return True
    if data.startswith((b"\x92\x92\xb0streamckpt-delta", b"\x92", b"\xdc\0\2", b"\xdd\0\0\0\2")):
        return False
    return data[:2] in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5") or not (
        0x80 <= data[0] <= 0x8F or data[0] in (0xDE, 0xDF)
    )


def told_by_file(folder, named):
    """What `file` prints of each of these, by name."""
    if shutil.which("file") is None:
        pytest.skip("file is not installed (apt-get install file)")
    for name, data in named.items():
        (folder / name).write_bytes(data)
    listed = "\n".join(str(folder / name) for name in named)
    for option in ("--brief", "--mime-type"):
        command = ["file", "--magic-file", SPEC / "streamckpt.magic", "--brief", option, "--files-from", "-"]
        done = subprocess.run(command, input=listed, text=True, capture_output=True, check=True)
        assert not done.stderr, done.stderr
        yield dict(zip(named, done.stdout.splitlines(), strict=True))


def test_file_names_every_valid_file_and_nothing_else(valid, others, tmp_path):
    assert len(valid) > 1000
    assert len(others) > 20
    named = {f"valid-{i}": data for i, (_, _, data) in enumerate(valid)}
    named |= {f"other-{i}": data for i, (_, data) in enumerate(others)}
    texts, types = told_by_file(tmp_path, named)
    for i, (id, kind, _) in enumerate(valid):
        assert (texts[f"valid-{i}"], types[f"valid-{i}"]) == (TITLES[kind], kind), id
    for i, (id, _) in enumerate(others):
        assert not set(texts[f"other-{i}"].split(", ")) & set(TITLES.values()), id


# --- the shared MIME database ----------------------------------------------------------------------------------------


def value_of(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text).encode("latin1")


def matches(rule, data):
    """A rule of the database, as its specification says."""
    at, value = int(rule.get("offset")), value_of(rule.get("value"))
    if data[at : at + len(value)] != value:
        return False
    inner = rule.findall(f"{SPACE}match")
    return not inner or any(matches(one, data) for one in inner)


def told_by_mime_info(data):
    """The type whose rule fits, of the highest priority."""
    found = []
    for kind in ElementTree.parse(SPEC / "streamckpt.xml").getroot():
        for rules in kind.findall(f"{SPACE}magic"):
            if any(matches(rule, data) for rule in rules):
                found.append((int(rules.get("priority")), kind.get("type")))
    return max(found)[1] if found else None


def test_the_mime_database_tells_every_valid_file_and_nothing_else(valid, others):
    for id, kind, data in valid[::7]:
        if kind != magic.SEAL:  # which ends in .seal: the database looks at the beginnings of files
            # Of a plain stream whose first header is as long as the mark only the end of the file says what it is.
            told = magic.SEALED if kind == magic.STREAM and data[:5] == b"\xdd\0\0\0\2" else kind
            assert told_by_mime_info(data) == told, id
    for id, data in others:
        assert told_by_mime_info(data) is None, id
