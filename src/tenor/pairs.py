"""Token ids in → what their pairs of neighbouring words add to the logits.

A word pair has a row of scores, one for each logit. Pairs are too many for a row each, so a hash
chooses the row and some share one. The first word of a text pairs with its beginning.

Source: the hashed n-grams of fastText (Joulin et al. 2017), their scores added as in a linear model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats

_BEGINNING = -1
"""Stands for the word before the first."""

Sums = npt.NDArray[np.float64]


class PairState(NamedTuple):
    """What is known of the pairs of a text while it is read on."""

    total: Sums
    """(C,) scores of the pairs so far, added in their order."""
    words: int
    last: int
    """The id of the last word."""


def begin(num_logits: int) -> PairState:
    """Before any word."""
    return PairState(np.zeros(num_logits), 0, _BEGINNING)


def step(state: PairState, token_id: int, weight: Floats) -> PairState:
    """Read one more word."""
    row = _rows(np.array([state.last], np.int32), np.array([token_id], np.int32), len(weight))[0]
    return PairState(state.total + weight[row], state.words + 1, token_id)


def score(state: PairState, dtype: npt.DTypeLike) -> Floats:
    """(1, C) what the words so far add to the logits."""
    return _scaled(state.total[None], np.array([state.words]), dtype)


def pair_rows(
    token_ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], rows: int
) -> npt.NDArray[np.int32]:
    """(N,) the row of each word and the one before it, in a table of so many rows."""
    before = np.empty_like(token_ids)
    before[1:] = token_ids[:-1]
    before[offsets[:-1][np.diff(offsets) > 0]] = _BEGINNING
    return _rows(before, token_ids, rows)


def scores(token_ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """What the pairs of B texts add to the logits.

    Args:
        token_ids: (N,) the words of all texts, end to end.
        offsets: (B+1,) where each text begins.
        weight: (P, C) scores of the pairs.

    Returns:
        (B, C) sums over each text's pairs, divided by the square root of their number, so that a
        long text may be surer than a short one, but not in proportion; zeros for an empty text.
    """
    return scores_of_rows(pair_rows(token_ids, offsets, len(weight)), offsets, weight)


def scores_of_rows(rows: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """The same from the rows (N,) of the pairs, as ``pair_rows`` finds them."""
    lengths = np.diff(offsets)
    texts = np.repeat(np.arange(len(lengths)), lengths)
    found = weight[rows]
    sums = [np.bincount(texts, column, minlength=len(lengths)) for column in found.T]  # adds in order
    return _scaled(np.stack(sums, axis=1), lengths, weight.dtype)


def prefix_scores(token_ids: npt.NDArray[np.int32], weight: Floats) -> Floats:
    """(T+1, C) what the first words of one text add to the logits: none of them, one, … all T."""
    rows = pair_rows(token_ids, np.array([0, len(token_ids)]), len(weight))
    sums = np.zeros((len(token_ids) + 1, weight.shape[1]))
    np.cumsum(weight[rows], axis=0, dtype=np.float64, out=sums[1:])
    return _scaled(sums, np.arange(len(sums)), weight.dtype)


def scales(lengths: npt.NDArray[np.int64]) -> Sums:
    """(B, 1) what sums over the pairs of texts of so many words are divided by."""
    return np.sqrt(np.maximum(lengths, 1))[:, None]


def _scaled(sums: Sums, lengths: npt.NDArray[np.int64], dtype: npt.DTypeLike) -> Floats:
    return (sums / scales(lengths)).astype(dtype)


def _rows(before: npt.NDArray[np.int32], after: npt.NDArray[np.int32], rows: int) -> npt.NDArray[np.int32]:
    """A hash of two ids, spread over the rows. (Finalizer of Wellons 2018, "lowbias32".)"""
    x = before.view(np.uint32) * np.uint32(0x9E3779B1) + after.view(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    found: npt.NDArray[np.int32] = (x.astype(np.uint64) * np.uint64(rows) >> np.uint64(32)).astype(np.int32)
    return found
