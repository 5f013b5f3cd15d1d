"""Text in → how many columns it takes, on a terminal or in a picture's monospaced font."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """Two for each East Asian wide character, none for marks, joiners and what is invisible."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
