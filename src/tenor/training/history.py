"""What a training has measured and where it stands: everything but its numbers in arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from tenor.training.ngrams.blend import HALVES, Blend

_RUN_AWAY = 0.05
"""Difference of accuracies."""
OF_THE_CLOCK = ("seconds", "tokens_per_second")
"""What differs between two runs of one training."""


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch; accuracies and F1 are shares of 1, losses in nats, over examples."""

    epoch: int
    """From 1."""
    step: int
    """Updates done by its end."""
    train_loss: float
    """Mean over the epoch, while learning and with dropout."""
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_macro_f1: float
    learning_rate: float
    """Of the epoch's last update."""
    best: bool
    """Whether the validation metric that chooses was the best so far."""
    ngram_share: float | None = None
    """What the logits of n-grams were multiplied with for validation; None without n-grams."""
    network_share: float | None = None
    """And those of the network, by itself; training's loss and accuracy are the network's alone."""
    seconds: float | None = None
    """Training and validation; of an epoch that was resumed, the part since then. None where
    a resumed training has lost it."""
    tokens_per_second: float | None = None
    """Of training alone; None likewise."""

    @property
    def blend(self) -> Blend:
        """What the model was made with; halves where nothing was blended."""
        if self.ngram_share is None or self.network_share is None:
            return HALVES
        return Blend(self.ngram_share, self.network_share)

    @property
    def runs_away(self) -> bool:
        """Whether training texts are learnt by heart: far better than validation, which gets no better."""
        return not self.best and self.train_accuracy - self.validation_accuracy > _RUN_AWAY

    def to_dict(self) -> dict[str, Any]:
        """The record as ``metrics.jsonl`` holds it."""
        return asdict(self)

    def measured(self) -> dict[str, Any]:
        """The record without what a clock said: the same in every run from the same seed."""
        return {name: value for name, value in asdict(self).items() if name not in OF_THE_CLOCK}


@dataclass(kw_only=True)
class RunningMean:
    """Loss and accuracy so far in an epoch, over examples."""

    loss_sum: float = 0.0
    right: int = 0
    examples: int = 0

    def add(self, loss: float, right: int, examples: int) -> None:
        """Take in a batch: its mean loss, its right guesses, its size."""
        self.loss_sum += loss * examples
        self.right += right
        self.examples += examples

    @property
    def loss(self) -> float:
        """Mean loss, nats."""
        return self.loss_sum / max(self.examples, 1)

    @property
    def accuracy(self) -> float:
        """Share of right guesses, 0 to 1."""
        return self.right / max(self.examples, 1)


@dataclass(kw_only=True)
class Position:
    """Where a training stands, between two updates or between two epochs."""

    step: int = 0
    """Updates done."""
    batch: int = 0
    """Updates done in the epoch that is under way."""
    mean: RunningMean = field(default_factory=RunningMean)
    """Of the epoch that is under way."""
    records: list[EpochRecord] = field(default_factory=list)
    """Of the epochs that are done."""

    @property
    def epoch(self) -> int:
        """The epoch that is under way, from 1."""
        return len(self.records) + 1

    @property
    def best(self) -> EpochRecord | None:
        """The best epoch so far; None before the first has ended."""
        return next((record for record in reversed(self.records) if record.best), None)

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return len(self.records) - (self.best.epoch if self.best else 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which holds numbers of both kinds exactly."""
        return {
            "step": self.step,
            "batch": self.batch,
            "mean": asdict(self.mean),
            "records": [record.measured() for record in self.records],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The way back.

        Raises:
            KeyError, TypeError: a value is missing or of the wrong type.
        """
        records = [_typed(EpochRecord, record) for record in values["records"]]
        mean = _typed(RunningMean, values["mean"])
        numbers = {name: values[name] for name in ("step", "batch")}
        if any(type(number) is not int or number < 0 for number in numbers.values()):
            raise TypeError(f"step and batch are {numbers}; they must be whole numbers")
        return cls(**numbers, mean=mean, records=records)


def _typed(kind: Any, values: Mapping[str, Any]) -> Any:
    """A record out of plain values, none of which may be anything but a number or a truth value."""
    made = kind(**values)
    for item in dataclasses.fields(made):
        value = getattr(made, item.name)
        if not isinstance(value, bool | int | float | None):
            raise TypeError(f"{item.name} is {value!r}; it must be a number")
    return made
