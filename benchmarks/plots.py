"""Plots as SVG that stands in a page by itself: no script, no font, its colours those of the page, light or dark."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

_OURS: Final = "var(--md-primary-fg-color, #4051b5)"
_WIDTH: Final = 720
_ROW: Final = 24
_NAMES: Final = 230  # pixels for the names of bars
_VALUES: Final = 130  # and for what stands behind them


class Bar(NamedTuple):
    """A bar from 0, what stands behind it, and the range in which half of the runs lie."""

    name: str
    value: float
    label: str
    low: float
    high: float
    ours: bool


class Line(NamedTuple):
    name: str
    points: Sequence[tuple[float, float]]
    ours: bool


def bars(title: str, description: str, rows: Sequence[Bar]) -> str:
    """Bars below each other; those of this project in the page's own colour."""
    most = max((row.high for row in rows), default=1) or 1
    scale = (_WIDTH - _NAMES - _VALUES) / most
    parts = []
    for i, row in enumerate(rows):
        top = i * _ROW + 4
        fill = f'fill="{_OURS}"' if row.ours else 'fill="currentColor" fill-opacity="0.3"'
        weight = ' font-weight="bold"' if row.ours else ""
        end = _NAMES + row.value * scale
        middle = top + 8
        parts += [
            _text(_NAMES - 8, top + 12, row.name, "end", weight),
            f'<rect x="{_NAMES}" y="{top}" width="{max(row.value * scale, 1):.1f}" height="16" rx="2" {fill}/>',
        ]
        if row.high > row.low:
            x, y = _NAMES + row.low * scale, _NAMES + row.high * scale
            parts.append(f'<path d="M{x:.1f} {middle}H{y:.1f}" stroke="currentColor" stroke-opacity="0.8"/>')
        parts.append(_text(max(end, _NAMES + row.high * scale) + 8, top + 12, row.label, "start", weight))
    return _svg(title, description, len(rows) * _ROW + 4, parts)


_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 10, 44


def lines(title: str, description: str, axes: tuple[str, str], series: Sequence[Line], height: int = 300) -> str:
    """Lines over two logarithmic axes; a straight one at 45 degrees is a cost in proportion."""
    points = [point for line in series for point in line.points]
    if not points:
        return ""
    (x0, x1), (y0, y1) = (_decades([point[axis] for point in points]) for axis in (0, 1))
    across = lambda x: _LEFT + (math.log10(x) - x0) / (x1 - x0) * (_WIDTH - _LEFT - _RIGHT)  # noqa: E731
    down = lambda y: height - _BOTTOM - (math.log10(y) - y0) / (y1 - y0) * (height - _TOP - _BOTTOM)  # noqa: E731
    parts = []
    for power in range(x0, x1 + 1):
        x = across(10**power)
        parts.append(_grid(f"M{x:.1f} {_TOP}V{height - _BOTTOM}"))
        parts.append(_text(x, height - _BOTTOM + 16, f"{10**power:,}", "middle"))
    for power in range(y0, y1 + 1):
        y = down(10**power)
        parts.append(_grid(f"M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"))
        parts.append(_text(_LEFT - 8, y + 4, f"{10.0**power:g}", "end"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, height - 8, axes[0], "middle"))
    parts.append(_text(4, _TOP + 2, axes[1], "start"))
    names: list[tuple[float, Line]] = []
    for line in series:
        stroke = f'stroke="{_OURS}" stroke-width="2.5"' if line.ours else 'stroke="currentColor" stroke-opacity="0.45"'
        where = [(across(x), down(y)) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in where)
        parts.append(f'<path d="M{path}" fill="none" {stroke}/>')
        names.append((where[-1][1], line))
    last = -math.inf
    for y, line in sorted(names, key=lambda entry: entry[0]):  # names keep clear of each other
        last = max(y + 4, last + 14)
        parts.append(_text(_WIDTH - _RIGHT + 8, last, line.name, "start", ' font-weight="bold"' if line.ours else ""))
    return _svg(title, description, height, parts)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _grid(path: str) -> str:
    return f'<path d="{path}" stroke="currentColor" stroke-opacity="0.15"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(text)}</text>'


def _svg(title: str, description: str, height: int, parts: Sequence[str]) -> str:
    """On one line, so that Markdown takes it as it is."""
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg" '
        'style="width:100%;height:auto;font-family:inherit;font-size:12px;fill:currentColor">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(description)}</desc>{''.join(parts)}</svg>"
    )
