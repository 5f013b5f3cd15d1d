"""Two models' logits of the same texts → how much of each their sum takes, and one model's weights.

A linear model of n-grams and a recurrent network err on different texts: each is learnt by itself, as
neither leaves the other anything to learn once the training texts are known by heart, and texts that
both have not seen say how to add them up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tenor.batching import join
from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.errors import TrainingError
from tenor.metrics import cross_entropies
from tenor.ngrams import Ngrams
from tenor.training.encoded import Encoded
from tenor.training.losses import Targets, gradient
from tenor.training.ngrams.lbfgs import Points, Values, minimize

_HEAD = ("head.weight", "head.bias")
"""What gives the logits of a network."""
_WEIGHT, _OWNERS, _BIAS, _HELD_OUT = "ngrams.weight", "ngrams.owners", "ngrams.bias", "ngrams.held_out"
_APART = "apart."
"""Prefix of the arrays of n-grams in a checkpoint."""
_NEAR_WEIGHS = 2.0
"""Strength of the pull towards what is known before, counted in texts."""
_TOLERANCE, _MOST_STEPS = 1e-10, 200


class Blend(NamedTuple):
    """What the logits of each are multiplied with."""

    ngrams: float
    network: float

    def logits(self, ngrams: Floats, network: Floats) -> Floats:
        """(B, C) of both together, from (B, C) of each."""
        return np.float32(self.ngrams) * ngrams + np.float32(self.network) * network


HALVES = Blend(0.5, 0.5)
"""Before anything is known."""


class Apart(NamedTuple):
    """What a training knows of n-grams beside their weights."""

    bias: Floats
    """(C,) of their scores."""
    held_out: Floats | None = None
    """(V, C) logits of the validation texts by scores that were learnt without them, where the weights were
    learnt from them too; None where they were not."""


class Beside:
    """The n-grams of a training, fitted before it, which stand beside its network."""

    def __init__(self, model: ModelConfig, table: Mapping[str, Floats], apart: Apart) -> None:
        """Take the model's settings, and of n-grams the weights by name and what is known beside."""
        self._order, self._characters = model.ngram_order, model.char_ngrams
        self._table = dict(table)
        self._bias, self._held_out = apart

    @classmethod
    def of(cls, model: ModelConfig, weights: Mapping[str, Floats], apart: Apart | None) -> Beside | None:
        """Those of a model's weights, with no bias if None; None where it has no n-grams."""
        if not model.ngrams:
            return None
        table = {name: weights[name] for name in (_WEIGHT, _OWNERS)}
        return cls(model, table, apart or Apart(np.zeros_like(weights["head.bias"])))

    def validation_logits(self, texts: Encoded) -> Floats:
        """(V, C) of the validation texts, from n-grams that were not learnt from them.

        Raises:
            TrainingError: there are other logits than texts, in a checkpoint.
        """
        if self._held_out is None:
            return self.logits(texts)
        if len(self._held_out) != len(texts.targets):
            raise TrainingError(
                f"the checkpoint has logits of {len(self._held_out):,} validation texts, and there are "
                f"{len(texts.targets):,}"
            )
        return self._held_out

    def logits(self, texts: Encoded) -> Floats:
        """(B, C) of texts, from n-grams alone."""
        ngrams = Ngrams(self._table[_WEIGHT], self._table[_OWNERS], self._order, self._characters)
        return ngrams.scores(join(texts.for_ngrams)) + self._bias

    def weights(self, network: Mapping[str, Floats], blend: Blend) -> dict[str, Floats]:
        """The weights of one model whose logits are the blend's of n-grams and network."""
        of_ngrams, of_network = np.float32(blend.ngrams), np.float32(blend.network)
        weight, own = (of_network * network[name] for name in _HEAD)
        return {
            **network,
            **self._table,
            _WEIGHT: of_ngrams * self._table[_WEIGHT],
            "head.weight": weight,
            "head.bias": own + of_ngrams * self._bias,
        }

    def moments(self, network: Mapping[str, Floats]) -> dict[str, Floats]:
        """What blending changes, as it is without."""
        found = {name: network[name] for name in _HEAD} | {_WEIGHT: self._table[_WEIGHT], _BIAS: self._bias}
        if self._held_out is not None:
            found[_HELD_OUT] = self._held_out
        return {_APART + name: array for name, array in found.items()}

    def restore(self, found: Mapping[str, Floats], network: Mapping[str, Floats]) -> dict[str, Floats]:
        """Take back what ``moments`` gave.

        Returns:
            The network's part.

        Raises:
            TrainingError: it does not fit.
        """
        held_out = found.get(_APART + _HELD_OUT)
        shapes = {name: now.shape for name, now in self.moments(network).items()}
        if held_out is not None:  # of any number of texts, where none is known yet
            shapes.setdefault(_APART + _HELD_OUT, held_out.shape[:1] + self._bias.shape)
        for name, shape in shapes.items():
            given = found.get(name)
            if given is None or given.shape != shape or given.dtype != np.float32:
                raise TrainingError(f"the checkpoint has no {name} that fits the model")
        self._held_out = held_out
        self._table[_WEIGHT], self._bias = found[_APART + _WEIGHT], found[_APART + _BIAS]
        return {name: found[_APART + name] for name in _HEAD}


def without_ngrams(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """The weights of the network alone."""
    return {name: weight for name, weight in weights.items() if name not in (_WEIGHT, _OWNERS)}


def best_blend(ngrams: Floats, network: Floats, targets: Targets) -> Blend:
    """The blend with the least mean cross-entropy, neither less than nothing.

    Args:
        ngrams: (B, C) logits.
        network: (B, C) logits.
        targets: (B,) label ids.
    """
    found = shares([ngrams, network], targets, near=HALVES.ngrams)
    if found.min() < 0:
        good = int(found.argmax())
        found = np.zeros(2)
        found[good] = max(0.0, *shares([(ngrams, network)[good]], targets, near=HALVES.ngrams))
    return Blend(*found.tolist())


def shares(logits: Sequence[Floats], targets: Targets, *, near: float) -> Values:
    """How much of each the sum takes that has the least mean cross-entropy.

    Args:
        logits: (B, C) each.
        targets: (B,) label ids.
        near: of each, before texts have a say.
    """

    def value(at: Points) -> tuple[Values, Points]:
        both = sum(share * one.astype(np.float64) for share, one in zip(at, logits, strict=True))
        far = at - near
        slope = gradient(both, targets).astype(np.float64) * len(targets)
        return (
            cross_entropies(targets, both).sum() + _NEAR_WEIGHS / 2 * np.square(far).sum(axis=0),
            np.array([[float((slope * one).sum())] for one in logits]) + _NEAR_WEIGHS * far,
        )

    start = np.full((len(logits), 1), near)
    found = minimize(value, start, tolerance=_TOLERANCE, most_steps=_MOST_STEPS)
    return found[:, 0].astype(np.float64)
