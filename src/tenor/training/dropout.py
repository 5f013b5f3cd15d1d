"""Settings and the number of an update in → what is left out of it, without a mask being kept.

Whether a number is gone is a function of the update and of the number's place, so whoever computes
an update, in whatever order, leaves out the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.config import TrainConfig
from tenor.native.training import drop

_STREAM = 3
"""Keeps these random numbers apart from all others."""


class Share(NamedTuple):
    """What is left out of one array."""

    elements: float
    """Share of the elements."""
    seed: int
    """32 bits."""
    rows: float = 0.0
    """Share of the rows."""
    row_seed: int = 0

    def mask(self, shape: tuple[int, ...], ids: npt.NDArray[np.int32] | None = None) -> Floats:
        """(R, W) zeros for what is gone, and what the rest is multiplied with.

        Args:
            shape: of the array.
            ids: (R,) what each row is known by; None for its number.

        Source:
            Random numbers of a place: Wellons 2018, "Prospecting for hash functions", lowbias32.
        """
        rows, width = shape
        known = (np.arange(rows) if ids is None else ids).astype(np.uint32)
        places = np.asarray(known[:, None] * np.uint32(width) + np.arange(width, dtype=np.uint32), np.uint32)
        kept = _kept(places, self.elements, self.seed) & _kept(known, self.rows, self.row_seed)[:, None]
        scale = np.float32(1 / (1 - np.float32(self.elements))) * np.float32(1 / (1 - np.float32(self.rows)))
        return kept * np.float32(scale)

    def apply(self, x: Floats, ids: npt.NDArray[np.int32] | None = None) -> None:
        """Multiply x (R, W) with its mask, in place, in the compiled core."""
        if self.elements or self.rows:
            drop(x, share=self.elements, seed=self.seed, ids=ids, row_share=self.rows, row_seed=self.row_seed)


_NOTHING = Share(0.0, 0)


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """What is left out in one update."""

    words: Share
    """Of word vectors: the same wherever a word stands; some words are gone as a whole.

    Source: Gal & Ghahramani 2016; as in AWD-LSTM (Merity et al. 2018, section 4.3).
    """
    hidden: tuple[Share, ...]
    """Of what each recurrent layer but the lowest takes."""
    pooled: Share
    """Of the pooled vector."""
    head: Share
    """Of the head's hidden layer."""

    @classmethod
    def none(cls, layers: int) -> Dropout:
        """Nothing."""
        return cls(words=_NOTHING, hidden=(_NOTHING,) * (layers - 1), pooled=_NOTHING, head=_NOTHING)

    @classmethod
    def of(cls, config: TrainConfig, step: int, layers: int) -> Dropout:
        """Of an update, from 0, of a network with so many recurrent layers."""
        drawn = np.random.SeedSequence([config.seed, _STREAM, step]).generate_state(layers + 3)
        elements, rows, pooled, head, *hidden = map(int, drawn)
        return cls(
            words=Share(config.input_dropout, elements, config.embedding_dropout, rows),
            hidden=tuple(Share(config.hidden_dropout, seed) for seed in hidden),
            pooled=Share(config.output_dropout, pooled),
            head=Share(config.head_dropout, head),
        )


def _kept(places: npt.NDArray[np.uint32], share: float, seed: int) -> npt.NDArray[np.bool_]:
    x = places ^ np.uint32(seed)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    kept: npt.NDArray[np.bool_] = x >= np.uint32(int(float(np.float32(share)) * 2**32))
    return kept
