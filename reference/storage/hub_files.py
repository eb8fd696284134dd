"""Files of the Hugging Face Hub: `hf://OWNER/REPO[@REVISION]/FILE`, read with ranges from where the Hub keeps them.

Without a file, or with a / at the end, it is a folder, of which the Hub is asked for files by their names.
"""

from __future__ import annotations

import http.client
import os
import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from ..format.errors import UsageError
from .object_sources import Version
from .web_objects import WebObject

_KINDS: Final = ("datasets", "spaces", "models")
_PATH: Final = re.compile(r"(?:(datasets|spaces|models)/)?([^/@]+/[^/@]+)(?:@(refs/[^/]+/[^/]+|[^/]+))?(?:/(.*))?")


class HubFile(NamedTuple):
    """A file of a repository, at a revision: a branch, a tag or a commit; `path` is "" of the repository itself."""

    repository: str
    revision: str
    path: str

    @classmethod
    def of(cls, url: str) -> HubFile:
        """Raises UsageError."""
        found = _PATH.fullmatch(url.partition("://")[2])
        if found is None:
            raise UsageError(
                f"{url} does not name a file on the Hub; write hf://OWNER/REPO/FILE or hf://OWNER/REPO@REVISION/FILE"
            )
        kind, repository, revision, path = found.groups()
        where = f"{kind}/{repository}" if kind in _KINDS[:2] else repository
        return cls(where, unquote(revision or "main"), path or "")

    @property
    def is_folder(self) -> bool:
        """Whether it can be nothing but a folder of the repository, or all of that."""
        return not self.path or self.path.endswith("/")

    def address(self) -> str:
        """The URL at which the Hub gives the file, or says where it is kept."""
        endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        return f"{endpoint}/{self.repository}/resolve/{quote(self.revision, safe='')}/{quote(self.path)}"


def hub_token() -> str | None:
    """The token that Hub tools use: of the environment, or of the file in which a login has put it."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name, "").strip():
            return token
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    try:
        text = Path(os.environ.get("HF_TOKEN_PATH") or f"{home}/token").expanduser().read_text()
    except (OSError, UnicodeDecodeError, RuntimeError):  # RuntimeError: nobody's home
        return None
    return text.strip() or None


class HubObject(WebObject):
    """A file of the Hub: what is read is of one commit, whatever is pushed meanwhile."""

    def __init__(self, file: HubFile, name: str) -> None:
        token = hub_token()
        super().__init__(file.address(), name, {"Authorization": f"Bearer {token}"} if token else {})
        self._file = file

    def told(self, headers: http.client.HTTPMessage) -> None:
        if commit := headers.get("X-Repo-Commit"):  # asked for from now on, when the address expires
            self._url = self._file._replace(revision=commit).address()

    def begin(self, n: int) -> tuple[bytes, Version]:
        try:
            return super().begin(n)
        except PermissionError as error:
            error.strerror = "the Hub has no such file for you; for a private or gated one log in, or set HF_TOKEN"
            raise
