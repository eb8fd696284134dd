"""What a program says of a rejection: read to the letter, and shown as what it is."""

import pytest

from conformance.limits import Limits
from conformance.programs import CRASHED, REJECTED, run_program
from conformance.tests.programs import program


def outcome(tmp_path, text):
    return run_program(program(tmp_path, text).split(), Limits(20, 1 << 40))


@pytest.mark.parametrize(
    "said",
    [
        '{"rejected": "no", "offset": NaN}',
        '{"rejected": "no", "offset": -Infinity}',
        '{"rejected": "no", "rejected": "yes"}',
        '{"rejected": "no", "x": {"y": 1, "y": 1}}',
    ],
)
def test_a_rejection_is_json_to_the_letter(tmp_path, said):
    got = outcome(tmp_path, f"import sys; print({said!r}, file=sys.stderr); sys.exit(1)")
    assert got.verdict == CRASHED


def test_what_a_program_says_does_not_reach_the_terminal_as_it_is(tmp_path):
    said = r'{"rejected": "\u001b[2J\u0007 a\nb \u202e \u009b \u00e9", "clause": "\u001b]0;x"}'
    got = outcome(tmp_path, f"import sys; print({said!r}, file=sys.stderr); sys.exit(1)")
    assert got.verdict == REJECTED
    assert got.why == r"\x1b[2J\x07 a\nb \u202e \x9b é"
    assert got.rejection["clause"] == r"\x1b]0;x"
    got = outcome(tmp_path, "import sys; print('\\x1b[2J', file=sys.stderr); sys.exit(3)")
    assert got.why == r"ended with exit status 3: '\x1b[2J'"
