"""Streams put together by hand, and a sink that keeps what it is given."""

from reference.format.payloads import BytesSink as BytesSink


def record(path, blob, *, bin8=True):
    """A record with the key path (texts of under 32 bytes) and the bytes of its leaf."""
    parts = b"".join(bytes((0xA0 | len(part.encode()),)) + part.encode() for part in path)
    head = b"\xdc" + len(path).to_bytes(2, "big") if len(path) > 15 else bytes((0x90 | len(path),))
    size = b"\xc4" + bytes((len(blob),)) if len(blob) < 256 and bin8 else b"\xc6" + len(blob).to_bytes(4, "big")
    return b"\x92" + head + parts + size + blob


def array(shape_bytes, tag, payload, *, code=1, elements=0x93):
    """An ext leaf with a body of [shape, tag, payload]; the shape is given in bytes."""
    body = (
        bytes((elements,)) + shape_bytes + bytes((0xA0 | len(tag),)) + tag.encode() + b"\xc4" + bytes((len(payload),))
    )
    body += payload
    return b"\xc7" + bytes((len(body),)) + bytes((code,)) + body
