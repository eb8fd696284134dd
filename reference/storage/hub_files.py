"""Files of the Hugging Face Hub: `hf://OWNER/REPO[@REVISION]/FILE`, read with ranges from where the Hub keeps them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from ..format.errors import UsageError
from .object_sources import Version
from .store_objects import StoredObject
from .stores import web_object

_KINDS: Final = ("datasets", "spaces", "models")
_PATH: Final = re.compile(r"(?:(datasets|spaces|models)/)?([^/@]+/[^/@]+)(?:@(refs/[^/]+/[^/]+|[^/]+))?/(.+)")
_TIMEOUT: Final = 10.0  # seconds for the one small request that the store does not make


class HubFile(NamedTuple):
    """A file of a repository, at a revision: a branch, a tag or a commit."""

    repository: str
    revision: str
    path: str

    @classmethod
    def of(cls, url: str) -> HubFile:
        """Raises UsageError."""
        found = _PATH.fullmatch(url.partition("://")[2])
        if found is None:
            raise UsageError(
                f"{url} names no file of the Hub; hf://OWNER/REPO/FILE or hf://OWNER/REPO@REVISION/FILE do"
            )
        kind, repository, revision, path = found.groups()
        where = f"{kind}/{repository}" if kind in _KINDS[:2] else repository
        return cls(where, unquote(revision or "main"), path)

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


class HubObject:
    """A file of the Hub as a reader: found once, at one commit, and again when the address that was given expires."""

    def __init__(self, file: HubFile, name: str) -> None:
        self.name = name
        self._file = file
        token = hub_token()
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._lock = threading.Lock()
        self._object = self._found()

    def _found(self) -> StoredObject:
        address, headers = self._file.address(), self._headers
        answer = _look(address, headers)
        if commit := answer.get("X-Repo-Commit"):  # what is read later is of the same commit, whatever is pushed
            self._file = self._file._replace(revision=commit)
            address = self._file.address()
        if location := answer.get("Location"):
            kept = urljoin(address, location)
            if urlsplit(kept)[:2] != urlsplit(address)[:2]:  # whose address is signed, and gets no token
                address, headers = kept, {}
            elif not commit:
                address = kept
        return StoredObject(*web_object(address, headers), self.name)

    def begin(self, n: int) -> tuple[bytes, Version]:
        try:
            return self._object.begin(n)
        except PermissionError as error:
            error.strerror = "the Hub has no such file for you; for a private or gated one log in, or set HF_TOKEN"
            raise

    def fetch(self, offset: int, views: Sequence[memoryview], expected: Version) -> Version | None:
        asked = self._object
        try:
            return asked.fetch(offset, views, expected)
        except PermissionError:  # signed addresses are good for an hour or so
            with self._lock:
                if self._object is asked:  # else another thread has found it again
                    self._object = self._found()
            return self._object.fetch(offset, views, expected)

    def look(self) -> Version | None:
        return None


def _look(address: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers with which the Hub answers, an empty dict where it does not: the store finds out why."""
    import urllib.error  # which takes longer to import than all of this package
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            """Redirects are read here, and not followed."""

    request = urllib.request.Request(address, headers=dict(headers), method="HEAD")
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=_TIMEOUT) as answer:
            return dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return dict(error.headers) if error.code < 400 else {}
    except (OSError, ValueError):
        return {}
