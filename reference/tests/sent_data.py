"""What the tests of outputs to buckets send, and what stood there before."""

OLD = b"what was there before"
PART = 1 << 16  # of the tests: their server takes parts of any size
DATA = bytes(range(256)) * ((5 * PART // 2 + 4096) // 256)  # two parts and a half


def one_line(error, name):
    """Assert that an error can be shown to anybody."""
    text = str(error)
    assert "\n" not in text
    assert error.filename == name
    assert len(text) < 400
    for secret in ("thesecret", "thetoken", "Signature=", "uploadId", "Debug source", "Authorization"):
        assert secret not in text
