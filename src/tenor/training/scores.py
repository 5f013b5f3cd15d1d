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
from tenor.ngrams import Ngrams, present, scales
from tenor.prediction import label_ids
from tenor.training.encoded import Encoded
from tenor.training.evidence import Evidence
from tenor.training.lbfgs import Vector, minimize
from tenor.training.losses import gradient
from tenor.training.spelling import Spelling

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
    accuracy: float
    """Share of the validation texts that they label rightly."""


def fit(
    evidence: Evidence,
    train: Encoded,
    validation: Encoded,
    order: int,
    *,
    spelling: Spelling | None = None,
    fitted: Callable[[int], object] = lambda _: None,
) -> Scores:
    """Fit scores to the training texts, from strongly held back to freely, while validation gains.

    Args:
        evidence: of the training texts.
        train: these.
        validation: those that choose.
        order: the most words of an n-gram.
        spelling: the parts of the same texts' words, if these have a say.
        fitted: called with the number of texts each time they have been fitted with a strength.
    """
    problem = _Problem(evidence, train.lengths, train.targets, spelling)
    characters = 0 if spelling is None else spelling.longest
    targets = validation.targets
    found = present(join(validation.for_ngrams), evidence.owners, order, characters)
    best: tuple[float, Scores] | None = None
    point = np.zeros(problem.size)
    for strength in STRENGTHS:
        value = partial(problem.value, strength=strength)
        point = minimize(value, point, tolerance=_TOLERANCE, most_steps=_MOST_STEPS)
        fitted(len(train.targets))
        weight, bias = problem.scores(point)
        logits = Ngrams(weight, evidence.owners, order, characters).scores_of(found) + bias
        loss = mean(cross_entropies(targets, logits))
        if best is not None and loss >= best[0]:
            break
        best = loss, Scores(weight, bias, strength, float(np.mean(label_ids(logits) == targets)))
    assert best is not None
    return best[1]


class _Problem:
    """Loss and penalty as a function of one vector: J x C weights, G x C of parts of words, C biases."""

    def __init__(
        self,
        evidence: Evidence,
        lengths: Sequence[int],
        targets: npt.NDArray[np.int64],
        spelling: Spelling | None = None,
    ) -> None:
        self._evidence = evidence
        self._spelling = spelling
        self._targets = targets
        self._spread = scales(np.mean(lengths, keepdims=True))
        self._scale = (self._spread / scales(np.asarray(lengths)))[:, None]
        self._of_texts = evidence.of_ngrams.turned(len(targets))
        parts = 0 if spelling is None else spelling.shape[0]
        self._ends = len(evidence.odds), len(evidence.odds) + parts
        self.size = (self._ends[1] + 1) * evidence.odds.shape[1]

    def logits(self, at: Vector) -> Floats:
        """(B, C) of the training texts."""
        weight, parts, bias = self._split(at)
        sums = self._of_texts.sums((weight * self._evidence.odds).astype(np.float32))
        if self._spelling is not None:
            sums = sums + self._spelling.sums(parts)
        found: Floats = (sums * self._scale + bias).astype(np.float32)
        return found

    def value(self, at: Vector, strength: float) -> tuple[float, Vector]:
        weight, parts, _ = self._split(at)
        found = self.logits(at)
        count = len(self._targets)
        held_back = float(np.square(weight).sum() + np.square(parts).sum()) / (2 * strength)
        loss = float(cross_entropies(self._targets, found).sum()) + held_back
        slope = gradient(found, self._targets) * count
        of_texts = (slope * self._scale).astype(np.float32)
        of_ngrams = self._evidence.of_ngrams.sums(of_texts) * self._evidence.odds
        whole = [of_ngrams + weight / strength, slope.sum(axis=0, dtype=np.float64)]
        if self._spelling is not None:
            whole.insert(1, self._spelling.slopes(of_texts) + parts / strength)
        return loss, np.concatenate([part.ravel() for part in whole])

    def scores(self, at: Vector) -> tuple[Floats, Floats]:
        """(P, C) of the rows, and the bias (C,)."""
        weight, parts, bias = self._split(at)
        table = np.zeros((len(self._evidence.owners), weight.shape[1]), np.float32)
        table[self._evidence.rows] = weight * self._evidence.odds
        if self._spelling is not None:
            self._spelling.add_to(table, parts)
        return table * np.float32(self._spread), bias.astype(np.float32)

    def _split(self, at: Vector) -> tuple[Vector, Vector, Vector]:
        rows = at.reshape(-1, self._evidence.odds.shape[1])
        ngrams, parts = self._ends
        return rows[:ngrams], rows[ngrams:parts], rows[-1]
