"""Odd safetensors files: the library and the reader here judge alike, but for the differences that CONV-10 lists."""

import re

import pytest

from reference.containers.safetensors_file import read_safetensors
from reference.format.errors import FormatError
from reference.format.wire import BytesSource

safetensors = pytest.importorskip("safetensors", minversion="0.8")


def file(header, data=b"\7", size=None):
    text = header if isinstance(header, bytes) else header.encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + data


def entry(dtype="U8", shape="[1]", offsets="[0,1]", more=""):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}{more}}}'


def header(**members):
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def one(data=b"\7", meta=None, **changes):
    """A file of one tensor `w`, with a `__metadata__` where one is given."""
    return file(header(**({} if meta is None else {"__metadata__": meta}), w=entry(**changes)), data)


def two(first, second, data):
    return file(header(a=first, b=second), data)


PLAIN = header(w=entry())

# What both take.
TAKEN = {
    "plain": one(),
    "blanks behind": file(PLAIN + "  "),
    "white space behind": file(PLAIN + "\n\t\r "),
    "metadata empty": one(meta="{}"),
    "metadata of texts": one(meta='{"format":"pt","":""}'),
    "metadata last": file(header(w=entry(), __metadata__='{"a":"b"}')),
    "metadata escaped": file('{"\\u005f_metadata__":{"a":"b"},' + PLAIN[1:]),
    "name like metadata": file(header(**{"__metadata__.x": entry()})),
    "further member": one(more=',"x":1'),
    "further fraction": one(more=',"x":-1.5e3'),
    "further -0": one(more=',"x":-0'),
    "further object": one(more=',"x":{"y":[1,{},null,true]}'),
    "further integer of 300 digits": one(more=',"x":' + "9" * 300),
    "further in upper case": one(more=',"DTYPE":"F32"'),
    "127 deep": one(more=',"x":' + "[" * 125 + "]" * 125),
    "objects 127 deep": one(more=',"x":' + '{"a":' * 125 + "0" + "}" * 125),
    "other order of members": file('{"w":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}'),
    "escapes": file('{"w":{"\\u0064type":"\\u0055\\u0038","shape":[1],"data_offsets":[0,1]}}'),
    "payloads in another order": two(entry(offsets="[1,2]"), entry(), b"\1\2"),
    "no elements first": two(entry(shape="[2]", offsets="[0,2]"), entry(shape="[0]", offsets="[0,0]"), b"\1\2"),
    "no elements last": two(entry(shape="[2]", offsets="[0,2]"), entry(shape="[0]", offsets="[2,2]"), b"\1\2"),
    "no elements at all": two(entry(shape="[0]", offsets="[0,0]"), entry(shape="[0]", offsets="[0,0]"), b""),
    "no dimension": one(shape="[]"),
    "not aligned": two(entry(), entry("F32", offsets="[1,5]"), b"\1" * 5),
    "bool of 7": one(dtype="BOOL"),
    "E8M0": one(dtype="F8_E8M0"),
    "complex": one(dtype="C64", offsets="[0,8]", data=b"\1" * 8),
    "empty name": file(header(**{"": entry()})),
    "NUL in a name": file(header(**{"\\u0000": entry()})),
    "escaped slash": file(header(**{"a\\/b": entry()})),
}

