"""The results of ``study.py`` → docs/pictures/study_learning.svg and study_reading.svg.

Usage: python benchmarks/study_pictures.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from common import RESULTS, ROOT

from tenor.report import svg

PICTURES = ROOT / "docs" / "pictures"
_AXES = {
    "study_learning": ("seconds", "Accuracy on validation texts against seconds of learning"),
    "study_reading": ("tokens/s", "Accuracy on validation texts against tokens read a second"),
}
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP, _BELOW = 360, 230, 62, 66, 84, 66
_ROW = 20


def render(record: dict[str, Any], axis: str, title: str) -> str:
    """An SVG with a panel for each corpus; a number stands for a network."""
    figures = record["figures"]
    networks = list(dict.fromkeys(name for each in figures.values() for name in each))
    width = _LEFT + 2 * (_WIDTH + _GAP) - 20
    rows = math.ceil(len(figures) / 2)
    marks = [svg.text(_LEFT, 28, title)]
    for at, (corpus, found) in enumerate(figures.items()):
        left = _LEFT + at % 2 * (_WIDTH + _GAP)
        top = _TOP + at // 2 * (_HEIGHT + _BELOW)
        marks += _panel(
            corpus, {networks.index(name) + 1: row for name, row in found.items()}, axis, left, top
        )
    under = _TOP + rows * (_HEIGHT + _BELOW) - 6
    marks.append(svg.dot(_LEFT + 5, under - 4, kind="one"))
    marks.append(svg.text(_LEFT + 16, under, "with n-grams, fitted by themselves", kind="faint"))
    marks.append(svg.dot(_LEFT + 305, under - 4, kind="grey"))
    marks.append(svg.text(_LEFT + 316, under, "the network alone · dotted: n-grams alone", kind="faint"))
    half = math.ceil(len(networks) / 2)
    for at, name in enumerate(networks):
        place = _LEFT + at // half * (_WIDTH + _GAP), under + 28 + at % half * _ROW
        marks.append(svg.text(*place, f"{at + 1:>2} {name}"))
    seeds = sorted({row["seeds"] for found in figures.values() for row in found.values()})
    of = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    height = under + 28 + half * _ROW + 30
    note = f"means of {of} seeds, {record['machine']}, commit {record['commit']}"
    marks.append(svg.text(_LEFT, height - 12, note, kind="faint"))
    return svg.picture(width, height, title, marks)


def _panel(title: str, rows: dict[int, dict[str, float]], axis: str, left: float, top: float) -> list[str]:
    values = [math.log10(row[axis]) for row in rows.values()]
    low, high = min(values) - 0.1, max(values) + 0.15
    heights = [row[key] for row in rows.values() for key in ("accuracy", "alone", "n-grams alone")]
    floor, ceiling = min(heights) - 0.004, max(heights) + 0.004

    def x(value: float) -> float:
        return left + _WIDTH * (math.log10(value) - low) / (high - low)

    def y(value: float) -> float:
        return top + _HEIGHT * (ceiling - value) / (ceiling - floor)

    marks = [
        svg.text(left, top - 10, title),
        svg.line([(left, top), (left, top + _HEIGHT), (left + _WIDTH, top + _HEIGHT)], kind="axis"),
    ]
    marks += _scales(axis, left, top, (low, high), (floor, ceiling), x, y)
    bare = next(iter(rows.values()))["n-grams alone"]
    marks.append(svg.line([(left, y(bare)), (left + _WIDTH, y(bare))], kind="dotted"))
    dots = {
        (number, kind): (x(row[axis]), y(row[key]))
        for number, row in rows.items()
        for key, kind in (("alone", "grey"), ("accuracy", "one"))
    }
    labels = _beside(list(dots.values()))
    for ((number, kind), dot), label in zip(dots.items(), labels, strict=True):
        marks.append(svg.dot(*dot, kind=kind))
        marks.append(svg.text(*label, f"{number}", kind="faint", anchor="middle"))
    return marks


def _beside(dots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where the number of each dot stands: beside it, where the least of others is in its way."""
    labels: list[tuple[float, float]] = []
    for left, top in dots:
        turns = [
            (math.cos(part * math.pi / 4), math.sin(part * math.pi / 4)) for part in (0, 4, 7, 1, 5, 3, 6, 2)
        ]
        places = [(left + far * across, top + 4 + far * down) for far in (11, 20) for across, down in turns]
        others = [(other, top + 4) for other, top in dots]

        def crowd(place: tuple[float, float], taken: tuple[tuple[float, float], ...]) -> float:
            return sum(max(0.0, 13 - math.hypot(place[0] - a, 1.2 * (place[1] - b))) for a, b in taken)

        labels.append(min(places, key=lambda place: crowd(place, (*labels, *others))))
    return labels


def _scales(
    axis: str,
    left: float,
    top: float,
    across: tuple[float, float],
    upwards: tuple[float, float],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> list[str]:
    """What stands beside the axes; the one across is in powers of ten."""
    floor, ceiling = upwards
    step = next(size for size in (0.005, 0.01, 0.02, 0.05, 0.1) if (ceiling - floor) / size <= 6)
    marks = [
        svg.text(left - 8, y(tick * step) + 4, f"{tick * step:.3f}", kind="faint", anchor="end")
        for tick in range(math.ceil(floor / step), math.floor(ceiling / step) + 1)
    ]
    low, high = across
    known = (
        digit * 10**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in (1, 2, 5)
    )
    marks += [
        svg.text(x(value), top + _HEIGHT + 18, _short(value), kind="faint", anchor="middle")
        for value in known
        if low <= math.log10(value) <= high
    ]
    marks.append(
        svg.text(left + _WIDTH, top + _HEIGHT + 36, f"{axis}, logarithmic", kind="faint", anchor="end")
    )
    return marks


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def draw() -> None:
    """Both pictures."""
    record = json.loads((RESULTS / "study.json").read_text(encoding="utf-8"))
    for name, (axis, title) in _AXES.items():
        (PICTURES / f"{name}.svg").write_text(render(record, axis, title), encoding="utf-8")


if __name__ == "__main__":
    draw()
