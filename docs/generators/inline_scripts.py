"""The theme puts scripts into its pages; here they become files, so that the site works where a server allows no others
(`Content-Security-Policy: default-src 'self'`)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from mkdocs.utils import get_relative_url

FOLDER: Final = "assets/javascripts"
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.S)


def taken_out(html: str, url: str, site: Path) -> str:
    """The page at `url` with each of its scripts in a file of the site. Pages of one depth share them."""

    def stored(match: re.Match[str]) -> str:
        text = match[1]
        name = f"{FOLDER}/page.{hashlib.sha256(text.encode()).hexdigest()[:8]}.js"
        file = site / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return f'<script src="{get_relative_url(name, url)}"></script>'

    return _INLINE.sub(stored, html)
