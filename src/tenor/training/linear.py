"""Inputs in → states that know their gradients: a gated linear recurrence in PyTorch.

Its gates come from the words alone, so they are computed for all words at once; what is left to do
one word after the other is a product and a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tenor.cells import linear_gates
from tenor.config import ModelConfig


def states(
    config: ModelConfig, weights: Mapping[str, Tensor], suffix: str, x: Tensor, truncate: int | None
) -> Tensor:
    """(T, B, H) outputs of one layer and direction from its inputs x (T, B, I), first words first.

    Args:
        config: how it is gated.
        weights: name → tensor, as ``tenor.model.weight_shapes`` lists them.
        suffix: of the names of the layer and direction.
        x: the inputs.
        truncate: let gradients flow back within windows of so many words; None lets them flow to
            the first.

    Source:
        As ``tenor.cells.linear_step``.
    """
    count = linear_gates(config)
    share = functional.linear(x, weights[f"rnn.weight_ih_{suffix}"], weights[f"rnn.bias_ih_{suffix}"])
    current, *skip = torch.split(share, share.shape[2] // (count + config.skip) * count, dim=2)
    if config.window == 2:
        given = functional.linear(x, weights[f"rnn.weight_previous_{suffix}"])
        current = torch.cat([current[:1], current[1:] + given[:-1]])
    gates = current.chunk(count, dim=2)
    kept = torch.sigmoid(gates[0])
    taken = 1 - kept
    if config.input_gate:
        opened = torch.sigmoid(gates[2])
        both = kept + opened
        kept, taken = kept / both, opened / both
    fresh = taken * _CANDIDATES[config.activation](gates[1])
    wide = torch.promote_types(fresh.dtype, torch.float32)  # sums are never kept in 16 bits
    c = _scan(kept.to(wide), fresh.to(wide), truncate)
    if not config.output_gate:
        return c + skip[0] if config.skip else c
    out = torch.sigmoid(gates[2 + config.input_gate])
    return out * c + (1 - out) * skip[0] if config.skip else out * c


_CANDIDATES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda x: x,
}


def _scan(kept: Tensor, fresh: Tensor, truncate: int | None) -> Tensor:
    """(T, B, H) sums c_t = kept_t * c_{t-1} + fresh_t, in windows between which no gradient flows."""
    last = torch.zeros_like(fresh[0])
    parts = []
    window = truncate or len(kept)
    for a, b in zip(torch.split(kept, window), torch.split(fresh, window), strict=True):
        parts.append(_Scan.apply(a, b, last))  # type: ignore[no-untyped-call]
        last = parts[-1][-1].detach()
    return torch.cat(parts) if len(parts) > 1 else parts[0]


class _Scan(torch.autograd.Function):
    """One loop over the words forwards and one backwards, in place of a graph of T nodes."""

    @staticmethod
    def forward(ctx: Any, kept: Tensor, fresh: Tensor, first: Tensor) -> Tensor:
        c = torch.empty_like(fresh)
        before = first
        for a, b, out in zip(kept, fresh, c, strict=True):
            before = torch.addcmul(b, a, before, out=out)
        ctx.save_for_backward(kept, c, first)
        return c

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        kept, c, first = ctx.saved_tensors
        grown = gradients[0].clone()  # (T, B, H) of the loss by each sum, through all later ones
        for t in range(len(grown) - 1, 0, -1):
            grown[t - 1].addcmul_(kept[t], grown[t])
        return grown * torch.cat([first[None], c[:-1]]), grown, None
