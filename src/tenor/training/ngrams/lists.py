"""Many short lists of numbers of rows, laid end to end, and the sums of the rows that they name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.cells import Floats
from tenor.native.training import sums_of_rows

Keys = npt.NDArray[np.uint64]
"""Of two numbers each, one in either half."""
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
"""How far up the upper half is, and where the lower is."""
_MOST_PARTS, _WORTH_A_THREAD = 8, 2**16
"""How many parts are sorted side by side, as one thread puts them together; and the fewest keys of one."""


def sort(keys: Keys) -> None:
    """Sort in place: parts of them on several threads, then a merge."""
    count = min(native.status().threads, _MOST_PARTS, len(keys) // _WORTH_A_THREAD)
    if count < 2:
        keys.sort()
        return
    parts = np.array_split(keys, count)
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(np.ndarray.sort, parts))
    merge(keys)


def merge(keys: Keys) -> None:
    """Sort in place what is sorted in long stretches: NumPy's stable sort takes these as they are."""
    keys.sort(kind="stable")


def counted(keys: Keys) -> tuple[Keys, npt.NDArray[np.int64]]:
    """Each once, rising, and how often it was given; the given ones are sorted in place.

    ``np.unique`` takes eighty times as long from NumPy 2.3 on.
    """
    sort(keys)
    return runs(keys)


def runs(rising: Keys) -> tuple[Keys, npt.NDArray[np.int64]]:
    """Each of sorted keys once, and how often it is there."""
    begins = np.flatnonzero(are_new(rising))
    return rising[begins], np.diff(begins, append=len(rising))


def are_new(rising: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each of sorted numbers is the first of its like."""
    found = np.ones(len(rising), np.bool_)
    np.not_equal(rising[1:], rising[:-1], out=found[1:])
    return found


def _in_order(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Where numbers below a count stand when they rise, of equal ones the first first.

    By 16 bits at a time, for which NumPy has a sort that compares nothing.
    """
    found = np.argsort(numbers.astype(np.uint16), kind="stable")
    if count <= 1 << 16:
        return found
    upper = (numbers >> 16).astype(np.uint16)
    return found[np.argsort(upper[found], kind="stable")]


@dataclass(frozen=True)
class Lists:
    """N lists: which columns of a sparse matrix each of its rows has."""

    items: npt.NDArray[np.int32]
    """(M,) of all lists."""
    offsets: npt.NDArray[np.int64]
    """(N+1,) where each begins."""
    shares: Floats | None = None
    """(M,) the numbers of the matrix; None where all are ones."""

    @classmethod
    def of_pairs(cls, keys: Keys, shares: Floats) -> Lists:
        """A list for each upper half of keys (M,), of their lower halves; the keys rise."""
        begins = np.flatnonzero(are_new(keys >> HALF))
        return cls((keys & LOW).astype(np.int32), np.append(begins, len(keys)), shares)

    def turned(self, count: int) -> Lists:
        """(count,) lists: for each item in which of these lists it is, rising."""
        lists = np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))
        places = _in_order(self.items, count)
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(self.items, minlength=count), out=offsets[1:])
        return Lists(lists[places], offsets, None if self.shares is None else self.shares[places])

    def all_ones(self) -> Lists:
        """The same lists, whose numbers are ones."""
        return replace(self, shares=None)

    def sums(self, rows: Floats) -> Floats:
        """(N, C) for each list the sum of its shares of the rows (K, C) that it names."""
        if native.is_available():
            return sums_of_rows(rows, self.items, self.offsets, self.shares)
        lists = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        shares = np.float64(1) if self.shares is None else self.shares.astype(np.float64)
        columns = (column[self.items] * shares for column in rows.T)
        found = [np.bincount(lists, column, len(self.offsets) - 1) for column in columns]
        return np.stack(found, axis=1).astype(np.float32)
