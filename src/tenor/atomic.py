"""Bytes in memory → files and folders on the disk: whole, or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_CURRENT_FOLDER = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE


def write_file(target: Path, data: bytes) -> None:
    """Write a file, which must be new or is replaced: temporary file, fsync, rename, fsync of the parent.

    A pipe or a device, such as ``/dev/stdout``, is written into and stays.

    Raises:
        OSError: writing failed; what stood there before still stands.
    """
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            stream.write(data)
        return
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    os.close(descriptor)
    try:
        _write(temporary, data)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, which must be new or is replaced.

    Temporary folder, fsync, rename, fsync of the parent; the old folder goes last.

    Raises:
        OSError: writing failed; what stood there before still stands.
    """
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, data in contents.items():
            _write(temporary / name, data)
        temporary.chmod(0o777 & ~_umask())
        _sync(temporary)
        _put(temporary, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(target: Path) -> None:
    """Remove a folder so that an interrupt leaves all of it or nothing under its name.

    Raises:
        OSError: it cannot be renamed; nothing was removed.
    """
    doomed = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        target.rename(doomed / target.name)
    finally:
        shutil.rmtree(doomed, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put(new: Path, target: Path) -> None:
    """Give a folder its name; where another has it, that one takes the new one's, or is removed."""
    if not target.exists():
        new.rename(target)
        return
    if _exchange(new, target):
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    kept = old / target.name
    try:
        target.rename(kept)
        new.rename(target)
    except BaseException:  # an interrupt too must not leave the place empty
        if not target.exists():
            kept.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step, where the system can: no kill falls in between."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)  # not in the os module
    if rename is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return bool(rename(_CURRENT_FOLDER, paths[0], _CURRENT_FOLDER, paths[1], _EXCHANGE) == 0)


def _sync(folder: Path) -> None:
    if os.name == "nt":  # there a folder cannot be opened, and keeps its names by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # some file systems cannot sync a folder
        os.fsync(descriptor)
    os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
