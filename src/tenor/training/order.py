"""Lengths, a seed and an epoch in → which texts make each update, in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_STREAM = 2
"""Keeps these random numbers apart from those that draw the weights."""
_POOL_BATCHES = 50
"""Batches that are filled together from one pool: large enough that few places are padding (3 %
on film reviews), small enough that an epoch's order stays random."""


VALIDATED_TEXTS = 128
"""Texts that are validated at once."""


def batches(lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int) -> list[npt.NDArray[np.intp]]:
    """Indices of the texts of each batch: every text once, texts of similar length together.

    The order depends on nothing but the arguments: not on the epochs that were run before.
    """
    generator = np.random.Generator(np.random.PCG64([seed, _STREAM, epoch]))
    shuffled = generator.permutation(len(lengths))
    pool = batch_size * _POOL_BATCHES
    made = []
    for start in range(0, len(shuffled), pool):
        part = shuffled[start : start + pool]
        part = part[np.argsort(np.asarray(lengths)[part], kind="stable")]
        made += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [made[i] for i in generator.permutation(len(made))]


def parts_by_length(lengths: npt.ArrayLike) -> list[npt.NDArray[np.intp]]:
    """Indices of the texts that are read together when nothing is learnt: all of them, the shortest first."""
    by_length = np.argsort(lengths, kind="stable")
    starts = range(0, len(by_length), VALIDATED_TEXTS)
    return [by_length[start : start + VALIDATED_TEXTS] for start in starts]
