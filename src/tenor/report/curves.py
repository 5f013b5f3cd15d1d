"""Epoch records in → the learning curves: loss and accuracy, in training and in validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tenor.report import svg

_WIDTH, _HEIGHT = 760, 300
_TOP, _BOTTOM, _PANEL_WIDTH = 48, 252, 268
_INTERVALS = 5


def render_curves(records: Sequence[Mapping[str, Any]]) -> str:
    """An SVG of one or more records, as the lines of ``metrics.jsonl`` are."""
    best = [record["epoch"] for record in records if record["best"]][-1:]
    title = f"Learning curves over {len(records)} epoch{'s' if len(records) > 1 else ''}"
    marks = [*_panel(records, "loss", 52, best), *_panel(records, "accuracy", 432, best)]
    note = f"epoch (best: {best[0]})" if best else "epoch"
    marks.append(svg.text(_WIDTH / 2, _HEIGHT - 8, note, kind="faint", anchor="middle"))
    return svg.picture(_WIDTH, _HEIGHT, title, marks)


def _panel(records: Sequence[Mapping[str, Any]], metric: str, left: float, best: Sequence[int]) -> list[str]:
    curves = {name: [float(r[f"{name}_{metric}"]) for r in records] for name in _KINDS}
    ticks = ticks_of([value for curve in curves.values() for value in curve])
    low, high = ticks[0], ticks[-1]
    epochs = len(records)

    def x(epoch: float) -> float:
        return left + _PANEL_WIDTH * ((epoch - 1) / (epochs - 1) if epochs > 1 else 0.5)

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low)

    marks = [svg.text(left, 28, metric), *_grid(left, ticks, y), *_epochs(epochs, x)]
    for name, curve in curves.items():
        points = [(x(i), y(value)) for i, value in enumerate(curve, 1)]
        marks.append(svg.line(points, kind=f"line {_KINDS[name]}"))
        marks += [
            svg.dot(px, py, kind=_KINDS[name], radius=5 if i in best else 3)
            for i, (px, py) in enumerate(points, 1)
        ]
    return marks + _names(left, {name: curve[-1] for name, curve in curves.items()})


_KINDS = {"train": "one", "validation": "two"}
"""Curve → its colour."""


def ticks_of(values: Sequence[float]) -> list[float]:
    """Round numbers at equal distances, from below all values to above them."""
    low, high = min(values), max(values)
    spread = max(high - low, abs(high) * 1e-3, 0.01)
    unit = 10.0 ** math.floor(math.log10(spread / _INTERVALS))
    step = next((unit * size for size in (1, 2, 5) if spread <= unit * size * _INTERVALS), unit * 10)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [tick * step for tick in range(first, last + 1)]


def _grid(left: float, ticks: Sequence[float], y: Callable[[float], float]) -> list[str]:
    step, largest = ticks[1] - ticks[0], max(map(abs, ticks))
    digits = math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9) + 1
    marks = []
    for value in ticks:
        ends = [(left, y(value)), (left + _PANEL_WIDTH, y(value))]
        marks.append(svg.line(ends, kind="axis"))
        marks.append(svg.text(left - 6, y(value) + 4, f"{value:.{digits}g}", kind="faint", anchor="end"))
    return marks


def _epochs(count: int, x: Callable[[float], float]) -> list[str]:
    stride = math.ceil(count / 10)
    shown = range(1, count + 1, stride)
    return [svg.text(x(i), _BOTTOM + 18, str(i), kind="faint", anchor="middle") for i in shown]


def _names(left: float, last: Mapping[str, float]) -> list[str]:
    """Which colour is which curve, with its last value, above the panel."""
    right = left + _PANEL_WIDTH
    words = {"train": "training", "validation": "validation"}
    return [
        svg.text(right, 20 + 16 * i, f"{words[name]} {value:.4g}", kind=_KINDS[name], anchor="end")
        for i, (name, value) in enumerate(last.items())
    ]
