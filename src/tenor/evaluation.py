"""A classifier and labelled texts in → how often it is right, how sure it is, and where it errs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenor.cells import Floats
from tenor.classifier import TextClassifier
from tenor.data.examples import Example, examples_of
from tenor.errors import DataError
from tenor.metrics import confusion, cross_entropies, f1_scores, macro_f1, mean
from tenor.prediction import label_ids
from tenor.section import closest, listed

_CHUNK_TEXTS = 1024


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """How one label fared; shares are 0 to 1."""

    precision: float
    """Of the texts given this label, the share that have it."""
    recall: float
    """Of the texts that have this label, the share given it."""
    f1: float
    texts: int
    """How many texts have this label."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a classifier did on labelled texts."""

    texts: int
    accuracy: float
    """Share of right labels, 0 to 1."""
    accuracy_interval: tuple[float, float]
    """95 % interval of the accuracy for this many texts (Wilson 1927)."""
    loss: float
    """Mean cross-entropy, nats."""
    macro_f1: float
    """Mean F1 of the labels that are there or were given."""
    labels: dict[str, LabelScores]
    confusion: list[list[int]]
    """Counts: a row for each right label, a column for each given one, in the model's order."""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        scores = {label: vars(s) for label, s in self.labels.items()}
        return vars(self) | {"accuracy_interval": list(self.accuracy_interval), "labels": scores}


def evaluate(
    classifier: TextClassifier,
    examples: Iterable[tuple[str, str] | Example],
    *,
    on_chunk: Callable[[int], object] | None = None,
    batch_means: int | None = None,
) -> Evaluation:
    """Compare a classifier's labels with the right ones.

    Args:
        classifier: any model.
        examples: texts, each with its label, which must be a label of the model.
        on_chunk: called as texts are done, with their number; None calls nothing.
        batch_means: give accuracy and loss as means of the means of batches of so many texts: a
            mistake, to be measured. None takes means over texts.

    Raises:
        DataError: there are no examples, one is no pair of strings, or has a label that the model
            does not know.
    """
    examples = examples_of(examples)
    targets = targets_of(classifier, examples)
    logits = logits_of(classifier, examples, on_chunk)
    guesses = label_ids(logits)
    counts = confusion(targets, guesses, len(classifier.labels))
    return Evaluation(
        texts=len(examples),
        accuracy=mean(targets == guesses, batch_means),
        accuracy_interval=_interval(int((targets == guesses).sum()), len(targets)),
        loss=mean(cross_entropies(targets, logits), batch_means),
        macro_f1=macro_f1(targets, guesses, len(classifier.labels)),
        labels=_label_scores(classifier.labels, counts),
        confusion=counts.tolist(),
    )


def targets_of(classifier: TextClassifier, examples: Sequence[Example]) -> np.ndarray[Any, Any]:
    """The right labels (N,), as places among the model's.

    Raises:
        DataError: see ``evaluate``.
    """
    if not examples:
        raise DataError("there are no labelled texts to evaluate on")
    ids = {label: i for i, label in enumerate(classifier.labels)}
    strange = [example for example in examples if example.label not in ids]
    if strange:
        first = strange[0]
        raise DataError(
            f"the data has the label {first.label!r}, which the model does not know"
            f"{closest(first.label, ids)}; it knows {listed(classifier.labels)}. "
            f"{len(strange):,} of the {len(examples):,} texts have such labels, the first {first.text[:60]!r}"
        )
    return np.array([ids[example.label] for example in examples], dtype=np.intp)


def logits_of(
    classifier: TextClassifier, examples: Sequence[Example], on_chunk: Callable[[int], object] | None
) -> Floats:
    """Logits (N, C) of at least one example; ``on_chunk`` as in ``evaluate``."""
    scores = []
    for start in range(0, len(examples), _CHUNK_TEXTS):
        chunk = examples[start : start + _CHUNK_TEXTS]
        scores.append(classifier.predict_logits([example.text for example in chunk]))
        if on_chunk is not None:
            on_chunk(len(chunk))
    return np.concatenate(scores)


def _label_scores(labels: Sequence[str], counts: np.ndarray[Any, Any]) -> dict[str, LabelScores]:
    right, there, given = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = f1_scores(right, there + given)
    return {
        label: LabelScores(
            precision=float(right[i] / max(given[i], 1)),
            recall=float(right[i] / max(there[i], 1)),
            f1=float(f1[i]),
            texts=int(there[i]),
        )
        for i, label in enumerate(labels)
    }


def _interval(right: int, total: int) -> tuple[float, float]:
    """Wilson's score interval with z = 1.96."""
    z, share = 1.96, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z / (1 + z * z / total)
    reach *= math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return low if right else 0.0, high if right < total else 1.0
