"""Curves over the same steps → a picture with axes; the upright one may be logarithmic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tenor.report import svg
from tenor.report.curves import ticks_of

_PANEL_WIDTH, _PANEL_HEIGHT = 320, 190
_LEFT, _TOP, _GAP, _BELOW = 64, 64, 76, 58
_KINDS = ("one", "two", "three")
_NAMED = 12
"""Steps that are named by their words; more are numbered."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    curves: Mapping[str, Sequence[float]]
    """Name → a value for each step; at most three names."""
    steps: Sequence[str] = ()
    """What each step is; empty numbers them from 1."""
    logarithmic: bool = False
    """Show powers of ten; what is not above 0 is left out."""
    bounds: tuple[float, float] | None = None
    """Lowest and highest value shown; None fits them to the curves."""


def render_plot(title: str, note: str, panels: Sequence[Panel], *, across: int = 3) -> str:
    """An SVG of panels side by side, so many in a row.

    Args:
        title: above all.
        note: what the axes are, below.
        panels: in the order in which they stand.
        across: in a row.
    """
    across = min(across, len(panels))
    down = math.ceil(len(panels) / across)
    width = _LEFT + across * (_PANEL_WIDTH + _GAP) - _GAP + 24
    height = _TOP + down * (_PANEL_HEIGHT + _BELOW + 24)
    marks = [svg.text(_LEFT, 26, title)]
    for number, panel in enumerate(panels):
        left = _LEFT + (number % across) * (_PANEL_WIDTH + _GAP)
        top = _TOP + (number // across) * (_PANEL_HEIGHT + _BELOW + 24)
        marks += _panel(panel, left, top)
    marks.append(svg.text(width / 2, height - 10, note, kind="faint", anchor="middle"))
    return svg.picture(width, height, title, marks)


def _panel(panel: Panel, left: float, top: float) -> list[str]:
    shown = {name: _values(panel, values) for name, values in panel.curves.items()}
    finite = [value for values in shown.values() for value in values if value is not None]
    ticks = ticks_of([*(panel.bounds or ()), *finite] or [0.0, 1.0])
    low, high = ticks[0], ticks[-1]
    steps = max((len(values) for values in shown.values()), default=1)

    def x(step: int) -> float:
        return left + _PANEL_WIDTH * (step / (steps - 1) if steps > 1 else 0.5)

    def y(value: float) -> float:
        return top + _PANEL_HEIGHT * (high - value) / (high - low)

    marks = [
        svg.text(left, top - 12, panel.title),
        *_grid(panel, left, ticks, y),
        *_steps(panel, steps, top, x),
    ]
    for place, (name, values) in enumerate(shown.items()):
        kind = _KINDS[place % len(_KINDS)]
        points = [(x(step), y(value)) for step, value in enumerate(values) if value is not None]
        marks += (
            [svg.line(points, kind=f"line {kind}")]
            if len(points) > 1
            else [svg.dot(*point, kind=kind) for point in points]
        )
        if len(shown) > 1:
            marks.append(svg.text(left + 8, top + 16 + 15 * place, name, kind=kind))
    return marks


def _values(panel: Panel, values: Sequence[float]) -> list[float | None]:
    if not panel.logarithmic:
        return [float(value) if math.isfinite(value) else None for value in values]
    return [math.log10(value) if 0 < value < math.inf else None for value in values]


def _grid(panel: Panel, left: float, ticks: Sequence[float], y: Callable[[float], float]) -> list[str]:
    marks = []
    for tick in ticks:
        name = f"{float(f'{10**tick:.2g}'):g}" if panel.logarithmic else f"{tick:.4g}"
        marks.append(svg.line([(left, y(tick)), (left + _PANEL_WIDTH, y(tick))], kind="axis"))
        marks.append(svg.text(left - 6, y(tick) + 4, name, kind="faint", anchor="end"))
    return marks


def _steps(panel: Panel, steps: int, top: float, x: Callable[[int], float]) -> list[str]:
    named = len(panel.steps) == steps <= _NAMED
    stride = 1 if named else math.ceil(steps / 8)
    floor = top + _PANEL_HEIGHT + 18
    marks = []
    for step in range(0, steps, stride):
        lower = 15 if named and step % 2 else 0  # words stand on two lines, so that they do not touch
        name = panel.steps[step][:12] if named else str(step + 1)
        marks.append(svg.text(x(step), floor + lower, name, kind="faint", anchor="middle"))
    return marks
