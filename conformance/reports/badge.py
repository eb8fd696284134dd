"""A run as a badge: a small SVG that says how many checks were passed."""

from __future__ import annotations

from html import escape

from ..runner import PASSED, Run

_LETTER = 6.6  # pixels that a letter takes, about
_GOOD, _BAD = "#2e7d32", "#c62828"


def badge(run: Run) -> str:
    """The badge of a run as SVG."""
    return picture(run.spec, sum(line.state == PASSED for line in run.lines), len(run.lines), run.passed)


def picture(spec: str, passed: int, total: int, good: bool = True) -> str:
    """How many checks against a version of the specification were passed, as SVG; red where that is not good."""
    return drawn(f"streamckpt {spec}", f"{passed} of {total}", _GOOD if good else _BAD)


def drawn(label: str, value: str, color: str = _GOOD) -> str:
    """Two words beside each other, the second on a colour, as SVG."""
    left, right = (round(len(text) * _LETTER + 12) for text in (label, value))
    texts = "".join(
        f'<text x="{x}" y="14" text-anchor="middle" fill="#fff">{escape(text)}</text>'
        for x, text in ((left / 2, label), (left + right / 2, value))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{escape(label)}: {escape(value)}"><rect width="{left}" height="20" fill="#555"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{color}"/>'
        f'<g font-family="Verdana, sans-serif" font-size="11">{texts}</g></svg>\n'
    )
