"""A loss for every token of a padded batch, in which the padding counts nothing."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def masked_loss(scores: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean cross-entropy over the real tokens, in nats.

    Args:
        scores: (B, T, C) logits at every position, padded ones too.
        targets: (B, T) the right class of each; what stands at padded positions does not matter.
        mask: (B, T) True where a token is real.

    Returns:
        A scalar whose gradients are those of the texts alone, without padding. NaN where no token is real.
    """
    losses = functional.cross_entropy(
        scores.flatten(0, 1), targets.masked_fill(~mask, 0).flatten(), reduction="none"
    )
    return losses[mask.flatten()].sum() / mask.sum()
