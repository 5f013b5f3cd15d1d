"""A ``Reading`` in → a picture of it: the text as it stands, and the answer after each word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from tenor.reading import Reading
from tenor.report import svg

_WIDTH, _MARGIN = 860, 28
_CHARACTER, _GAP = 7.83, 8
"""Widths in pixels: of a character of the 13 px monospaced font, and between words."""
_ROW, _CHART, _WORD = 96, 44, 24
_HEAD = 64
_STRONGEST = 0.75
"""Opacity of the strongest effect."""


class Placed(NamedTuple):
    """One word's place in the picture."""

    word: str
    row: int
    x: float
    width: float
    probability: float
    effect: float
    known: bool


def render_reading(reading: Reading, label: str) -> str:
    """An SVG of how the probability of a label moved as the text was read.

    Raises:
        InputError: the model has no such label.
    """
    placed = list(_place(reading, label))
    rows = placed[-1].row + 1 if placed else 1
    height = _HEAD + rows * _ROW + 12
    after = placed[-1].probability if placed else reading.before[label]
    title = f"{label}: {reading.before[label]:.2f} before reading, {after:.2f} after"
    marks = [
        svg.text(_MARGIN, 30, f"P({label}) after each word"),
        svg.text(_WIDTH - _MARGIN, 30, f"{label} {after:.3f}", kind=_side(after), anchor="end"),
        svg.text(_MARGIN, 48, "word: blue speaks for it, orange against; dotted: unknown", kind="faint"),
    ]
    strongest = max((abs(word.effect) for word in placed), default=0.0)
    for row in range(rows):
        marks += _row([word for word in placed if word.row == row], row, strongest)
    return svg.picture(_WIDTH, height, title, marks)


def _side(probability: float) -> str:
    return "one" if probability >= 0.5 else "two"


def _place(reading: Reading, label: str) -> Iterator[Placed]:
    """Words from left to right, in as many rows as they need."""
    row, x = 0, float(_MARGIN)
    effects = reading.effects(label)
    for word, effect in zip(reading.words, effects, strict=True):
        spelling = _shown(reading.text[word.token.start : word.token.end])
        width = _CHARACTER * _columns(spelling)
        if x > _MARGIN and x + width > _WIDTH - _MARGIN:
            row, x = row + 1, float(_MARGIN)
        yield Placed(spelling, row, x, width, word.probabilities[label], effect, word.known)
        x += width + _GAP


def _row(words: list[Placed], row: int, strongest: float) -> list[str]:
    top = _HEAD + row * _ROW
    floor = top + _CHART
    middle = (top + floor) / 2
    marks = [svg.line([(_MARGIN, y), (_WIDTH - _MARGIN, y)], kind="axis") for y in (top, middle, floor)]
    marks += [
        svg.text(_MARGIN - 4, y + 4, name, kind="faint", anchor="end")
        for y, name in ((top, "1"), (floor, "0"))
    ]
    points = [(word.x + word.width / 2, floor - _CHART * word.probability) for word in words]
    marks.append(svg.line(points, kind="line one"))
    for word, (x, y) in zip(words, points, strict=True):
        kind = "for" if word.effect >= 0 else "against"
        opacity = _STRONGEST * abs(word.effect) / strongest if strongest else 0.0
        note = f"{word.word}: {word.effect:+.3f} → {word.probability:.3f}"
        marks.append(svg.dot(x, y, kind=_side(word.probability), radius=2.5))
        marks.append(
            svg.box(word.x - 3, floor + 8, word.width + 6, _WORD, kind=kind, opacity=opacity, note=note)
        )
        marks.append(svg.text(word.x, floor + 25, word.word))
        if not word.known:
            under = [(word.x, floor + 30), (word.x + word.width, floor + 30)]
            marks.append(svg.line(under, kind="axis dotted"))
    return marks


def _shown(spelling: str) -> str:
    """At most 40 characters of a word, on one line."""
    spelling = " ".join(spelling.split())
    return spelling if len(spelling) <= 40 else spelling[:39] + "…"


def _columns(spelling: str) -> int:
    """Columns of a monospaced font: two for East Asian wide characters, none for marks."""
    wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in spelling)
    return max(wide - sum(bool(unicodedata.combining(c)) for c in spelling), 1)
