"""Many short lists of numbers of rows, laid end to end, and the sums of the rows that they name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.cells import Floats
from tenor.native.training import sums_of_rows

Keys = npt.NDArray[np.uint64]
"""Of two numbers each, one in either half."""
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
"""How far up the upper half is, and where the lower is."""


def distinct(keys: Keys) -> Keys:
    """Each once, rising; the given ones are sorted in place.

    ``np.unique`` takes eighty times as long from NumPy 2.3 on.
    """
    keys.sort()
    found: Keys = keys[np.diff(keys, prepend=~keys[:1]) != 0]
    return found


@dataclass(frozen=True)
class Lists:
    """N lists: which columns of a sparse matrix of ones each of its rows has."""

    items: npt.NDArray[np.int32]
    """(M,) of all lists."""
    offsets: npt.NDArray[np.int64]
    """(N+1,) where each begins."""

    @classmethod
    def of_pairs(cls, keys: Keys, *, fewest: int = 1) -> Lists:
        """A list for each upper half that at least so many of the keys (M,) have, of their lower halves.

        The keys rise, and so do the upper halves of the lists.
        """
        names = keys >> HALF
        begins = np.flatnonzero(np.diff(names, prepend=~names[:1]))
        counts = np.diff(begins, append=len(keys))
        kept = np.repeat(counts >= fewest, counts)
        ends = np.cumsum(counts[counts >= fewest])
        return cls((keys[kept] & LOW).astype(np.int32), np.concatenate([[0], ends]).astype(np.int64))

    def turned(self, count: int) -> Lists:
        """(count,) lists: for each item in which of these lists it is, rising."""
        lists = np.repeat(np.arange(len(self.offsets) - 1, dtype=np.uint64), np.diff(self.offsets))
        keys = np.sort(self.items.astype(np.uint64) << HALF | lists)
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(self.items, minlength=count), out=offsets[1:])
        return Lists((keys & LOW).astype(np.int32), offsets)

    def sums(self, rows: Floats) -> Floats:
        """(N, C) for each list the sum of the rows (K, C) that it names."""
        if native.is_available():
            return sums_of_rows(rows, self.items, self.offsets)
        lists = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        found = [np.bincount(lists, column[self.items], len(self.offsets) - 1) for column in rows.T]
        return np.stack(found, axis=1).astype(np.float32)
