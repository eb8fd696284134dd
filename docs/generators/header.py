"""What the head of every page says beside the name of the site: the version, how to install it, where its source is."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from mkdocs.utils import get_relative_url

from reference import __version__

_NAME: Final = re.compile(r'(<header\b.*?<span class="md-ellipsis">\s*)([^<]*?)(\s*</span>)', re.S)
_END: Final = re.compile(r"(<header\b.*?)(</nav>)", re.S)


def filled(html: str, url: str, repository: str) -> str:
    """The page at `url` with a version behind the name of the site, and links at the end of its head.

    `repository` is an address, or empty: then nothing links to one.
    """
    version = f' <span class="head-version">{escape(__version__)}</span>'
    links = [f'<a href="{get_relative_url("install/", url)}">Install</a>']
    if repository:
        links.append(f'<a href="{escape(repository)}">Source</a>')
    html = _NAME.sub(lambda match: f"{match[1]}{match[2]}{version}{match[3]}", html, count=1)
    return _END.sub(
        lambda match: f'{match[1]}<div class="head-links">{"".join(links)}</div>\n{match[2]}', html, count=1
    )
