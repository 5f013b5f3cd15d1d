"""The network learns in Tenor's core; ``bf16`` rounds the factors of its products."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from learn import Learner, Texts, one_by_one, serve

from tenor import native
from tenor.batching import Batch, join
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.training.engine import build
from tenor.training.losses import mean_loss


def make(settings: dict[str, Any], weights: Mapping[str, Any]) -> Learner:
    """As ``serve`` asks."""
    native.set_threads(settings["threads"])
    config = replace(TrainConfig.from_dict(settings["train"]), precision=settings["way"] or "float32")
    model = ModelConfig.from_dict(settings["model"])
    core = build(config, model, dict(weights), FlawsConfig())
    steps = itertools.count()

    def loss(texts: Texts, targets: np.ndarray[Any, Any]) -> float:
        return mean_loss(core.logits_of(core.weights(), join(texts)), targets)

    def update(batch: Batch, targets: np.ndarray[Any, Any]) -> None:
        core.read(batch, targets, next(steps))
        core.learn(config.learning_rate)

    count = sum(weight.size for weight in core.weights().values())
    return Learner(count, loss, one_by_one(lambda texts, targets: (join(texts), targets), update))


if __name__ == "__main__":
    serve(make)
