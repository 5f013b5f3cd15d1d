"""Texts as the network takes them: token ids beside label ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_STREAM = 4
"""Keeps these random numbers apart from those of weights, order and dropout."""

TokenIds = npt.NDArray[np.int32]
"""Of one text (T,)."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A split as the network takes it."""

    token_ids: Sequence[TokenIds]
    """Of each text (T,) its words."""
    targets: npt.NDArray[np.int64]
    """(B,) label ids."""
    spelled: Sequence[TokenIds] | None = None
    """The same with unknown words spelled out, as ``tenor.spelled`` has them, where parts of words count."""

    @property
    def for_ngrams(self) -> Sequence[TokenIds]:
        """What n-grams are made of."""
        return self.token_ids if self.spelled is None else self.spelled

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return [len(ids) for ids in self.token_ids]

    def every(self, step: int) -> Encoded:
        """Of each so many texts the first."""
        return self._part(np.arange(len(self.targets))[::step])

    def whole_batches(self, size: int) -> Encoded:
        """Without the last texts, which fill no batch; a split that has no whole batch stays."""
        count = len(self.targets) // size * size or len(self.targets)
        return self._part(np.arange(count))

    def followed_by(self, other: Encoded) -> Encoded:
        """The texts of both."""
        return Encoded(
            token_ids=[*self.token_ids, *other.token_ids],
            targets=np.concatenate([self.targets, other.targets]),
            spelled=None if self.spelled is None else [*self.spelled, *(other.spelled or ())],
        )

    def redrawn(self, other: Encoded, *, seed: int, epoch: int) -> tuple[Encoded, Encoded]:
        """Two splits of the sizes of this and the other, each drawn by itself from the texts of both."""
        both = self.followed_by(other)
        generator = np.random.default_rng([seed, _STREAM, epoch])
        sizes = (len(split.targets) for split in (self, other))
        first, second = (both._part(generator.permutation(len(both.targets))[:size]) for size in sizes)
        return first, second

    def _part(self, places: npt.NDArray[np.intp]) -> Encoded:
        return Encoded(
            token_ids=[self.token_ids[place] for place in places],
            targets=self.targets[places],
            spelled=None if self.spelled is None else [self.spelled[place] for place in places],
        )


def filled(token_ids: list[TokenIds], fill_id: int | None) -> list[TokenIds]:
    """Texts as long as the longest of them, as a loop over padded tensors reads them."""
    assert fill_id is not None, "the settings were checked before"
    longest = max(map(len, token_ids))
    return [np.pad(ids, (0, longest - len(ids)), constant_values=fill_id) for ids in token_ids]
