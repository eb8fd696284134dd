"""How the extras of this package are installed, which are for libraries that not everybody needs."""

from __future__ import annotations

from typing import Final

_NAME: Final = "streamckpt"


def how_to_install(extra: str) -> str:
    """The command that adds an extra to this package, for the end of an error: `pip install 'streamckpt[delta]'`.

    A package that came from a folder, or from a repository at a URL, is installed from there (PEP 610): it may not have
    been published, and another release may not be the same.
    """
    import json  # these take longer to import than many a command takes to run
    import shlex
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    def path(url: str) -> str:
        return unquote(urlsplit(url).path)

    clone = __file__.rsplit("/", 3)[0]
    try:
        origin = json.loads(metadata.distribution(_NAME).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # it runs in a clone, without having been installed
        return f"pip install {shlex.quote(f'{clone}[{extra}]')}"
    match origin:
        case {"url": str(url), "dir_info": {"editable": True}}:
            return f"pip install -e {shlex.quote(f'{path(url)}[{extra}]')}"
        case {"url": str(url), "dir_info": {}}:
            return f"pip install {shlex.quote(f'{path(url)}[{extra}]')}"
        case {"url": str(url), "vcs_info": {"vcs": str(system), "commit_id": str(commit)}}:
            return f"pip install {shlex.quote(f'{_NAME}[{extra}] @ {system}+{url}@{commit}')}"
        case _:
            return f"pip install '{_NAME}[{extra}]'"
