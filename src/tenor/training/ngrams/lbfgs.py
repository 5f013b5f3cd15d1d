"""Smooth convex functions and their gradients in → where each is least, nearly.

Several are minimized side by side, each in a column of its own with its own steps: what labels have to
learn differs, and a step that suits one would hold another back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating[Any]]
"""(D, C) a point of each function."""
Values = npt.NDArray[np.float64]
"""(C,) a number of each function."""

_REMEMBERED = 3
_ENOUGH = 1e-4
"""Of the decrease that the slope promises."""
_SHORTEST = 2.0**-20
"""A share of a step: no less is tried."""
_IN_A_ROW, _AT_ONCE = 2**9, 2**14
"""Numbers that are worked on together: long rows for the processor's vectors, in stretches that stay in
its cache."""
_SMALL_STEPS = 2
"""So many in a row do not end it: the first ones are small, as nothing is known of the curvature."""


def minimize(
    functions: Callable[[Points], tuple[Values, Points]],
    start: Points,
    *,
    tolerance: float,
    most_steps: int,
) -> Points:
    """Go down by L-BFGS until steps gain less than a share of the value, or after so many steps.

    Args:
        functions: points (D, C) → values (C,) and gradients (D, C), of the points' kind of number.
        start: (D, C) the first points.
        tolerance: the share.
        most_steps: at most.

    Source:
        Nocedal & Wright 2006, "Numerical Optimization", algorithms 7.4 and 3.1.
    """
    at, (value, slope) = start, functions(start)
    small, step = 0, np.ones_like(value)
    memory = _Memory(1 / np.maximum(1, np.abs(slope).sum(axis=0)))
    for _ in range(most_steps):
        direction = memory.down(slope)
        promised = dots(slope, direction)
        there = at.copy()
        _add(there, step, direction)
        with np.errstate(over="ignore", invalid="ignore"):  # a step much too far is one that rose
            lower, slope_there = functions(there)
        rose = ~(lower <= value + _ENOUGH * step * promised)
        for stayed in np.flatnonzero(rose):
            there[:, stayed], slope_there[:, stayed] = at[:, stayed], slope[:, stayed]
        lower = np.where(rose, value, lower)
        step = np.where(rose, step / 2, 1.0)
        if step.max() < _SHORTEST:
            break
        if rose.all():
            continue
        memory.add(there - at, np.subtract(slope_there, slope, out=slope))
        small = small + 1 if (value - lower).sum() <= tolerance * np.abs(value).sum() else 0
        at, value, slope = there, lower, slope_there
        if small > _SMALL_STEPS:
            break
    return at


class _Pair(NamedTuple):
    """What one step said of the second derivatives."""

    moved: Points
    turned: Points
    """How the gradients changed."""
    inverse: Values
    """1 / (moved · turned); 0 where that is no number above 0."""


class _Memory:
    """What the last steps said."""

    def __init__(self, scale: Values) -> None:
        """Take how far to go against the gradients while nothing is known."""
        self._pairs: deque[_Pair] = deque(maxlen=_REMEMBERED)
        self._scale = scale

    def add(self, moved: Points, turned: Points) -> None:
        """Remember one step more."""
        curvature = dots(moved, turned)
        known = curvature > 0
        inverse = np.divide(1, curvature, out=np.zeros_like(curvature), where=known)
        self._pairs.append(_Pair(moved, turned, inverse))
        np.divide(curvature, dots(turned, turned), out=self._scale, where=known)

    def down(self, slope: Points) -> Points:
        """Against the slopes, times what is known of the inverse of the second derivatives."""
        found, shares = np.negative(slope), []
        for pair in reversed(self._pairs):
            shares.append(dots(pair.moved, found) * pair.inverse)
            _add(found, -shares[-1], pair.turned)
        _scale(found, self._scale)
        for pair, share in zip(self._pairs, reversed(shares), strict=True):
            _add(found, share - dots(pair.turned, found) * pair.inverse, pair.moved)
        return found


def dots(one: Points, other: Points) -> Values:
    """(C,) the products of columns, by NumPy's own sums: those of BLAS depend on its threads."""
    found = np.zeros(one.shape[1])
    for a, b in _stretches(one, other):
        found += np.multiply(a, b).sum(axis=0).reshape(-1, len(found)).sum(axis=0, dtype=np.float64)
    return found


def _add(to: Points, shares: Values, other: Points) -> None:
    """Add so much of other columns, in place."""
    row = _in_a_row(shares, to)
    for a, b in _stretches(to, other):
        a += row[: a.shape[1]] * b


def _scale(of: Points, shares: Values) -> None:
    """Multiply columns, in place."""
    row = _in_a_row(shares, of)
    for a, _ in _stretches(of, of):
        a *= row[: a.shape[1]]


def _in_a_row(shares: Values, of: Points) -> Points:
    """One for each number of a long row of these points."""
    return np.tile(shares.astype(of.dtype), max(1, _IN_A_ROW // len(shares)))


def _stretches(one: Points, other: Points) -> Iterator[tuple[Points, Points]]:
    """Of two matrices the same parts, as views in which some of their rows make a long one."""
    width = one.shape[1]
    together = max(1, _IN_A_ROW // width)
    whole = len(one) // together * together
    a, b = (of[:whole].reshape(-1, together * width) for of in (one, other))
    height = max(1, _AT_ONCE // (together * width))
    for begin in range(0, len(a), height):
        yield a[begin : begin + height], b[begin : begin + height]
    yield one[whole:], other[whole:]
