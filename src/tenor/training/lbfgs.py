"""A smooth convex function and its gradient in → where it is least, nearly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_REMEMBERED = 5
_ENOUGH = 1e-4
"""Of the decrease that the slope promises."""
_MOST_HALVINGS = 20
_AT_ONCE = 2**14
"""Numbers that are worked on together."""
_SMALL_STEPS = 2
"""That do not end it: the first ones are small as nothing is known of the curvature."""


def minimize(
    function: Callable[[Vector], tuple[float, Vector]], start: Vector, *, tolerance: float, most_steps: int
) -> Vector:
    """Go down by L-BFGS until steps gain less than a share of the value, or after so many steps.

    Args:
        function: point (D,) → value and gradient (D,).
        start: (D,) the first point.
        tolerance: the share.
        most_steps: at most.

    Source:
        Nocedal & Wright 2006, "Numerical Optimization", algorithms 7.4 and 3.1.
    """
    at, (value, slope), small = start, function(start), 0
    pairs: deque[tuple[Vector, Vector, float]] = deque(maxlen=_REMEMBERED)
    for _ in range(most_steps):
        direction = -_times_inverse_curvature(slope, pairs)
        promised = _dot(slope, direction)
        if not promised < 0:
            break
        step = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(slope).sum()))
        for _halving in range(_MOST_HALVINGS):
            there = at + step * direction
            lower, slope_there = function(there)
            if lower <= value + _ENOUGH * step * promised:
                break
            step /= 2
        else:
            break
        moved, turned = there - at, slope_there - slope
        gained = value - lower
        at, value, slope = there, lower, slope_there
        curvature = _dot(moved, turned)
        if curvature > 0:
            pairs.append((moved, turned, curvature))
        small = small + 1 if gained <= tolerance * abs(value) else 0
        if small > _SMALL_STEPS:
            break
    return at


def _times_inverse_curvature(slope: Vector, pairs: deque[tuple[Vector, Vector, float]]) -> Vector:
    """The slope times what the steps so far say of the inverse of the second derivatives."""
    found, shares = slope.copy(), []
    for moved, turned, curvature in reversed(pairs):
        shares.append(_dot(moved, found) / curvature)
        _add(found, -shares[-1], turned)
    if pairs:
        _, turned, curvature = pairs[-1]
        found *= curvature / _dot(turned, turned)
    for (moved, turned, curvature), share in zip(pairs, reversed(shares), strict=True):
        _add(found, share - _dot(turned, found) / curvature, moved)
    return found


def _dot(one: Vector, other: Vector) -> float:
    """By NumPy's own sum: that of BLAS depends on its threads."""
    return float(sum(float(np.multiply(one[part], other[part]).sum()) for part in _parts(one)))


def _add(to: Vector, share: float, other: Vector) -> None:
    """Add so much of another vector, in place."""
    for part in _parts(to):
        to[part] += share * other[part]


def _parts(of: Vector) -> Iterator[slice]:
    """Of a vector, so that what is made of one stays in the cache."""
    return (slice(begin, begin + _AT_ONCE) for begin in range(0, len(of), _AT_ONCE))