# What neither takes.
REFUSED = {
    "nothing": b"",
    "seven bytes": bytes(7),
    "length 0": bytes(8),
    "length 1": file("{", b""),
    "length of 1000": file(PLAIN, size=1000),
    "length of one less": file(PLAIN, size=len(PLAIN) - 1),
    "length of 2^63": file(PLAIN, size=1 << 63),
    "NUL behind": file(PLAIN + "\0"),
    "object behind": file(PLAIN + "{}"),
    "byte order mark": file("\ufeff" + PLAIN),
    "data without tensors": file("{}"),
    "list": file("[]", b""),
    "name not UTF-8": file(b'{"\xff":' + PLAIN[5:].encode()),
    "metadata not UTF-8": file(b'{"__metadata__":{"a":"\xff"},' + PLAIN[1:].encode()),
    "metadata of numbers": one(meta='{"a":1}'),
    "metadata of null": one(meta='{"a":null}'),
    "metadata of an object": one(meta='{"a":{}}'),
    "metadata that is a list": one(meta="[]"),
    "metadata that is a text": one(meta='"x"'),
    "metadata that is a number": one(meta="7"),
    "metadata that is true": one(meta="true"),
    "metadata like a tensor": one(meta=entry(shape="[0]", offsets="[0,0]")),
    "metadata of half a pair": one(meta='{"a":"\\ud800"}'),
    "metadata twice": file('{"__metadata__":{},"__metadata__":{},' + PLAIN[1:]),
    "dtype twice": file('{"w":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}'),
    "name twice with other offsets": file('{"w":' + entry() + ',"w":' + entry(offsets="[1,2]") + "}", b"\1\2"),
    "NaN": one(more=',"x":NaN'),
    "infinity": one(more=',"x":Infinity'),
    "128 deep": one(more=',"x":' + "[" * 126 + "]" * 126),
    "objects 128 deep": one(more=',"x":' + '{"a":' * 126 + "0" + "}" * 126),
    "very deep": one(more=',"x":' + "[" * 100_000 + "]" * 100_000),
    "no dtype": file('{"w":{"shape":[1],"data_offsets":[0,1]}}'),
    "no shape": file('{"w":{"dtype":"U8","data_offsets":[0,1]}}'),
    "no offsets": file('{"w":{"dtype":"U8","shape":[1]}}'),
    "entry of null": file('{"w":null}', b""),
    "dimension 1.0": one(shape="[1.0]"),
    "dimension 1e0": one(shape="[1e0]"),
    "dimension true": one(shape="[true]"),
    "dimension text": one(shape='["1"]'),
    "dimension -0": one(shape="[-0]", offsets="[0,0]", data=b""),
    "dimension 01": one(shape="[01]"),
    "dimension of 2^64": one(shape=f"[0,{1 << 64}]", offsets="[0,0]", data=b""),
    "shape null": one(shape="null"),
    "shape object": one(shape="{}"),
    "product of 2^64": one(shape=f"[{1 << 32},{1 << 32}]", offsets="[0,0]", data=b""),
    "three offsets": one(offsets="[0,1,1]"),
    "one offset": one(offsets="[1]"),
    "offsets backwards": one(offsets="[1,0]"),
    "offsets object": one(offsets='{"0":0,"1":1}'),
    "offset 1.0": one(offsets="[0,1.0]"),
    "offset -0": one(offsets="[-0,1]"),
    "offset of 2^64": one(offsets=f"[0,{1 << 64}]"),
    "offset of 2^63": one(offsets=f"[0,{1 << 63}]"),
    "gap": two(entry(), entry(offsets="[2,3]"), b"\1\2\3"),
    "gap at the start": one(offsets="[1,2]", data=b"\1\2"),
    "overlap": two(entry(shape="[2]", offsets="[0,2]"), entry(shape="[2]", offsets="[1,3]"), b"\1\2\3"),
    "same bytes": two(entry(), entry(), b"\1"),
    "byte left over": one(data=b"\1\2"),
    "cut off": one(shape="[2]", offsets="[0,2]"),
    "no elements inside": two(entry(shape="[2]", offsets="[0,2]"), entry(shape="[0]", offsets="[1,1]"), b"\1\2"),
    "no elements beyond": two(entry(shape="[2]", offsets="[0,2]"), entry(shape="[0]", offsets="[7,7]"), b"\1\2"),
    "dtype in lower case": one(dtype="u8"),
    "half a pair in a name": file(header(**{"\\ud800": entry()})),
    "NUL as it is": file(header(**{"a\0b": entry()})),
    "form feed": file("{\f" + PLAIN[1:]),
    "no-break space": file("{\u00a0" + PLAIN[1:]),
    "wrong escape": file(header(**{"a\\x": entry()})),
    "comma at the end": file(PLAIN[:-1] + ",}"),
    "single quotes": file(PLAIN.replace('"', "'")),
}

# What they judge otherwise, by the first words of the row of CONV-10 that says why.
DIFFERENT = {
    "white space before": [file(" " + PLAIN), file("\n" + PLAIN)],
    "a name that stands twice": [
        file('{"w":' + entry() + ',"w":' + entry() + "}"),
        one(meta='{"a":"b","a":"c"}'),
        one(more=',"x":1,"x":2'),
    ],
    "`__metadata__` is null": [one(meta="null")],
    "an entry that is a list": [file('{"w":["U8",[1],[0,1]]}')],
    "a file without a tensor": [file("{}", b""), file('{"__metadata__":{"a":"b"}}', b"")],
    "`F4`": [
        one(dtype="F4", shape="[2]"),
        one(dtype="F6_E2M3", shape="[4]", offsets="[0,3]", data=b"abc"),
        one(dtype="F6_E3M2", shape="[4]", offsets="[0,3]", data=b"abc"),
    ],
    "more than 64 dimensions": [
        one(shape=f"[{','.join('1' * 65)}]"),
        one(dtype="U16", shape=f"[0,{1 << 62}]", offsets="[0,0]", data=b""),
        one(shape=f"[0,{1 << 63}]", offsets="[0,0]", data=b""),
    ],
    "names of which one": [file(header(**{"a": entry(), "a.b": entry(offsets="[1,2]")}), b"\1\2")],
    "a number beyond float 64": [
        one(more=',"x":1e999'),
        one(more=',"x":' + "9" * 5000),
        one(more=',"x":"\\ud800"'),
        one(more=',"\\ud800":1'),
    ],
}


def library_takes(data):
    try:
        safetensors.deserialize(data)
    except safetensors.SafetensorError:
        return False
    return True


def reader_takes(data):
    """Whether all of a file is taken; what cannot be held, or clashes, is refused where it is chosen."""
    try:
        contents = read_safetensors(BytesSource(data))
    except FormatError:
        return False
    return not contents.unheld and contents.clash is None


@pytest.mark.parametrize("name", TAKEN)
def test_both_take(name):
    assert library_takes(TAKEN[name])
    assert reader_takes(TAKEN[name])


@pytest.mark.parametrize("name", REFUSED)
def test_neither_takes(name):
    assert not library_takes(REFUSED[name])
    assert not reader_takes(REFUSED[name])


def test_the_differences_are_those_that_are_listed(root):
    clause = (root / "spec/1.0/09-conversion.md").read_text().split("#### CONV-10\n")[1].split("\n#### ")[0]
    rows = re.findall(r"^\| ([^|]+) \| (take|refuse)s[^|]* \| (taken|refused) \|", clause, flags=re.M)
    assert len(rows) == len(DIFFERENT)
    for (words, library, here), (begins, files) in zip(rows, DIFFERENT.items(), strict=True):
        assert words.startswith(begins)
        for data in files:
            assert library_takes(data) == (library == "take"), begins
            assert reader_takes(data) == (here == "taken"), begins
