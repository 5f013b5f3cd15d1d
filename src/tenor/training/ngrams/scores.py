"""N-grams of texts → the scores of a linear model that is made of them alone.

A support vector machine for each label, against all others, whose inputs are n-grams, scaled by what
naive Bayes says of them: what is as frequent under every label has nothing to say and learns nothing
by heart. The validation texts say how strongly scores are held back, and what makes them logits; where
they are a part of the training texts, the scores are then learnt from all of these.

Source: Wang & Manning 2012, "Baselines and Bigrams", whose NBSVM this is, for any number of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.metrics import cross_entropies, mean
from tenor.ngrams import scales
from tenor.prediction import label_ids
from tenor.training.encoded import Encoded
from tenor.training.ngrams.blend import shares
from tenor.training.ngrams.evidence import Evidence
from tenor.training.ngrams.lbfgs import Points, Values, dots, minimize
from tenor.training.ngrams.spelling import Spelling

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
    held_out: Floats
    """(V, C) logits of the validation texts by scores that were not learnt from them."""
    strength: float
    """Which of the strengths was best."""
    accuracy: float
    """Share of the validation texts that are labelled rightly by these logits."""


class Labels(NamedTuple):
    """Labels of the training texts, then of the validation texts."""

    targets: npt.NDArray[np.int64]
    """(B,) label ids."""
    num_labels: int
    num_logits: int
    """C: as many as labels, or 1."""
    num_train: int
    """Texts to learn from."""

    def known(self, count: int) -> Floats:
        """(B, L) a one at the label of each of the first so many texts."""
        found = np.zeros((len(self.targets), self.num_labels), np.float32)
        found[np.arange(count), self.targets[:count]] = 1
        return found


class Features:
    """What texts have that is scored: D n-grams and parts of words, in B texts."""

    def __init__(self, evidence: Evidence, texts: Encoded, spelling: Spelling | None = None) -> None:
        """Take n-grams and, if these have a say, parts of words, both of the same texts."""
        self._evidence, self._spelling = evidence, spelling
        self._of_texts = evidence.of_ngrams.turned(len(texts.targets))
        self._num_ngrams = len(evidence.rows)
        lengths = np.asarray(texts.lengths)
        self._spread = np.float32(scales(np.mean(lengths, keepdims=True)).item())
        self._scale = (self._spread / scales(lengths))[:, None].astype(np.float32)

    def odds(self, labels: Floats, num_logits: int) -> Floats:
        """(D, C) what naive Bayes says of each, from labels (B, L) as ``Evidence.odds`` takes them."""
        found = self._evidence.odds(labels, num_logits)
        if self._spelling is None:
            return found
        return np.concatenate([found, self._spelling.odds(labels, num_logits)])

    def sums(self, scored: Floats) -> Floats:
        """(B, C) what scores (D, C) add up to in each text."""
        ngrams, parts = np.split(scored, [self._num_ngrams])
        found = self._of_texts.sums(ngrams)
        if self._spelling is not None:
            found += self._spelling.sums(parts)
        found *= self._scale
        return found

    def slopes(self, of_texts: Floats) -> Floats:
        """(D, C) how a function of ``sums`` changes with the scores, from how it does with the sums."""
        of_texts = of_texts * self._scale
        found = self._evidence.of_ngrams.sums(of_texts)
        if self._spelling is None:
            return found
        return np.concatenate([found, self._spelling.slopes(of_texts)])

    def table(self, scored: Floats) -> Floats:
        """(P, C) the rows of ``Ngrams`` that add up to these sums."""
        ngrams, parts = np.split(scored, [self._num_ngrams])
        found = np.zeros((len(self._evidence.owners), scored.shape[1]), np.float32)
        found[self._evidence.rows] = ngrams
        if self._spelling is not None:
            self._spelling.add_to(found, parts)
        found *= self._spread
        return found


class _Choice(NamedTuple):
    loss: float
    strength: float
    logit: np.float32
    """What a margin of one is worth."""
    held_out: Floats
    points: list[Points]


def fit(
    features: Features,
    labels: Labels,
    *,
    learns_all: bool,
    fitted: Callable[[int], object] = lambda _: None,
) -> Scores:
    """Fit with less and less regularization, for as long as the loss on the validation texts improves.

    Args:
        features: of all texts.
        labels: of the same texts.
        learns_all: whether to fit them to the others as well, as strongly as these have chosen.
        fitted: called with a number of texts as they are fitted, all of them with each strength.
    """
    problems = list(_problems(features, labels.known(labels.num_train), labels.num_logits))
    choice = _choose(problems, labels, fitted)
    points = choice.points
    if learns_all:
        problems.clear()  # they are large
        problems += _problems(features, labels.known(len(labels.targets)), labels.num_logits)
    tables, biases = [], []
    for number, problem in enumerate(problems):
        if learns_all:
            points[number] = problem.fitted(choice.strength, points[number])
            fitted(_part(len(labels.targets), number, len(points)))
        scored, bias = problem.scores(points[number])
        tables.append(features.table(scored * choice.logit))
        biases.append(bias * choice.logit)
    accuracy = float(np.mean(label_ids(choice.held_out) == labels.targets[labels.num_train :]))
    weight = np.concatenate(tables, axis=1)
    return Scores(weight, np.concatenate(biases), choice.held_out, choice.strength, accuracy)


def _choose(problems: list[_Problem], labels: Labels, fitted: Callable[[int], object]) -> _Choice:
    """The strength whose logits the texts that were not learnt from like best."""
    targets = labels.targets[labels.num_train :]
    points = [np.zeros(problem.shape, np.float32) for problem in problems]
    best: _Choice | None = None
    for strength in STRENGTHS:
        points, decisions = list(points), []
        for number, problem in enumerate(problems):
            points[number] = problem.fitted(strength, points[number])
            decisions.append(problem.decisions(points[number])[labels.num_train :])
            fitted(_part(len(labels.targets), number, len(problems)))
        margins = np.concatenate(decisions, axis=1)
        logit = np.float32(max(0.0, *shares([margins], targets, near=_MARGIN_AS_LOGIT)))
        logits = margins * logit
        loss = mean(cross_entropies(targets, logits))
        if best is not None and loss >= best.loss:
            break
        best = _Choice(loss, strength, logit, logits, points)
    assert best is not None
    return best


def _part(count: int, number: int, parts: int) -> int:
    """How many of a count one of its parts has."""
    return count * (number + 1) // parts - count * number // parts


def _problems(features: Features, labels: Floats, num_logits: int) -> Iterator[_Problem]:
    """One for so many labels each, from labels (B, L) as ``Evidence.odds`` takes them."""
    odds = features.odds(labels, num_logits)
    signs = 2 * labels - labels.sum(axis=1, keepdims=True)
    signs = signs[:, -num_logits:]  # one logit is the second label's
    for first in range(0, num_logits, _AT_ONCE):
        chosen = slice(first, first + _AT_ONCE)
        yield _Problem(features, *(np.ascontiguousarray(of[:, chosen]) for of in (odds, signs)))


class _Problem:
    """Losses of C labels as functions of D weights and a bias of each."""

    def __init__(self, features: Features, odds: Floats, signs: Floats) -> None:
        """Prepare.

        Args:
            features: D of them, in B texts.
            odds: (D, C) what each is scaled by.
            signs: (B, C) 1 for the text's label, -1 for every other, 0 where it is not to be known.
        """
        self._features, self._odds, self._signs = features, odds, signs
        self.shape = len(odds) + 1, odds.shape[1]

    def fitted(self, strength: float, start: Points) -> Points:
        """The weights and biases with the least losses, nearly."""
        value = partial(self.value, strength=strength)
        return minimize(value, start, tolerance=_TOLERANCE, most_steps=_MOST_STEPS)

    def decisions(self, at: Points) -> Floats:
        """(B, C) above zero where a text has the label; one is sure."""
        scored, bias = self.scores(at)
        found: Floats = self._features.sums(scored) + bias
        return found

    def value(self, at: Points, strength: float) -> tuple[Values, Points]:
        """(C,) losses, and their slopes."""
        signs = self._signs
        missing = np.maximum(np.abs(signs) - signs * self.decisions(at), 0)
        slope = -2 * signs * missing
        found = at / np.float32(strength)
        held_back = dots(at[:-1], found[:-1]) / 2
        found[:-1] += self._features.slopes(slope) * self._odds
        found[-1] = slope.sum(axis=0, dtype=np.float64)
        return np.square(missing).sum(axis=0, dtype=np.float64) + held_back, found

    def scores(self, at: Points) -> tuple[Floats, Floats]:
        """(D, C) of each feature, and the bias (C,)."""
        return at[:-1] * self._odds, at[-1]
