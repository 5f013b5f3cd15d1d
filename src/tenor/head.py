"""A pooled vector in → logits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tenor.cells import Floats, rows_matmul


def logits(pooled: Floats, weights: Mapping[str, Floats]) -> Floats:
    """Score every label.

    Args:
        pooled: (B, P).
        weights: ``head.weight`` and ``head.bias``; with a hidden layer ``head.hidden.*`` too.

    Returns:
        (B, C), or (B, 1) for a two-label model with one logit.
    """
    if "head.hidden.weight" in weights:
        hidden = rows_matmul(pooled, weights["head.hidden.weight"]) + weights["head.hidden.bias"]
        pooled = np.maximum(hidden, 0)
    return rows_matmul(pooled, weights["head.weight"]) + weights["head.bias"]
