"""A file that may come from anyone → its bytes and its JSON, or an error; never more work than it is long."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

from tenor.errors import ArtifactError

_DEPTH = 20
_DIGITS = 300
"""Of a whole number that every float can hold."""


def read_file(path: Path, sizes: range) -> bytes | None:
    """A file's bytes, or None where it has another size: then it is not read."""
    try:
        kind = path.lstat().st_mode
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            # A link leads anywhere, a pipe waits for ever, a device has no end.
            what = "a link" if stat.S_ISLNK(kind) else "not a file"
            raise ArtifactError(f"{path} is {what}; copy the folder again: cp -rL gives files for links")
        with open(path, "rb", opener=_open) as file:
            size = os.fstat(file.fileno()).st_size
            return file.read(size + 1) if size in sizes else None
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}; copy the folder again") from error
    except MemoryError as error:
        raise ArtifactError(f"{path} does not fit in memory; copy the folder again") from error


def _open(path: str, flags: int) -> int:
    """Open what was a file a moment ago: neither follow a link nor wait for a pipe if it is one now."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def parse_json(data: bytes) -> Any:
    """JSON that every reader understands alike: no key twice, no NaN, nothing beyond a float's range.

    Raises:
        ValueError: it is not, or is nested more than ``_DEPTH`` deep (``RecursionError`` if very).
    """
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_unique,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=_finite,
    )
    _check_depth(value, _DEPTH)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(float(digits)):
        raise ValueError(f"it has the number {digits[:20]}, which is not finite")
    return float(digits)


def _check_depth(value: object, levels: int) -> None:
    if levels == 0:
        raise ValueError(f"it is nested more than {_DEPTH} deep")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _check_depth(item, levels - 1)


def short(error: Exception) -> str:
    """Of a message that may hold a whole file the beginning, without what would drive a terminal."""
    text = (str(error) or type(error).__name__)[:500]
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
