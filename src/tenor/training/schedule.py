"""An update's number in → its learning rate, as a share of the peak."""

from __future__ import annotations

import math
from typing import Literal

_START = 1 / 25
_END = 1e-4
"""Shares of the peak at both ends of ``one_cycle``; the first as in ``torch``'s ``OneCycleLR``."""


def rate(
    step: int, total: int, *, schedule: Literal["constant", "linear", "one_cycle"], warmup: float
) -> float:
    """Share of the peak learning rate, 0 to 1, for update ``step`` of ``total``, from 0.

    Source: one_cycle is Smith & Topin 2018 with the cosine of ``torch``'s ``OneCycleLR``.
    """
    if schedule == "constant":
        return 1.0
    rising = round(warmup * total)
    if step < rising:
        share = (step + 1) / rising
        return share if schedule == "linear" else _cosine(_START, 1.0, share)
    share = (step - rising + 1) / (total - rising)
    return 1 - share if schedule == "linear" else _cosine(1.0, _END, share)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
