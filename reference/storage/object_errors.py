"""What goes wrong with objects in buckets and on web servers, as the OSError of one line that files would give.

Libraries of stores say it in many lines, with the URL that was asked for: what signs such a URL is never repeated.
"""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit


class PassingError(OSError):
    """An answer that may be a better one when the same is asked for again."""


_CHANGED: Final = "the object was replaced while it was read; read it again"
NO_RANGES: Final = "this server sends whole files, and not parts of them; download the file first, and name the copy"
_NO_CREDENTIALS: Final = (
    "there are no credentials for this bucket; sign in with the tools of its cloud, "
    "or for a public one set {}_SKIP_SIGNATURE=true"
)
NO_SUCH_OBJECT: Final = "there is no such object"
UNKNOWN_SERVER: Final = "the name of the server is not known; check it, and whether this machine is on the network"
# By the names of the exceptions, which those of obspec share with obstore's.
_KINDS: Final[dict[str, tuple[type[OSError], int, str]]] = {
    "FileNotFoundError": (FileNotFoundError, errno.ENOENT, NO_SUCH_OBJECT),
    "NotFoundError": (FileNotFoundError, errno.ENOENT, NO_SUCH_OBJECT),
    "IsADirectoryError": (IsADirectoryError, errno.EISDIR, "this is a directory; name a file in it"),
    "PermissionError": (PermissionError, errno.EACCES, "access is refused"),
    "PermissionDeniedError": (PermissionError, errno.EACCES, "the server refuses access"),
    "UnauthenticatedError": (PermissionError, errno.EACCES, "the server does not accept these credentials"),
    "PreconditionError": (OSError, errno.EBUSY, _CHANGED),
    "AlreadyExistsError": (FileExistsError, errno.EEXIST, "there is such an object already"),
    "InvalidPathError": (OSError, errno.EINVAL, "this is not a valid name for an object"),
}
_STATUS: Final = re.compile(r"status code: (\d+)[^:\n]*")
_CAUSES: Final = (  # texts within the long form of an error, and what it is then called
    ("Range request not supported", errno.ENOTSUP, NO_RANGES),
    ("169.254.169.254/latest", errno.EACCES, _NO_CREDENTIALS.format("AWS")),
    ("169.254.169.254/metadata", errno.EACCES, _NO_CREDENTIALS.format("AZURE")),
    ("computeMetadata", errno.EACCES, _NO_CREDENTIALS.format("GOOGLE")),
    ("Account must be specified", errno.EINVAL, "the storage account is not known; set AZURE_STORAGE_ACCOUNT_NAME"),
    ("without LOCATION", errno.EINVAL, "the bucket is in another region; set AWS_REGION to it"),
    ("dns error", errno.EHOSTUNREACH, UNKNOWN_SERVER),
    ("ConnectionRefused", errno.ECONNREFUSED, "the server cannot be reached: connection refused"),
    ("Content-Range header not present", errno.EIO, "the server does not say which part of the file it has sent"),
    ("request or response body error", errno.EIO, "the connection was cut again and again"),
    ("TimedOut", errno.ETIMEDOUT, "the server does not answer"),
    ("kind: Connect", errno.EHOSTUNREACH, "the server cannot be reached"),
    ("non-partial response", errno.ENOTSUP, NO_RANGES),
    ("error sending request", errno.EIO, "the server cuts the connection"),
)


def changed(name: str) -> OSError:
    """The error of an object that is not the one that was opened."""
    return OSError(errno.EBUSY, _CHANGED, name)


def without_secrets(url: str) -> str:
    """A URL without what may be a password or a signature: user, query and fragment are left out. A path as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https"):
        head, mark, query = url.partition("?")  # which may belong to the name of an object
        return head if mark and "=" in query else url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


_URL: Final = re.compile(r"https?://[^\s\"'<>]+")


def one_line(text: str) -> str:
    """The first line of an error, its URLs `without_secrets`, and shortened."""
    line = text.strip().split("\n")[0][:2000]
    return _URL.sub(lambda found: without_secrets(found[0]), line)[:300]


def translated(error: Exception, name: str) -> OSError | None:
    """The OSError for an exception of a store's library; None for what is not of one."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, OSError) and error.filename == name:
        return error
    if kind in _KINDS:
        found, number, said = _KINDS[kind]
        return found(number, said, name)
    if isinstance(error, OSError):
        error.errno = error.errno or errno.EIO
        error.strerror = error.strerror or one_line(text) or kind
        error.filename = name
        return error
    if type(error).__module__.startswith(("botocore", "azure", "google.auth")):
        return _of_other_library(error, name)
    if not type(error).__module__.startswith(("obstore", "obspec")):
        if isinstance(error, ValueError) and "parse path" in text:
            return OSError(errno.EINVAL, one_line(text), name)
        return None
    for part, number, said in _CAUSES:
        if part in text:
            return (PermissionError if number == errno.EACCES else OSError)(number, said, name)
    if status := _STATUS.search(text):
        return OSError(errno.EIO, f"the server answers with {status[0]}", name)
    return OSError(errno.EIO, re.sub(r"^Generic \w+ error: ", "", one_line(text)), name)


def _of_other_library(error: Any, name: str) -> OSError:
    """Of boto3, or of a library of Azure's or Google's."""
    kind = type(error).__name__
    if (answer := _answer_of(error)) is not None:
        status, code = answer
        kinds = {404: "NotFoundError", 403: "PermissionDeniedError", 401: "UnauthenticatedError"}
        if status in kinds:
            found, number, said = _KINDS[kinds[status]]
            return found(number, said, name)
        return OSError(errno.EIO, f"the server answers with status code: {status} {one_line(code)}".rstrip(), name)
    if type(error).__module__.startswith("google") and kind != "TransportError":
        return PermissionError(errno.EACCES, _NO_CREDENTIALS.format("GOOGLE"), name)
    if "Credential" in kind or "Token" in kind:
        return PermissionError(errno.EACCES, _NO_CREDENTIALS.format("AWS"), name)
    if "Timeout" in kind:
        return OSError(errno.ETIMEDOUT, "the server does not answer", name)
    if kind in ("EndpointConnectionError", "ServiceRequestError", "TransportError"):
        return OSError(errno.EHOSTUNREACH, "the server cannot be reached", name)
    return OSError(errno.EIO, one_line(str(error)) or kind, name)


def _answer_of(error: Any) -> tuple[int, str] | None:
    """The status of the answer of a server, and the code of its error."""
    answer: Any = getattr(error, "response", None)
    if answer is None:
        return None
    if type(error).__module__.startswith("azure"):
        code = getattr(error, "error_code", None) or ""
        return error.status_code, str(getattr(code, "value", code))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return None if status is None else (status, str(answer.get("Error", {}).get("Code", "")))


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """A block whose errors of stores are OSErrors of the place of that name. Raises OSError."""
    try:
        yield
    except Exception as error:
        found = translated(error, name)
        if found is None or found is error:
            raise
        raise found from None  # the other holds secrets
