"""Two models' logits of the same texts → how much of each their sum takes, and one model's weights.

A linear model of n-grams and a recurrent network err on different texts: each is learnt by itself, as
neither leaves the other anything to learn once the training texts are known by heart, and texts that
both have not seen say how to add them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tenor.cells import Floats
from tenor.metrics import cross_entropies
from tenor.training.lbfgs import Vector, minimize
from tenor.training.losses import Targets, gradient

HEAD = ("head.weight", "head.bias")
"""What gives the logits of a network."""
_HALVES_WEIGH = 2.0
"""Texts that say that half of each is best."""
_TOLERANCE, _MOST_STEPS = 1e-10, 200


class Blend(NamedTuple):
    """What the logits of each are multiplied with."""

    ngrams: float
    network: float

    def logits(self, ngrams: Floats, network: Floats) -> Floats:
        """(B, C) of both together, from (B, C) of each."""
        return np.float32(self.ngrams) * ngrams + np.float32(self.network) * network

    def weights(
        self, network: Mapping[str, Floats], table: Mapping[str, Floats], bias: Floats
    ) -> dict[str, Floats]:
        """The weights of one model that does the same.

        Args:
            network: all weights of the network.
            table: ``ngrams.weight`` and ``ngrams.owners``.
            bias: (C,) that belongs to the scores.
        """
        weight, own = (np.float32(self.network) * network[name] for name in HEAD)
        return {
            **network,
            "ngrams.weight": np.float32(self.ngrams) * table["ngrams.weight"],
            "ngrams.owners": table["ngrams.owners"],
            "head.weight": weight,
            "head.bias": own + np.float32(self.ngrams) * bias,
        }


HALVES = Blend(0.5, 0.5)
"""Before anything is known."""


def best_blend(ngrams: Floats, network: Floats, targets: Targets) -> Blend:
    """The blend with the least mean cross-entropy, neither less than nothing.

    Args:
        ngrams: (B, C) logits.
        network: (B, C) logits.
        targets: (B,) label ids.
    """
    found = _least([ngrams, network], targets)
    if found.min() < 0:
        good = int(found.argmax())
        found = np.zeros(2)
        found[good] = max(0.0, float(_least([(ngrams, network)[good]], targets)[0]))
    return Blend(*found.tolist())


def _least(logits: list[Floats], targets: Targets) -> Vector:
    def value(at: Vector) -> tuple[float, Vector]:
        both = sum(share * one.astype(np.float64) for share, one in zip(at, logits, strict=True))
        far = at - HALVES.ngrams
        slope = gradient(both, targets).astype(np.float64) * len(targets)
        return (
            float(cross_entropies(targets, both).sum()) + _HALVES_WEIGH / 2 * float(far @ far),
            np.array([float((slope * one).sum()) for one in logits]) + _HALVES_WEIGH * far,
        )

    start = np.full(len(logits), HALVES.ngrams)
    return minimize(value, start, tolerance=_TOLERANCE, most_steps=_MOST_STEPS)
