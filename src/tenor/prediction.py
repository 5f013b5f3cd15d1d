"""Logits in → probabilities → one ``Prediction`` a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats, sigmoid


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of one text; the same record through every door."""

    labels: tuple[str, ...]
    """What the text is; one label for binary and multi-class models."""
    score: float
    """Probability of the first label, 0 to 1."""
    probabilities: dict[str, float]
    """Label → probability, for all labels in the model's order; they sum to 1."""
    truncated: bool
    """Whether the text was longer than the model reads."""

    @property
    def label(self) -> str | None:
        """The first label, or None when the model abstains."""
        return self.labels[0] if self.labels else None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        return {
            "label": self.label,
            "labels": list(self.labels),
            "score": self.score,
            "probabilities": self.probabilities,
            "truncated": self.truncated,
        }


def probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """Probabilities (B, C) of logits (B, C), or (B, 2) of single logits (B, 1).

    A single logit is the log-odds of the second label.
    """
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        return np.concatenate([sigmoid(-logits), sigmoid(logits)], axis=1)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def label_ids(logits: Floats) -> npt.NDArray[np.intp]:
    """(B,) index of the label of each row; a single logit of 0 or more is the second label."""
    if logits.shape[1] == 1:
        return (logits[:, 0] >= 0).astype(np.intp)
    return np.asarray(logits.argmax(axis=1))


def predictions(logits: Floats, labels: Sequence[str], truncated: Sequence[bool]) -> list[Prediction]:
    """One record for each row of logits (B, C)."""
    rows = zip(probabilities(logits).tolist(), label_ids(logits).tolist(), truncated, strict=True)
    return [
        Prediction(
            labels=(labels[label_id],),
            score=row[label_id],
            probabilities=dict(zip(labels, row, strict=True)),
            truncated=cut,
        )
        for row, label_id, cut in rows
    ]
