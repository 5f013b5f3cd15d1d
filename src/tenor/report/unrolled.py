"""A model and a text → the network unrolled: every state, what it takes from, and which are read."""

from __future__ import annotations

from collections.abc import Sequence

from tenor.config import ModelConfig
from tenor.report import svg

_LEFT, _TOP, _WIDE, _HIGH, _GAP_X, _GAP_Y = 132, 100, 74, 30, 26, 40
MOST_WORDS = 12
"""Words that a picture has room for; of longer texts it shows both ends."""


def render_unrolled(config: ModelConfig, words: Sequence[str]) -> str:
    """An SVG of the layers and directions over the words of a text."""
    places = _shown(len(words))
    shown = [words[place] if place is not None else "…" for place in places] or ["(no word)"]
    rows = ["words", *(f"layer {layer + 1} {way}" for layer in range(len(config.hidden_sizes)) for way in
                       ("→", "←")[: config.directions])]  # fmt: skip
    width = _LEFT + len(shown) * (_WIDE + _GAP_X) + 120
    height = _TOP + len(rows) * (_HIGH + _GAP_Y) + 20
    drawing = _Unrolled(config, shown, places or [0], len(words), len(rows))
    layers = len(config.hidden_sizes)
    depth = f"{layers} layers" if layers > 1 else "1 layer"
    title = f"{config.cell.upper()}, {depth}, unrolled over {len(words)} words"
    marks = [svg.text(28, 28, title)]
    marks.append(svg.text(28, 48, "blue: states that the answer is read from", kind="faint"))
    for row, name in enumerate(rows):
        marks.append(svg.text(28, drawing.y(row) + _HIGH / 2 + 4, name, kind="faint"))
    marks += drawing.marks()
    return svg.picture(width, height, "The unrolled network", marks)


class _Unrolled:
    """Places of the boxes: a column a word, a row a layer and direction, the words lowest."""

    def __init__(
        self, config: ModelConfig, words: Sequence[str], places: Sequence[int | None], length: int, rows: int
    ) -> None:
        self.config, self.words, self.places, self.rows = config, words, places, rows
        self.length = max(length, 1)
        self.last = len(words) - 1

    def x(self, word: int) -> float:
        return _LEFT + word * (_WIDE + _GAP_X)

    def y(self, row: int) -> float:
        return _TOP + _GAP_Y + (self.rows - 1 - row) * (_HIGH + _GAP_Y)

    def marks(self) -> list[str]:
        """Arrows first, so that boxes lie over them."""
        directions = self.config.directions
        boxes = [
            svg.labelled(self.x(t), self.y(0), _WIDE, _HIGH, word[:9]) for t, word in enumerate(self.words)
        ]
        arrows = self._answer()
        for layer in range(len(self.config.hidden_sizes)):
            for direction in range(directions):
                row = 1 + layer * directions + direction
                arrows += self._through_time(row, backwards=direction == 1)
                arrows += self._from_below(row, layer, direction)
                boxes += self._states(row, layer, direction)
        return arrows + boxes

    def _through_time(self, row: int, *, backwards: bool) -> list[str]:
        y = self.y(row) + _HIGH / 2
        ways = [(self.x(t) + _WIDE, self.x(t + 1) - 1) for t in range(self.last)]
        return [svg.arrow([(b + 1, y), (a + 1, y)] if backwards else [(a, y), (b, y)]) for a, b in ways]

    def _from_below(self, row: int, layer: int, direction: int) -> list[str]:
        """From the word, or from all directions of the layer below; round the rows that lie between."""
        below = [0] if layer == 0 else [row - direction - 1 - d for d in range(self.config.directions)]
        arrows = []
        for source in below:
            for t in range(len(self.words)):
                x = self.x(t) + _WIDE / 2 + (0 if row - source == 1 else 12 + 8 * (row - source))
                start = (self.x(t) + _WIDE / 2 if row - source == 1 else x, self.y(source))
                arrows.append(svg.arrow([start, (x, self.y(row) + _HIGH + 1)]))
        return arrows

    def _states(self, row: int, layer: int, direction: int) -> list[str]:
        read = self._read(layer, direction)
        return [
            svg.labelled(
                self.x(t), self.y(row), _WIDE, _HIGH, self._state(t), kind="one" if t in read else ""
            )
            for t in range(len(self.words))
        ]

    def _read(self, layer: int, direction: int) -> set[int]:
        """The words whose state of this layer and direction the pooling takes."""
        if layer < len(self.config.hidden_sizes) - 1:
            return set()
        read = states_read(self.config.pooling, direction, self.length)
        return {t for t, place in enumerate(self.places) if place in read}

    def _state(self, t: int) -> str:
        place = self.places[t]
        return "…" if place is None else f"h({place + 1})"

    def _answer(self) -> list[str]:
        y, right = self.y(self.rows - 1) - _GAP_Y, self.x(self.last) + _WIDE
        top = self.rows - 1
        arrows = []
        for direction in range(self.config.directions):
            row = top - direction
            for t in self._read(len(self.config.hidden_sizes) - 1, self.config.directions - 1 - direction):
                x = self.x(t) + _WIDE / 2 + 26 * direction
                arrows.append(svg.arrow([(x, self.y(row)), (x, y + 1)], kind="one"))
        how = "pooled: " + " and ".join(self.config.pooling)
        pooled = svg.labelled(_LEFT, y - _HIGH, right - _LEFT, _HIGH, how)
        middle = y - _HIGH / 2
        arrows.append(svg.arrow([(right, middle), (right + 30, middle)], kind="two"))
        arrows.append(svg.text(right + 36, middle + 4, "logits", kind="two"))
        return [*arrows, pooled]


def _shown(length: int) -> list[int | None]:
    """Places of the words that are drawn; of a long text the first and the last, and None between."""
    if length <= MOST_WORDS:
        return list(range(length))
    half = (MOST_WORDS - 1) // 2
    return [*range(half), None, *range(length - half, length)]


def states_read(pooling: Sequence[str], direction: int, length: int) -> set[int]:
    """Places of the states of a text that a pooling reads, of the forward (0) or backward (1) direction."""
    if not length:
        return set()
    found: set[int] = set()
    for name in pooling:
        if name == "last":
            found.add(0 if direction else length - 1)
        elif name == "last_word":
            found.add(length - 1)
        elif name == "first_last":
            found |= {0, length - 1}
        else:
            found |= set(range(length))
    return found
