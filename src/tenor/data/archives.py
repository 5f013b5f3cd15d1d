"""An archive and a pattern of names → the contents of those members, in memory.

Nothing is ever unpacked onto the disk, so no name in an archive can lead out of a folder. What an
archive says of itself is not believed: sizes are counted as bytes come, links are not followed.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from tenor.errors import DataError

MEMBER_LIMIT_BYTES = 64 * 2**20
"""Of one member that is wanted; the largest of the corpora, of SST, has 2 MB."""
ARCHIVE_LIMIT_BYTES = 2 * 2**30
"""Of all members together, wanted or not, unpacked; the largest corpus, IMDB, has 0.4 GB."""

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError, RuntimeError, ValueError)


def read_members(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive's files with such names, in one pass, in its order.

    Args:
        path: a ``.tar.gz`` or ``.zip`` file.
        wanted: what the whole of a name must match.

    Raises:
        DataError: the archive is damaged; or a wanted member is a link or a device, comes twice,
            is encrypted, or unpacks to more than the limits.
    """
    seen: set[str] = set()
    read = _zip_members if path.suffix == ".zip" else _tar_members
    try:
        for name, data in read(path, wanted):
            if name in seen:
                raise DataError(f"{path} has {name} twice; fetch it again")
            seen.add(name)
            yield name, data
    except DataError:
        raise
    except _DAMAGE as error:
        kind = "zip" if path.suffix == ".zip" else "tar.gz"
        raise DataError(f"{path} is damaged or no {kind} archive ({error}); fetch it again") from error


def _tar_members(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        unpacked = cast(gzip.GzipFile, _Counted(gzip.GzipFile(fileobj=file), path))
        with tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                if not wanted.fullmatch(member.name):
                    continue
                _check_plain(path, member.name, plain=member.isreg())
                opened = archive.extractfile(member)
                assert opened is not None, "a regular file can be opened"
                yield member.name, _limited(path, member.name, opened)
        while unpacked.read(1 << 20):  # to its end, where gzip compares the checksum
            pass


def _zip_members(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not wanted.fullmatch(member.filename):
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check_plain(path, member.filename, plain=kind in (0, stat.S_IFREG))
            with archive.open(member) as opened:
                yield member.filename, _limited(path, member.filename, opened)


def _check_plain(path: Path, name: str, *, plain: bool) -> None:
    if not plain:
        raise DataError(f"{path}: {name} is a link or a device, not a file; fetch the archive again")


def _limited(path: Path, name: str, opened: object) -> bytes:
    """All of a member; to its end, where zip compares the checksum."""
    data = cast(io.BufferedReader, opened).read(MEMBER_LIMIT_BYTES + 1)
    if len(data) > MEMBER_LIMIT_BYTES:
        raise DataError(
            f"{path}: {name} unpacks to more than {MEMBER_LIMIT_BYTES:,} bytes, which no corpus has; "
            "fetch the archive again"
        )
    return data


class _Counted:
    """A stream that ends in an error where it gives more than an archive may."""

    def __init__(self, stream: gzip.GzipFile, path: Path) -> None:
        self._stream, self._path, self._given = stream, path, 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._given += len(data)
        if self._given > ARCHIVE_LIMIT_BYTES:
            raise DataError(
                f"{self._path} unpacks to more than {ARCHIVE_LIMIT_BYTES:,} bytes, which no corpus has; "
                "fetch it again"
            )
        return data
