"""A published file → the cache: fetched once, checked, and put there whole.

With the standard library alone, so that a core installation can fetch too.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import tenor
from tenor.data.decoding import StrPath
from tenor.data.published import Published
from tenor.errors import DataError
from tenor.lock import Lock

TIMEOUT_S = 30.0
"""Of a silence of the server."""
ATTEMPTS = 4
WAIT_S = 1.0
"""Before the second attempt; twice as long before each further one."""
_BLOCK_BYTES = 1 << 18
_OUR_ERRORS = range(300, 500)
_WORTH_ANOTHER_TRY = (408, 425, 429)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)

Report = Callable[[str, int, int], object]
"""Called with the file's name, the bytes that are here, and how many there will be."""


def data_folders(data_dir: StrPath | None) -> list[Path]:
    """Folders that may hold what is published, in the order in which they are looked in.

    Args:
        data_dir: the only one; None for ``TENOR_DATA``, ``./data`` and the cache.
    """
    if data_dir is not None:
        return [Path(data_dir)]
    named = os.environ.get("TENOR_DATA")
    return [*([Path(named)] if named else []), Path("data"), cache_folder()]


def cache_folder() -> Path:
    """Where fetched files are kept: ``$XDG_CACHE_HOME/tenor``, else ``~/.cache/tenor``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tenor"


def fetch(name: str, published: Published, report: Report | None = None) -> Path:
    """Fetch a file into the cache, unless it is there; several processes fetch it once.

    It is written under another name, compared with the published size and hash, and only then
    renamed: what stands in the cache is whole. ``TENOR_OFFLINE=1`` forbids fetching.

    Args:
        name: of the file in the cache.
        published: its address, size and hash.
        report: called as bytes arrive; None is silent.

    Raises:
        DataError: it could not be fetched; the message has the address and where to put the file.
    """
    target = cache_folder() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with Lock(target.with_name(f".{name}.lock")):
            if not target.is_file():
                _fetch_anew(target, published, report or (lambda *_: None))
    except OSError as error:
        raise _failed(published, target, str(error)) from error
    return target


def _fetch_anew(target: Path, published: Published, report: Report) -> None:
    if os.environ.get("TENOR_OFFLINE", "") not in ("", "0"):
        raise _failed(published, target, "TENOR_OFFLINE is set")
    for left in target.parent.glob(f".{target.name}.part-*"):
        left.unlink()  # of a process that was killed; we have the lock
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _try(target, published, report)
            return
        except (OSError, http.client.HTTPException, _Wrong) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            if attempt == ATTEMPTS or _is_final(error):
                raise _failed(published, target, _reason(error)) from error
            time.sleep(WAIT_S * 2 ** (attempt - 1))


class _Wrong(Exception):
    """What came is not the published file."""


def _try(target: Path, published: Published, report: Report) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.part-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _copy(published, file, lambda done: report(target.name, done, published.size_bytes))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(published: Published, file: IO[bytes], report: Callable[[int], object]) -> None:
    request = urllib.request.Request(
        published.url,
        headers={"User-Agent": f"tenor/{tenor.__version__}"},
    )
    opener = urllib.request.build_opener(_SafeRedirects)
    hashed, done = hashlib.sha256(), 0
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        while block := answer.read(_BLOCK_BYTES):
            done += len(block)
            if done > published.size_bytes:
                raise _Wrong(f"the server sent more than the {published.size_bytes:,} bytes of the file")
            file.write(block)
            hashed.update(block)
            report(done)
    if done < published.size_bytes:
        raise _Wrong(f"the connection ended after {done:,} of {published.size_bytes:,} bytes")
    if hashed.hexdigest() != published.sha256:
        raise _Wrong(f"its SHA-256 is {hashed.hexdigest()} and should be {published.sha256}")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to https, or to http where the address was http; to nothing else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """As the library asks for it: the request to send instead."""
        scheme = urlsplit(newurl).scheme
        if scheme not in {"https", urlsplit(req.full_url).scheme}:
            fp.close()
            raise _Refused(f"the server sends us on to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Refused(_Wrong):
    """An answer that another attempt would not change."""


def _is_final(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _OUR_ERRORS and error.code not in _WORTH_ANOTHER_TRY
    if getattr(error, "errno", None) in _NO_ROOM:
        return True
    unknown_host = getattr(getattr(error, "reason", None), "errno", None) == socket.EAI_NONAME
    return unknown_host or isinstance(error, _Refused)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, TimeoutError):
        return f"the server was silent for {TIMEOUT_S:g} s"
    return str(getattr(error, "reason", None) or error)


def _failed(published: Published, target: Path, reason: str) -> DataError:
    return DataError(
        f"{target.name} is not on this computer and could not be fetched: {reason}.\n"
        f"Fetch it where there is a network: {published.url}\nand save it as {target}"
    )
