"""A table of which each update reads few rows, while Adam moves all of them: late, to the same bits."""

from __future__ import annotations

import numpy as np

from tenor.native.arrays import TokenIds
from tenor.native.training import Adam, Learnt


class LateRows:
    """Rows that an update did not read make up for its step when they are read again.

    A row without a gradient still moves, by what is left of earlier ones. To walk through the whole
    table for that in each update costs more than the update where words are many. A row that comes
    later makes its steps all at once, while it is in registers, and few of them in full: soon none
    moves its weights any more, and only what Adam remembers goes on fading.
    """

    def __init__(self, adam: Adam, learnt: Learnt) -> None:
        self._adam, self._learnt = adam, learnt
        self._made = np.zeros(len(learnt.weight), np.int32)
        self._steps = np.empty((256, 3), np.float32)
        self._count = 0

    def catch_up(self, row_ids: TokenIds) -> None:
        """Bring rows (R,), each once, to where they are in Adam."""
        self._adam.catch_up(self._learnt, self._made, self._steps[: self._count], row_ids)

    def step(self, step: tuple[float, float, float], row_ids: TokenIds) -> None:
        """Know of a step that these rows have made, which had caught up."""
        if self._count == len(self._steps):
            self._steps = np.concatenate([self._steps, np.empty_like(self._steps)])
        self._steps[self._count] = step
        self._count += 1
        self._made[row_ids] = self._count

    def settle(self) -> None:
        """Bring all rows to where they are in Adam."""
        if self._count:
            self._adam.catch_up(self._learnt, self._made, self._steps[: self._count])
            self._count = 0
            self._made.fill(0)
