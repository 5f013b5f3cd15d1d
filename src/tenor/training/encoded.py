"""Texts as the network takes them: token ids beside label ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        return self._part(slice(None, None, step))

    def whole_batches(self, size: int) -> Encoded:
        """Without the last texts, which fill no batch; a split that has no whole batch stays."""
        count = len(self.targets) // size * size or len(self.targets)
        return self._part(slice(count))

    def _part(self, part: slice) -> Encoded:
        return Encoded(
            token_ids=self.token_ids[part],
            targets=self.targets[part],
            spelled=None if self.spelled is None else self.spelled[part],
        )


def filled(token_ids: list[TokenIds], fill_id: int | None) -> list[TokenIds]:
    """Texts as long as the longest of them, as a loop over padded tensors reads them."""
    assert fill_id is not None, "the settings were checked before"
    longest = max(map(len, token_ids))
    return [np.pad(ids, (0, longest - len(ids)), constant_values=fill_id) for ids in token_ids]
