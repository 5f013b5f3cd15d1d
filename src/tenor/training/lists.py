"""Many short lists of numbers of rows, laid end to end, and the sums of the rows that they name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.cells import Floats
from tenor.native.training import sums_of_rows


@dataclass(frozen=True)
class Lists:
    """N lists: which columns of a sparse matrix of ones each of its rows has."""

    items: npt.NDArray[np.int32]
    """(M,) of all lists."""
    offsets: npt.NDArray[np.int64]
    """(N+1,) where each begins."""

    def turned(self, count: int) -> Lists:
        """(count,) lists: for each item in which of these lists it is, rising."""
        lists = np.repeat(np.arange(len(self.offsets) - 1, dtype=np.uint64), np.diff(self.offsets))
        keys = np.sort(self.items.astype(np.uint64) << np.uint64(32) | lists)
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(self.items, minlength=count), out=offsets[1:])
        return Lists((keys & np.uint64(0xFFFFFFFF)).astype(np.int32), offsets)

    def sums(self, rows: Floats) -> Floats:
        """(N, C) for each list the sum of the rows (K, C) that it names."""
        if native.is_available():
            return sums_of_rows(rows, self.items, self.offsets)
        lists = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        found = [np.bincount(lists, column[self.items], len(self.offsets) - 1) for column in rows.T]
        return np.stack(found, axis=1).astype(np.float32)
