"""One small picture of the results, for those who have no time for the page of them: `python -m benchmarks.picture`.

The README shows it from two files, for light pages and for dark ones; on the site it takes the colours of the page.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from .targets import Cases, seconds
from .trees import WORKS

_WORK, _PLACE = "llama-1gb", "tmpfs"
# What a trainer waits for. Saving from one device is among them, where safetensors is as fast.
OPERATIONS: Final = {
    "save jax": "save, one device",
    "save sharded": "save, 8 devices",
    "load jax": "load, one device",
    "load sharded": "load, 8 devices",
    "one tensor": "read one tensor",
}
PEERS: Final = ("streamckpt", "safetensors", "orbax", "usual loop")
FILES: Final = {"light": "speed-light.svg", "dark": "speed-dark.svg"}
FOLDER: Final = Path(__file__).parents[1] / "docs/pages/assets"

_BAR, _GAP, _LINE, _BOTTOM = 13, 12, 16, 22  # pixels


class Layout(NamedTuple):
    """Pixels of all, for the operations, and for what follows a bar; names of no width stand above their bars."""

    width: int
    names: int
    values: int


BROAD: Final = Layout(760, 140, 130)
NARROW: Final = Layout(340, 0, 120)  # for phones


class Colors(NamedTuple):
    ours: str
    others: str
    text: str
    quiet: str


# Of GitHub's pages; the texts have a contrast of 7 and more, the bars of 3 and more.
LIGHT: Final = Colors("#1b5763", "#8a949e", "#1f2328", "#59636e")
DARK: Final = Colors("#6fc1d0", "#6e7781", "#f0f6fc", "#9198a1")
PAGE: Final = Colors(
    "var(--md-typeset-a-color)", "var(--bar)", "var(--md-default-fg-color)", "var(--md-default-fg-color--light)"
)


def drawing(results: dict[str, Any], colors: Colors = PAGE, layout: Layout = BROAD) -> str:
    """Seconds that each peer takes for each operation, as SVG on one line. What has no figure is left out."""
    cases = Cases(results)
    groups, days = {}, set[str]()
    for operation, name in OPERATIONS.items():
        found = {peer: case for peer, case in cases.group(operation, _WORK, _PLACE).items() if "failure" not in case}
        days |= {case["date"] for case in found.values()}
        groups[name] = [(peer, seconds(found[peer])) for peer in PEERS if peer in found]
    most = max((value for rows in groups.values() for _, value in rows), default=1.0)
    scale = (layout.width - layout.names - layout.values) / most
    title = [f"Seconds for {WORKS[_WORK].title}; ", "shorter is better"]
    title = title if layout.names == 0 else ["".join(title)]
    parts = [_text(0, 14 + _LINE * i, line, colors.text, "start", "bold") for i, line in enumerate(title)]
    y = 14.0 + _LINE * len(title)
    for name, rows in groups.items():
        if layout.names == 0:
            parts.append(_text(0, y + 9, name, colors.text, "start"))
            y += _LINE
        else:
            parts.append(_text(layout.names - 10, y + len(rows) * _BAR / 2 + 4, name, colors.text, "end"))
        for peer, value in rows:
            ours = peer == PEERS[0]
            width = max(value * scale, 1.5)
            parts.append(
                f'<rect x="{layout.names}" y="{y + 1:g}" width="{width:.1f}" height="{_BAR - 2}" rx="1.5" '
                f'fill="{colors.ours if ours else colors.others}"/>'
            )
            label = f"{value:.2f} s {peer}" if value >= 0.1 else f"{1e3 * value:.0f} ms {peer}"
            weight = "bold" if ours else "normal"
            parts.append(
                _text(layout.names + width + 6, y + 10, label, colors.text if ours else colors.quiet, "start", weight)
            )
            y += _BAR
        y += _GAP
    machine = results["machine"]
    note = f"{machine['processor']}, {machine['cores']} cores, files in memory, medians, {max(days, default='')}"
    title = "".join(title)
    parts.append(_text(0, y + 8, note, colors.quiet, "start"))
    described = "; ".join(
        f"{name}: {', '.join(f'{peer} {value:.3g} s' for peer, value in rows)}" for name, rows in groups.items()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {y + _BOTTOM - _GAP:g}" role="img" '
        'font-family="system-ui, sans-serif" font-size="11.5">'
        f"<title>{html.escape(title)}</title><desc>{html.escape(described)}</desc>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, color: str, anchor: str, weight: str = "normal") -> str:
    bold = f' font-weight="{weight}"' if weight != "normal" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}"{bold}>{html.escape(text)}</text>'


def figures(results: dict[str, Any]) -> str:
    """The drawing for a page of the site, and one for phones in its place."""
    layouts = {"broad": BROAD, "narrow": NARROW}
    return "\n".join(
        f'<figure class="plot {name}" tabindex="0">{drawing(results, layout=layout)}</figure>\n'
        for name, layout in layouts.items()
    )


def files(results: dict[str, Any]) -> dict[Path, str]:
    """The files of the README and what is in them."""
    return {
        FOLDER / FILES["light"]: drawing(results, LIGHT) + "\n",
        FOLDER / FILES["dark"]: drawing(results, DARK) + "\n",
    }


def main() -> None:
    for path, text in files(json.loads((Path(__file__).parent / "results.json").read_text())).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
