"""Word vectors of one or two models → a map of words in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.report import svg

_SIDE, _TOP, _LEFT, _GAP = 430, 84, 28, 40
_NOTABLE = 0.05
"""Change of a probability that gives a word a colour."""


def project_to_plane(vectors: Floats) -> npt.NDArray[np.float64]:
    """(V, 2) places of vectors (V, E) along the two directions in which they differ most.

    Source: principal components, by singular values of the centred vectors; signs are such that the
    largest place of each direction is positive, so that the same vectors give the same map.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(centred), 2))
    found = (left * sizes)[:, :2]
    places[:, : found.shape[1]] = found
    signs = np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])
    return places * np.where(signs == 0, 1, signs)


def render_words(
    words: Sequence[str],
    maps: Mapping[str, Floats],
    leaning: Mapping[str, float],
    label: str,
    *,
    before: float = 0.5,
) -> str:
    """An SVG of words on one map for each of some tables of vectors.

    Args:
        words: V words.
        maps: title → their vectors (V, E).
        leaning: word → probability of the label when it is read alone.
        label: whose probability colours the words.
        before: its probability before any word, against which words speak for it or against it.
    """
    title = f"{len(words)} words by their vectors"
    marks = [svg.text(_LEFT, 28, title)]
    note = f"blue: read alone, the word speaks for “{label}”; orange: against it"
    marks.append(svg.text(_LEFT, 48, note, kind="faint"))
    for number, (name, vectors) in enumerate(maps.items()):
        left = _LEFT + number * (_SIDE + _GAP)
        marks.append(svg.text(left, _TOP - 12, name))
        marks.append(svg.frame(left, _TOP, _SIDE, _SIDE))
        marks += _points(words, project_to_plane(vectors), leaning, before, left)
    width = max(_LEFT * 2 + len(maps) * (_SIDE + _GAP) - _GAP, 620)
    return svg.picture(width, _TOP + _SIDE + 20, title, marks)


def _points(
    words: Sequence[str],
    places: npt.NDArray[np.float64],
    leaning: Mapping[str, float],
    before: float,
    left: float,
) -> list[str]:
    low, high = places.min(axis=0), places.max(axis=0)
    spread = np.where(high > low, high - low, 1)
    marks, taken = [], list[tuple[float, float]]()
    for word, place in zip(words, (places - low) / spread, strict=True):
        x, y = left + 24 + place[0] * (_SIDE - 110), _TOP + 18 + (1 - place[1]) * (_SIDE - 36)
        change = leaning.get(word, before) - before
        kind = "grey" if abs(change) < _NOTABLE else "one" if change > 0 else "two"
        marks.append(svg.dot(x, y, kind=kind))
        if all(abs(x - a) > 100 or abs(y - b) > 12 for a, b in taken):  # else the names overlap
            marks.append(svg.text(x + 6, y + 4, word[:14], kind=kind if kind != "grey" else "faint"))
            taken.append((x, y))
    return marks
