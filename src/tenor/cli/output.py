"""Records in → a table on a terminal, JSON lines otherwise."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any


def wants_json(asked: bool) -> bool:
    """Whether standard output gets JSON: when asked for, or when it is not a terminal."""
    return asked or not sys.stdout.isatty()


def print_json(record: Mapping[str, Any]) -> None:
    """One record on one line; what no UTF-8 file can hold is escaped."""
    line = json.dumps(record, ensure_ascii=False)
    print(line if _is_encodable(line) else json.dumps(record), flush=True)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, each as wide as its widest cell."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def one_line(text: str, width: int) -> str:
    """The beginning of a text, on one line of a terminal, without its control characters."""
    text = " ".join(text.split())
    text = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)
    shown, used = "", 0
    for character in text:
        used += columns(character)
        if used > width - 1:
            return shown + "…"
        shown += character
    return shown


def columns(text: str) -> int:
    """Terminal columns: two for East Asian wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def terminal_width() -> int:
    """Columns of the terminal, at least 40."""
    return max(shutil.get_terminal_size().columns, 40)


def colored(text: str, code: str) -> str:
    """The text in a colour, where standard output is a terminal that wants it (no ``NO_COLOR``)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def say(line: str) -> None:
    """Something for the person, not for the pipe: on standard error."""
    print(line, file=sys.stderr, flush=True)


def _is_encodable(line: str) -> bool:
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
