"""N-grams of the training texts → the scores of a linear model that is made of them alone.

Logistic regression whose inputs are n-grams, scaled by what naive Bayes says of them: what is as
frequent under every label has nothing to say and learns nothing by heart. How strongly scores are
held back is chosen on the validation texts.

Source: Wang & Manning 2012, "Baselines and Bigrams", with a logistic loss for the hinge's square.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import join
from tenor.cells import Floats
from tenor.metrics import cross_entropies, mean
from tenor.ngrams import Ngrams, scales
from tenor.training.encoded import Encoded
from tenor.training.evidence import Evidence
from tenor.training.lbfgs import Vector, minimize
from tenor.training.losses import gradient

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
"""How much the texts count against a unit of squared weights: liblinear's C, for features of a mean
square of one in a text of mean length."""
_TOLERANCE, _MOST_STEPS = 3e-4, 200


class Scores(NamedTuple):
    """A linear model of n-grams."""

    weight: Floats
    """(P, C) a row's scores, as ``Ngrams`` takes them."""
    bias: Floats
    """(C,)"""
    strength: float
    """Which of the strengths was best."""


def fit(
    evidence: Evidence,
    train: Encoded,
    validation: Encoded,
    order: int,
    *,
    fitted: Callable[[int], object] = lambda _: None,
) -> Scores:
    """Fit scores to the training texts, from strongly held back to freely, while validation gains.

    Args:
        evidence: of the training texts.
        train: these.
        validation: those that choose.
        order: the most words of an n-gram.
        fitted: called with the number of texts each time they have been fitted with a strength.
    """
    problem = _Problem(evidence, train.lengths, train.targets)
    best: tuple[float, Scores] | None = None
    point = np.zeros(problem.size)
    for strength in STRENGTHS:
        value = partial(problem.value, strength=strength)
        point = minimize(value, point, tolerance=_TOLERANCE, most_steps=_MOST_STEPS)
        fitted(len(train.targets))
        found = problem.scores(point, strength)
        loss = mean(cross_entropies(validation.targets, logits(found, evidence.owners, validation, order)))
        if best is not None and loss >= best[0]:
            break
        best = loss, found
    assert best is not None
    return best[1]


def logits(scores: Scores, owners: Floats, texts: Encoded, order: int) -> Floats:
    """(B, C) of texts."""
    batch = join(texts.token_ids)
    return Ngrams(scores.weight, owners, order).scores(batch.token_ids, batch.offsets) + scores.bias


class _Problem:
    """Loss and penalty as a function of one vector: J x C weights and C biases."""

    def __init__(self, evidence: Evidence, lengths: Sequence[int], targets: npt.NDArray[np.int64]) -> None:
        lengths_ = np.asarray(lengths)
        self._evidence = evidence
        self._targets = targets
        self._scale = (scales(np.array([lengths_.mean()])) / scales(lengths_))[:, None]
        self._spread = float(scales(np.array([lengths_.mean()]))[0])
        self._of_texts = evidence.of_ngrams.turned(len(targets))
        self.size = evidence.odds.size + evidence.odds.shape[1]

    def value(self, at: Vector, strength: float) -> tuple[float, Vector]:
        weight, bias = self._parts(at)
        sums = self._of_texts.sums((weight * self._evidence.odds).astype(np.float32))
        found = (sums * self._scale + bias).astype(np.float32)
        count = len(self._targets)
        loss = float(cross_entropies(self._targets, found).sum()) + _square(weight) / (2 * strength)
        slope = gradient(found, self._targets) * count
        of_ngrams = self._evidence.of_ngrams.sums((slope * self._scale).astype(np.float32))
        whole = np.concatenate(
            [
                (of_ngrams * self._evidence.odds + weight / strength).ravel(),
                slope.sum(axis=0, dtype=np.float64),
            ]
        )
        return loss, whole

    def scores(self, at: Vector, strength: float) -> Scores:
        weight, bias = self._parts(at)
        table = np.zeros((len(self._evidence.owners), weight.shape[1]), np.float32)
        table[self._evidence.rows] = weight * self._evidence.odds * self._spread
        return Scores(table, bias.astype(np.float32), strength)

    def _parts(self, at: Vector) -> tuple[Vector, Vector]:
        columns = self._evidence.odds.shape[1]
        return at[:-columns].reshape(-1, columns), at[-columns:]


def _square(weight: Vector) -> float:
    return float(np.square(weight).sum())
