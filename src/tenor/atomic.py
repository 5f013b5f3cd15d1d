"""Files in memory → a folder on the disk: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def write_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, which must be new or is replaced.

    Temporary folder, fsync, rename, fsync of the parent; the old folder goes last.

    Raises:
        OSError: writing failed; what stood there before still stands.
    """
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, data in contents.items():
            with (temporary / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o777 & ~_umask())
        _sync(temporary)
        _swap(temporary, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        target.rename(old)  # onto the empty folder just made
        new.rename(target)
    except BaseException:  # an interrupt too must not leave the place empty
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # some file systems cannot sync a folder
        os.fsync(descriptor)
    os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
