"""Seconds that may pass, and what each part of a training takes → how long the training will be.

It is decided once, before the first update, so that a schedule of the learning rate comes to its
end, and so that what was decided can be told in settings that hold no clock.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tenor.config import TrainConfig
from tenor.errors import InputError

_PLANNED = 0.85
"""Share of the time left that is planned for: a speed changes by so much from one minute to the next."""
_CUT = 0.75
"""An epoch is cut to this share of its updates where that makes room for another one: twice three quarters
of IMDB's reviews teach more than once all of them, twice half of them less."""
_FEWEST_UPDATES = 10
"""In fewer the learning rate cannot rise and fall."""


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """Seconds that a training may take, from when this is made until the model is there."""

    seconds: float
    """More than 0."""
    began: float = field(default_factory=time.perf_counter)
    """When the time began to count, by ``time.perf_counter``."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise InputError(f"seconds is {self.seconds!r}; a time budget must be a number above 0")

    def left(self) -> float:
        """Seconds that are left; below 0 once it is passed."""
        return self.began + self.seconds - time.perf_counter()


class Pace(NamedTuple):
    """What the parts of a training take, in seconds."""

    update: float
    """Of an update, in the mean of an epoch."""
    epoch: float
    """Of an epoch beside its updates: validation and a checkpoint."""
    rest: float
    """Of what comes once: the first checkpoint, the test texts, the model."""

    def of(self, config: TrainConfig, updates: int) -> float:
        """Of a whole training, whose epochs have so many updates where the settings leave it open."""
        assert config.epochs is not None, "the number of epochs was resolved before"
        return config.epochs * ((config.steps_per_epoch or updates) * self.update + self.epoch) + self.rest


def fitted(config: TrainConfig, updates: int, pace: Pace, seconds: float) -> TrainConfig:
    """The longest training that fits, of at most the epochs and updates that the settings have.

    A few updates are made in any case.

    Args:
        config: the settings, whose number of epochs was resolved.
        updates: of an epoch, with these settings.
        pace: what the parts take.
        seconds: that are left; 0 or less where there are none.
    """
    assert config.epochs is not None, "the number of epochs was resolved before"
    planned = seconds * _PLANNED - pace.rest
    fit = int(planned / (_CUT * updates * pace.update + pace.epoch))
    epochs = min(max(fit, 1), config.epochs)
    steps = max(int((planned / epochs - pace.epoch) / pace.update), _FEWEST_UPDATES)
    if steps >= updates:
        return replace(config, epochs=epochs)
    return replace(config, epochs=epochs, steps_per_epoch=steps)


def decision(config: TrainConfig, updates: int, pace: Pace, budget: TimeBudget) -> str:
    """What was decided, for a person, and whether it takes longer than the budget.

    Args:
        config: as ``fitted`` made it.
        updates: of an epoch, before.
        pace: what the parts take.
        budget: of which this much is left now.
    """
    assert config.epochs is not None, "the number of epochs was resolved before"
    steps = config.steps_per_epoch or updates
    speed = f"(measured {1000 * pace.update:,.1f} ms an update)"
    over = pace.of(config, updates) - budget.left()
    if over > 0:
        return (
            f"note: {budget.seconds:,g} s are too few; {steps:,} updates, the fewest, should pass them by "
            f"{math.ceil(over):,} s {speed}"
        )
    epochs = f"{config.epochs} epoch{'s' if config.epochs > 1 else ''}"
    cut = f"{steps:,} of its {updates:,}" if steps < updates else f"{updates:,}"
    return f"{budget.seconds:,g} s allow {epochs} of {cut} updates {speed}"
