"""Logits and targets in → the mean cross-entropy of a batch, and its gradient by the logits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.metrics import cross_entropies

Targets = npt.NDArray[np.int64]


def mean_loss(logits: Floats, targets: Targets, *, each_alone: bool = False) -> float:
    """Mean cross-entropy in nats.

    Args:
        logits: (B, C), or (B, 1): log-odds of the second label.
        targets: (B,) label ids.
        each_alone: take each of the C labels for a yes or no of its own, and the mean over all of
            them: a mistake where labels exclude each other.
    """
    if each_alone and logits.shape[1] > 1:
        yes = _one_hot(logits, targets)
        z = logits.astype(np.float64)
        return float(np.mean(np.maximum(z, 0) - z * yes + np.log1p(np.exp(-np.abs(z)))))
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.mean(cross_entropies(targets, logits)))


def gradient(logits: Floats, targets: Targets, *, each_alone: bool = False) -> Floats:
    """(B, C) gradient of ``mean_loss`` by the logits."""
    z = logits.astype(np.float64)
    if logits.shape[1] == 1:
        found = _sigmoid(z) - targets[:, None]
    elif each_alone:
        found = (_sigmoid(z) - _one_hot(logits, targets)) / z.shape[1]
    else:
        z -= z.max(axis=1, keepdims=True)
        found = np.exp(z, out=z)
        found /= found.sum(axis=1, keepdims=True)
        found[np.arange(len(targets)), targets] -= 1
    return np.asarray(found / len(targets), logits.dtype)


def _one_hot(logits: Floats, targets: Targets) -> npt.NDArray[np.float64]:
    found = np.zeros(logits.shape)
    found[np.arange(len(targets)), targets] = 1
    return found


def _sigmoid(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))
