"""Smaller models in → a picture of accuracy against size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tenor.report import svg
from tenor.report.curves import ticks_of

_WIDTH, _HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 56, 56
_MEGA = 1e6
_KINDS = ("one", "two", "three")


def render_sizes(curves: Mapping[str, Sequence[tuple[int, float]]], original: tuple[int, float]) -> str:
    """An SVG of accuracy (upright) against the size of the folder, whose axis is logarithmic.

    Args:
        curves: precision → (bytes, accuracy) of each model.
        original: those of the model that all were made of.
    """
    points = [original, *(point for curve in curves.values() for point in curve)]
    ticks = ticks_of([accuracy for _, accuracy in points])
    low, high = ticks[0], ticks[-1]
    smallest, largest = (limit(size for size, _ in points) for limit in (min, max))
    left, right = math.log2(smallest / _MEGA) - 0.2, math.log2(largest / _MEGA) + 0.2

    def x(size: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log2(size / _MEGA) - left) / (right - left)

    def y(accuracy: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - accuracy) / (high - low)

    marks = [svg.text(_LEFT, 26, "Accuracy against size")]
    for tick in ticks:
        marks.append(svg.line([(_LEFT, y(tick)), (_WIDTH - _RIGHT, y(tick))], kind="axis"))
        marks.append(svg.text(_LEFT - 6, y(tick) + 4, f"{tick:.4g}", kind="faint", anchor="end"))
    for power in range(math.ceil(left), math.floor(right) + 1):
        name = f"{2**power:.4g}"
        marks.append(
            svg.text(x(2**power * _MEGA), _HEIGHT - _BOTTOM + 20, name, kind="faint", anchor="middle")
        )
    for place, (name, curve) in enumerate(curves.items()):
        kind = _KINDS[place % len(_KINDS)]
        places = [(x(size), y(accuracy)) for size, accuracy in curve]
        marks.append(svg.line(places, kind=f"line {kind}"))
        marks += [svg.dot(*at, kind=kind) for at in places]
        marks.append(svg.text(_WIDTH - _RIGHT - 70, _HEIGHT - _BOTTOM - 52 + 16 * place, name, kind=kind))
    marks.append(svg.dot(x(original[0]), y(original[1]), kind="grey", radius=5))
    marks.append(svg.text(x(original[0]), y(original[1]) + 20, "as trained", kind="faint", anchor="end"))
    marks.append(svg.text((_LEFT + _WIDTH) / 2, _HEIGHT - 10, "megabytes", kind="faint", anchor="middle"))
    return svg.picture(_WIDTH, _HEIGHT, "Accuracy against size", marks)
