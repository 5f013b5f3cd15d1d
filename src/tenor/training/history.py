"""What was measured in each epoch: the record behind the printed line, the curves and the card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch; accuracies and F1 are shares of 1, losses in nats, over examples."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the epoch, while learning and with dropout."""
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_macro_f1: float
    learning_rate: float
    """After the epoch's last update."""
    seconds: float
    """Training and validation."""
    tokens_per_second: float
    """Of training alone."""
    best: bool
    """Whether the validation metric that chooses was the best so far."""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        return asdict(self)
