"""Weights and settings → Adam, and what it remembers as arrays, so that it can be saved and given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tenor.cells import Floats
from tenor.config import TrainConfig
from tenor.training.engine import remembered


class LazyAdam(torch.optim.AdamW):
    """AdamW, but of a table only the rows that a batch has read learn; the others stay as they are.

    ``torch.optim.SparseAdam`` adds its epsilon elsewhere and has no weight decay.
    """

    def __init__(self, weights: Iterable[Tensor], table: Tensor, **options: Any) -> None:
        super().__init__(weights, **options)
        self._table = table
        self.rows: Tensor
        """(R,) those that the batch has read, each once; to be set before each step."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step."""
        gradient, self._table.grad = self._table.grad, None  # AdamW passes by what has none
        super().step(closure)
        if gradient is not None:
            self._step_of_rows(gradient[self.rows])

    def _step_of_rows(self, gradient: Tensor) -> None:
        """Move rows by their gradients (R, E)."""
        group, state = self.param_groups[0], self.state[self._table]
        if not state:
            state["step"] = torch.zeros((), device=gradient.device)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(self._table) for _ in range(2))
        state["step"] += 1
        count, (fading, fading_square) = state["step"].item(), group["betas"]
        mean = state["exp_avg"][self.rows].lerp_(gradient, 1 - fading)
        square = state["exp_avg_sq"][self.rows]
        square.mul_(fading_square).addcmul_(gradient, gradient, value=1 - fading_square)
        state["exp_avg"][self.rows], state["exp_avg_sq"][self.rows] = mean, square
        divisor = square.sqrt_().div_((1 - fading_square**count) ** 0.5).add_(group["eps"])
        rows = self._table[self.rows].mul_(1 - group["lr"] * group["weight_decay"])
        self._table[self.rows] = rows.addcdiv_(mean, divisor, value=-group["lr"] / (1 - fading**count))


def build(config: TrainConfig, learnt: Mapping[str, Tensor]) -> torch.optim.Optimizer:
    """The optimizer of the weights that are learnt."""
    weights = list(learnt.values())
    options: dict[str, Any] = {
        "lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True,
    }  # fmt: skip
    table = learnt.get("embedding.weight")
    if config.optimizer == "lazy_adam" and table is not None:
        return LazyAdam(weights, table, **options)
    return (torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW)(weights, **options)


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
        found = remembered(moments, name, tuple(weight.shape))
        if found is not None:
            state[index] = {kind: torch.from_numpy(np.array(of)).clone() for kind, of in found.items()}
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
