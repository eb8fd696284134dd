"""Search as the theme does it, with a few lines of ours before it: see search_worker.js."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_OURS: Final = Path(__file__).with_suffix(".js")
_THEME: Final = "search.*.min.js"  # in whose name stands a hash, and which every page names


def put_before(site: Path) -> None:
    """Puts ours in the place of the worker of the theme, which it calls by another name. May be called again.

    Raises ValueError where the theme has no such worker, or several.
    """
    (worker,) = (site / "assets/javascripts/workers").glob(_THEME)
    theme = f"theme.{worker.name.removeprefix('search.')}"
    text = _OURS.read_text().replace("THEME", theme)
    if worker.read_text() != text:
        worker.replace(worker.with_name(theme))
        worker.write_text(text)
