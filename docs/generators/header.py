"""What the head of every page says besides the name of the site: the version, and where its source is."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from reference import __version__

_NAME: Final = re.compile(r'(<header\b.*?<span class="md-ellipsis">\s*)([^<]*?)(\s*</span>)', re.S)
_DIALOG: Final = '<div class="md-search" data-md-component="search" role="dialog"'  # the theme gives it no name
_MENU: Final = '<label class="md-header__button md-icon" for="__drawer">'
_SEARCH: Final = '<label class="md-header__button md-icon" for="__search">'


def filled(html: str, repository: str) -> str:
    """A page with the version after the name of the site, a menu that can be reached by keyboard, and before the search
    a link to the repository, where its address is known."""
    version = f' <span class="head-version">{escape(__version__)}</span>'
    html = _NAME.sub(lambda match: f"{match[1]}{match[2]}{version}{match[3]}", html, count=1)
    html = html.replace(_DIALOG, f'{_DIALOG} aria-label="Search"', 1)
    # The theme clicks a label that has the focus, when Enter is pressed, but gives it none.
    html = html.replace(_MENU, f'{_MENU[:-1]} tabindex="0" role="button" aria-label="Menu">', 1)
    if not repository:
        return html
    return html.replace(_SEARCH, f'<a class="head-source" href="{escape(repository)}">Source</a>{_SEARCH}', 1)
