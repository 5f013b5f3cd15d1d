"""N-grams of the training texts → the scores of a linear model that is made of them alone.

A support vector machine for each label, against all others, whose inputs are n-grams, scaled by what
naive Bayes says of them: what is as frequent under every label has nothing to say and learns nothing
by heart. The validation texts say how strongly scores are held back, and what makes them logits.

Source: Wang & Manning 2012, "Baselines and Bigrams", whose NBSVM this is, for any number of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from tenor.batching import join
from tenor.cells import Floats
from tenor.metrics import cross_entropies, mean
from tenor.ngrams import Ngrams, present, scales
from tenor.prediction import label_ids
from tenor.training.blend import shares
from tenor.training.encoded import Encoded
from tenor.training.evidence import Evidence
from tenor.training.lbfgs import Points, Values, dots, minimize
from tenor.training.lists import Lists
from tenor.training.spelling import Spelling

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)
"""How much the texts count against a unit of squared weights: liblinear's C, for features of a mean
square of one in a text of mean length."""
_TOLERANCE, _MOST_STEPS = 1e-3, 200
_MARGIN_AS_LOGIT = 3.0
"""What a margin of one is worth, before validation texts have a say."""
_AT_ONCE = 16
"""Labels whose scores are fitted together: their sums are a line of the cache, and memory stays small."""


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
        fitted: called with a number of texts as they are fitted, all of them with each strength.
    """
    problems = list(_problems(evidence, train, spelling))
    points = [np.zeros(problem.shape, np.float32) for problem in problems]
    characters = 0 if spelling is None else spelling.longest
    targets, count = validation.targets, len(train.targets)
    found = present(join(validation.for_ngrams), evidence.owners, order, characters)
    best: tuple[float, Scores] | None = None
    for strength in STRENGTHS:
        for number, problem in enumerate(problems):
            value = partial(problem.value, strength=strength)
            points[number] = minimize(value, points[number], tolerance=_TOLERANCE, most_steps=_MOST_STEPS)
            fitted(count * (number + 1) // len(problems) - count * number // len(problems))
        tables, biases = zip(*map(_Problem.scores, problems, points), strict=True)
        weight, bias = np.concatenate(tables, axis=1), np.concatenate(biases)
        margins = Ngrams(weight, evidence.owners, order, characters).scores_of(found) + bias
        logit = np.float32(max(0.0, *shares([margins], targets, near=_MARGIN_AS_LOGIT)))
        logits = margins * logit
        loss = mean(cross_entropies(targets, logits))
        if best is not None and loss >= best[0]:
            break
        accuracy = float(np.mean(label_ids(logits) == targets))
        best = loss, Scores(weight * logit, bias * logit, strength, accuracy)
    assert best is not None
    return best[1]


def _problems(evidence: Evidence, train: Encoded, spelling: Spelling | None) -> Iterator[_Problem]:
    """One for so many labels each."""
    texts = evidence.of_ngrams.turned(len(train.targets))
    count = evidence.odds.shape[1]
    labels = np.arange(count) if count > 1 else np.ones(1)  # one logit is the second label's
    for first in range(0, count, _AT_ONCE):
        chosen = slice(first, first + _AT_ONCE)
        yield _Problem(
            evidence._replace(odds=np.ascontiguousarray(evidence.odds[:, chosen])),
            texts,
            train.lengths,
            np.where(train.targets[:, None] == labels[chosen], np.float32(1), np.float32(-1)),
            None if spelling is None else spelling.of_logits(chosen),
        )


class _Problem:
    """Losses of C labels as functions of J weights, G of parts of words, and a bias of each."""

    def __init__(
        self,
        evidence: Evidence,
        texts: Lists,
        lengths: Sequence[int],
        signs: Floats,
        spelling: Spelling | None = None,
    ) -> None:
        """Prepare.

        Args:
            evidence: with odds of C logits.
            texts: (B,) which n-grams each text has.
            lengths: (B,) its words.
            signs: (B, C) 1 for the text's label and -1 for every other.
            spelling: of C logits.
        """
        self._evidence = evidence
        self._spelling = spelling
        self._signs = signs
        self._spread = scales(np.mean(lengths, keepdims=True))
        self._scale = (self._spread / scales(np.asarray(lengths)))[:, None].astype(np.float32)
        self._of_texts = texts
        parts = 0 if spelling is None else spelling.shape[0]
        self._ends = len(evidence.odds), len(evidence.odds) + parts
        self.shape = self._ends[1] + 1, evidence.odds.shape[1]

    def margins(self, at: Points) -> Floats:
        """(B, C) of the training texts: 1 and more where a label's score is right and sure."""
        weight, parts, bias = self._split(at)
        sums = self._of_texts.sums(weight * self._evidence.odds)
        if self._spelling is not None:
            sums += self._spelling.sums(parts)
        found: Floats = self._signs * (sums * self._scale + bias)
        return found

    def value(self, at: Points, strength: float) -> tuple[Values, Points]:
        missing = np.maximum(1 - self.margins(at), 0)
        slope = -2 * self._signs * missing
        of_texts = slope * self._scale
        found = at / np.float32(strength)
        weight, parts, bias = self._split(found)
        held_back = dots(at[:-1], found[:-1]) / 2
        weight += self._evidence.of_ngrams.sums(of_texts) * self._evidence.odds
        if self._spelling is not None:
            parts += self._spelling.slopes(of_texts)
        bias[:] = slope.sum(axis=0, dtype=np.float64)
        return np.square(missing).sum(axis=0, dtype=np.float64) + held_back, found

    def scores(self, at: Points) -> tuple[Floats, Floats]:
        """(P, C) of the rows, and the bias (C,)."""
        weight, parts, bias = self._split(at)
        table = np.zeros((len(self._evidence.owners), weight.shape[1]), np.float32)
        table[self._evidence.rows] = weight * self._evidence.odds
        if self._spelling is not None:
            self._spelling.add_to(table, parts)
        return table * np.float32(self._spread), bias

    def _split(self, at: Points) -> tuple[Floats, Floats, Floats]:
        ngrams, parts = self._ends
        return at[:ngrams], at[ngrams:parts], at[-1]
