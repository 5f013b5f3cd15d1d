"""Blocks of word vectors → a folder of the cache that opens at once, whatever the file's form."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.atomic import remove_folder
from tenor.data.fetching import cache_folder
from tenor.data.vector_files import Block, archive_of
from tenor.lock import Lock

Floats = npt.NDArray[np.float32]

FROM_BYTES = 5_000_000
"""Smaller files are read anew each time, which takes less than a second."""
_FORMAT_VERSION = 1
_ABOUT, _WORDS, _MATRIX = "about.json", "words.txt", "matrix.float32"


class Vectors(NamedTuple):
    """All words of a file and their vectors."""

    words: list[str]
    matrix: Floats
    """(V, E), read from the disk as it is used."""


def through_cache(path: Path, read: Callable[[], Iterable[Block]]) -> Vectors | None:
    """The vectors of a file from the cache, which is filled first where they are not there.

    What is in the cache belongs to a file of this place, size and time of change.

    Args:
        path: the file, or one in an archive.
        read: gives the file's blocks.

    Returns:
        None where the cache cannot be written: then the file has to be read without it.
    """
    file = archive_of(path).resolve()
    state = file.stat()
    about = {
        "format_version": _FORMAT_VERSION,
        "file": str(path),
        "size_bytes": state.st_size,
        "changed_ns": state.st_mtime_ns,
    }
    key = hashlib.sha256(f"{file}\0{path.name}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    folder = cache_folder() / "vectors" / key
    found = _open(folder, about)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder.parent / f".{key}.lock")
        lock.acquire(wait=True)
    except OSError:
        return None
    try:
        if _open(folder, about) is None and not _fill(folder, about, read()):
            return None
    finally:
        lock.release()
    return _open(folder, about)


def _open(folder: Path, about: dict[str, object]) -> Vectors | None:
    """What the folder holds, if it is whole and of that file; nothing is believed that can be counted."""
    try:
        known = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if {name: known[name] for name in about} != about:
            return None
        words = (folder / _WORDS).read_text(encoding="utf-8").split("\n")[:-1]
        width = int(known["width"])
        if len(words) != known["words"] or (folder / _MATRIX).stat().st_size != 4 * width * len(words):
            return None
        matrix = np.memmap(folder / _MATRIX, dtype="<f4", mode="r", shape=(len(words), width))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Vectors(words, matrix)


def _fill(folder: Path, about: dict[str, object], blocks: Iterable[Block]) -> bool:
    """Write the blocks as they come; what stood there of another state of the file goes."""
    temporary: Path | None = None
    count = width = 0
    try:
        for left in folder.parent.glob(f".{folder.name}.part-*"):
            shutil.rmtree(left)  # of a process that was killed; we have the lock
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.part-", dir=folder.parent))
        with (temporary / _WORDS).open("wb") as words, (temporary / _MATRIX).open("wb") as matrix:
            for block in blocks:
                words.write("".join(word + "\n" for word in block.words).encode())
                matrix.write(np.ascontiguousarray(block.matrix, dtype="<f4").data)
                count, width = count + len(block.words), block.matrix.shape[1]
        (temporary / _ABOUT).write_text(
            json.dumps(about | {"words": count, "width": width}), encoding="utf-8"
        )
        if folder.exists():
            remove_folder(folder)
        temporary.rename(folder)
    except OSError:  # a full disk, for one
        return False
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return True
