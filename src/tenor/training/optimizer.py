"""Weights and settings → Adam, and what it remembers as arrays, so that it can be saved and given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tenor.cells import Floats
from tenor.config import TrainConfig
from tenor.errors import TrainingError

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam remembers of each weight, by PyTorch's names."""


def build(config: TrainConfig, learnt: Mapping[str, Tensor]) -> torch.optim.Optimizer:
    """The optimizer of the weights that are learnt."""
    options: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(list(learnt.values()), fused=True, **options)


def moments(optimizer: torch.optim.Optimizer, learnt: Mapping[str, Tensor]) -> dict[str, Floats]:
    """``step.NAME``, ``exp_avg.NAME`` and ``exp_avg_sq.NAME`` of every weight that has had a gradient."""
    state = optimizer.state_dict()["state"]
    return {
        f"{kind}.{name}": moment.cpu().numpy()
        for index, name in enumerate(learnt)
        for kind, moment in state.get(index, {}).items()
    }


def restore(
    optimizer: torch.optim.Optimizer, learnt: Mapping[str, Tensor], moments: Mapping[str, Floats]
) -> None:
    """Give back what ``moments`` took.

    Raises:
        TrainingError: they do not fit their weights.
    """
    state = {}
    for index, (name, weight) in enumerate(learnt.items()):
        found = {kind: moments[f"{kind}.{name}"] for kind in _MOMENTS if f"{kind}.{name}" in moments}
        if not found:  # no gradient yet, as a layer has none while all texts were empty
            continue
        shapes = {"step": ()} | dict.fromkeys(_MOMENTS[1:], tuple(weight.shape))
        fits = {kind: moment.shape for kind, moment in found.items()} == shapes
        if not fits or any(moment.dtype != np.float32 for moment in found.values()):
            raise TrainingError(f"what the optimizer remembers does not fit the weight {name}")
        state[index] = {kind: torch.from_numpy(np.array(moment)).clone() for kind, moment in found.items()}
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
