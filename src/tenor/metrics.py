"""Right labels and guesses in → accuracy, F1, confusion: plain counts over examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats

LabelIds = npt.NDArray[np.intp]
Counts = npt.NDArray[np.intp]


def confusion(targets: LabelIds, guesses: LabelIds, num_labels: int) -> npt.NDArray[np.intp]:
    """(C, C) counts: rows are the right labels, columns the guesses."""
    counts = np.bincount(targets * num_labels + guesses, minlength=num_labels**2)
    return counts.reshape(num_labels, num_labels)


def f1_scores(right: Counts, total: Counts) -> npt.NDArray[np.float64]:
    """(C,) F1 of each label, 0 to 1; 0 for a label that is neither there nor guessed.

    Args:
        right: (C,) how often it was guessed rightly.
        total: (C,) how often it was there, and how often it was guessed, together.
    """
    return np.asarray(2 * right / np.maximum(total, 1))


def macro_f1(targets: LabelIds, guesses: LabelIds, num_labels: int) -> float:
    """Mean F1 of the labels that are there or guessed, 0 to 1."""
    right = np.bincount(targets[targets == guesses], minlength=num_labels)
    total = np.bincount(np.concatenate([targets, guesses]), minlength=num_labels)
    return float(f1_scores(right, total)[total > 0].mean())


def mean(values: npt.NDArray[Any], batch_size: int | None = None) -> float:
    """Mean of (B,) values over texts; with a batch size, the mean of the means of such batches.

    The second is a mistake: the texts of an incomplete last batch count for more.
    """
    if batch_size is None:
        return float(np.mean(values))
    starts = range(0, len(values), batch_size)
    return float(np.mean([values[start : start + batch_size].mean() for start in starts]))


def cross_entropies(targets: LabelIds, logits: Floats) -> npt.NDArray[np.float64]:
    """(B,) cross-entropy in nats of logits (B, C), or (B, 1): log-odds of the second label.

    Computed from the logits, so that a probability that rounds to 0 costs its true price.
    """
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_mass = np.log(np.exp(logits).sum(axis=1))
    return np.asarray(log_mass - logits[np.arange(len(targets)), targets])
