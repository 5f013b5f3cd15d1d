"""Records in → a table on a terminal, JSON lines otherwise."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tenor.report.monospaced import columns

_SPACE = re.compile(r"\s")
_DRIVES = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of a line around, and half surrogate pairs."""


def wants_json(asked: bool) -> bool:
    """Whether standard output gets JSON: when asked for, or when it is not a terminal."""
    return asked or not sys.stdout.isatty()


def print_json(record: Mapping[str, Any]) -> None:
    """One record on one line; what no UTF-8 file can hold is escaped."""
    line = json.dumps(record, ensure_ascii=False)
    print(line if _is_encodable(line) else json.dumps(record))


def show(line: str = "") -> None:
    """One line for a person; what the terminal's encoding cannot spell becomes a question mark."""
    if not _is_encodable(line):
        encoding = sys.stdout.encoding
        line = line.encode(encoding, "replace").decode(encoding)
    print(line)


def print_table(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> None:
    """Columns side by side, each as wide as its widest cell.

    Args:
        rows: cells; their control characters are not printed as such.
        numbers: whether all columns but the first hold numbers, which stand at the right.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = _widths(rows)
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - columns(cell))
            cells.append(gap + cell if numbers and place else cell + gap)
        show("  ".join(cells).rstrip())


def table_width(rows: Sequence[Sequence[str]]) -> int:
    """Terminal columns that ``print_table`` takes."""
    widths = _widths(rows)
    return sum(widths) + 2 * (len(widths) - 1)


def one_line(text: str, width: int) -> str:
    """The beginning of a text, on one line of a terminal, without its control characters."""
    shown, used = "", 0
    for character in printable(" ".join(text.split())):
        used += columns(character)
        if used > width - 1:
            return shown + "…"
        shown += character
    return shown


def printable(text: str) -> str:
    """The text with spaces for its line breaks and U+FFFD for what would drive the terminal."""
    return _DRIVES.sub("\ufffd", _SPACE.sub(" ", text))


def terminal_width() -> int:
    """Columns of the terminal, at least 40."""
    return max(shutil.get_terminal_size().columns, 40)


def colored(text: str, code: str) -> str:
    """The text in a colour, where standard output is a terminal that wants it (no ``NO_COLOR``)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def say(line: str) -> None:
    """Something for the person, not for the pipe: on standard error, where somebody may listen."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(columns, column)) for column in zip(*rows, strict=True)]


def _is_encodable(line: str) -> bool:
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
