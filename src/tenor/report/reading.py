"""A ``Reading`` in → a picture of it: the text as it stands, and the answer after each word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tenor.reading import Reading
from tenor.report import svg
from tenor.report.monospaced import columns

_WIDTH, _MARGIN = 860, 28
_CHARACTER, _GAP = 7.83, 8
"""Widths in pixels: of a character of the 13 px monospaced font, and between words."""
_ROW, _CHART, _WORD = 96, 44, 24
_HEAD = 64
_STRONGEST, _NOTABLE = 0.75, 0.1
"""Opacity of the strongest effect, and how strong that is at least: a text where nothing moved stays pale."""
_LONGEST_LABEL = 30


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
    name = _shown(label, _LONGEST_LABEL)
    legend = "word: blue speaks for it, orange against; dotted: unknown" if placed else "no words to read"
    marks = [
        svg.text(_MARGIN, 30, f"P({name}) after each word"),
        svg.text(_WIDTH - _MARGIN, 30, f"{name} {after:.3f}", kind=_side(after), anchor="end"),
        svg.text(_MARGIN, 48, legend, kind="faint"),
    ]
    strongest = max([abs(word.effect) for word in placed] + [_NOTABLE])
    before = reading.before[label]
    for row in range(rows):
        words = [word for word in placed if word.row == row]
        marks += _row(words, row, before, strongest)
        before = words[-1].probability if words else before
    return svg.picture(_WIDTH, height, title, marks)


def _side(probability: float) -> str:
    return "one" if probability >= 0.5 else "two"


def _place(reading: Reading, label: str) -> Iterator[Placed]:
    """Words from left to right, in as many rows as they need."""
    row, x = 0, float(_MARGIN)
    effects = reading.effects(label)
    for word, effect in zip(reading.words, effects, strict=True):
        spelling = _shown(reading.text[word.token.start : word.token.end] or word.token.text)
        width = _CHARACTER * max(columns(spelling), 1)
        if x > _MARGIN and x + width > _WIDTH - _MARGIN:
            row, x = row + 1, float(_MARGIN)
        yield Placed(spelling, row, x, width, word.probabilities[label], effect, word.known)
        x += width + _GAP


def _row(words: list[Placed], row: int, before: float, strongest: float) -> list[str]:
    top = _HEAD + row * _ROW
    floor = top + _CHART
    middle = (top + floor) / 2
    marks = [svg.line([(_MARGIN, y), (_WIDTH - _MARGIN, y)], kind="axis") for y in (top, middle, floor)]
    marks += [
        svg.text(_MARGIN - 4, y + 4, name, kind="faint", anchor="end")
        for y, name in ((top, "1"), (floor, "0"))
    ]
    points = [(word.x + word.width / 2, floor - _CHART * word.probability) for word in words]
    marks.append(svg.line([(_MARGIN, floor - _CHART * before), *points], kind="line one"))
    for word, (x, y) in zip(words, points, strict=True):
        kind = "for" if word.effect >= 0 else "against"
        opacity = _STRONGEST * abs(word.effect) / strongest
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


def _shown(spelling: str, longest: int = 40) -> str:
    """At most so many characters of a word, on one line."""
    spelling = " ".join(spelling.split())
    return spelling if len(spelling) <= longest else spelling[: longest - 1] + "…"
