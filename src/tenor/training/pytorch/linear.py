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
        ajar = torch.finfo(kept.dtype).tiny  # two gates that are shut are else 0 / 0
        kept, opened = kept.clamp_min(ajar), torch.sigmoid(gates[2]).clamp_min(ajar)
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
    """Sums forwards, and sums backwards for the gradients, in place of a graph of T nodes."""

    @staticmethod
    def forward(ctx: Any, kept: Tensor, fresh: Tensor, first: Tensor) -> Tensor:
        c = sums(kept, torch.cat([torch.addcmul(fresh[:1], kept[:1], first), fresh[1:]]))
        ctx.save_for_backward(kept, c, first)
        return c

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        kept, c, first = ctx.saved_tensors
        # (T, B, H) of the loss by each sum, through all later ones
        grown = sums(torch.cat([kept[:1], kept[1:].flip(0)]), gradients[0].flip(0)).flip(0)
        return grown * torch.cat([first[None], c[:-1]]), grown, None


def sums(kept: Tensor, fresh: Tensor) -> Tensor:
    """(T, B, H) c_t = kept_t * c_{t-1} + fresh_t, from zeros: word by word, or by doubling on a GPU."""
    return one_by_one(kept, fresh) if kept.device.type == "cpu" else by_doubling(kept, fresh)


def one_by_one(kept: Tensor, fresh: Tensor) -> Tensor:
    """As ``sums``, in T steps."""
    c = fresh.clone()
    for t in range(1, len(c)):
        c[t].addcmul_(kept[t], c[t - 1])
    return c


def by_doubling(kept: Tensor, fresh: Tensor) -> Tensor:
    """As ``sums``, in log2 T steps of all words at once.

    Source:
        Hillis & Steele 1986, "Data parallel algorithms", over pairs that are joined as
        Blelloch 1990, "Prefix sums and their applications", section 1.4.1, has it.
    """
    reach = 1  # words that each sum has behind it
    while reach < len(fresh):
        joined = torch.addcmul(fresh[reach:], kept[reach:], fresh[:-reach])
        fresh = torch.cat([fresh[:reach], joined])
        kept = torch.cat([kept[:reach], kept[reach:] * kept[:-reach]])
        reach *= 2
    return fresh
