"""Token ids in → what their words and pairs of neighbouring words add to the logits.

A word, or a pair of them, that two texts of the training had owns a row of scores, one for each
logit. A hash says which row; where several fall on one, the most frequent owns it, and a mark of
eight bits tells the others apart. The first word of a text pairs with its beginning.

Source: the hashed n-grams of fastText (Joulin et al. 2017), with scores that are added as in a
linear model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats

TokenIds = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.float64]

_BEGINNING, _ALONE = -1, -2
"""Stand for the word before: of a text's first word, and of a word that is looked up by itself."""
NO_OWNER = 0
"""The mark of a row that nothing owns."""


class NgramState(NamedTuple):
    """What is known of a text while it is read on."""

    total: Sums
    """(C,) the scores so far, added in their order."""
    words: int
    last: int
    """The id of the last word."""


class Ngrams:
    """The rows of one model."""

    def __init__(self, weight: Floats, owners: Floats) -> None:
        """Take scores (P, C) and the mark (P,) of each row's owner."""
        self._weight = weight
        self._owners = owners

    @classmethod
    def of(cls, weights: Mapping[str, Floats]) -> Ngrams | None:
        """Those among a model's weights; None where it has none."""
        if "ngrams.weight" not in weights:
            return None
        return cls(weights["ngrams.weight"], weights["ngrams.owners"])

    def begin(self) -> NgramState:
        """Before any word."""
        return NgramState(np.zeros(self._weight.shape[1]), 0, _BEGINNING)

    def step(self, state: NgramState, token_id: int) -> NgramState:
        """Read one more word."""
        word = np.array([token_id], np.int32)
        total = state.total
        for scores in self._found(hashes_after(word, np.array([state.last], np.int32))):
            total = total + scores
        return NgramState(total, state.words + 1, token_id)

    def score(self, state: NgramState) -> Floats:
        """(1, C) what the words so far add to the logits."""
        return self._scaled(state.total[None], np.array([state.words]))

    def scores(self, token_ids: TokenIds, offsets: Offsets) -> Floats:
        """What B texts add to their logits.

        Args:
            token_ids: (N,) the words of all texts, end to end.
            offsets: (B+1,) where each text begins.

        Returns:
            (B, C) sums over the words and pairs of each text, divided by the square root of the
            number of words: a long text may be surer than a short one, but not in proportion.
            Zeros for an empty text.
        """
        return self.summed(self._found(hashes(token_ids, offsets)), offsets)

    def summed(self, found: Floats, offsets: Offsets) -> Floats:
        """(B, C) the same from the scores (2N, C) of all words and pairs in their order."""
        lengths = np.diff(offsets)
        texts = np.repeat(np.arange(len(lengths)), 2 * lengths)
        sums = [np.bincount(texts, column, len(lengths)) for column in found.T]  # adds in order
        return self._scaled(np.stack(sums, axis=1), lengths)

    def prefix_scores(self, token_ids: TokenIds) -> Floats:
        """(T+1, C) what the first words of one text add to the logits: of none, of one, … of all."""
        found = self._found(hashes(token_ids, np.array([0, len(token_ids)])))
        sums = np.zeros((len(token_ids) + 1, self._weight.shape[1]))
        sums[1:] = np.cumsum(found, axis=0, dtype=np.float64)[1::2]
        return self._scaled(sums, np.arange(len(sums)))

    def _found(self, of: Hashes) -> Floats:
        """(n, C) scores; zeros for what owns no row."""
        rows = rows_of(of, len(self._weight))
        owned = self._owners[rows] == marks_of(of)
        return np.where(owned[:, None], self._weight[rows], np.zeros((), self._weight.dtype))

    def _scaled(self, sums: Sums, lengths: npt.NDArray[np.int64]) -> Floats:
        found: Floats = (sums / scales(lengths)).astype(self._weight.dtype)
        return found


def scales(lengths: npt.NDArray[np.int64]) -> Sums:
    """(B, 1) what sums over texts of so many words are divided by."""
    return np.sqrt(np.maximum(lengths, 1))[:, None]


def hashes(token_ids: TokenIds, offsets: Offsets) -> Hashes:
    """(2N,) of each word by itself, and of it with the word before."""
    before = np.empty_like(token_ids)
    before[1:] = token_ids[:-1]
    before[offsets[:-1][np.diff(offsets) > 0]] = _BEGINNING
    return hashes_after(token_ids, before)


def hashes_after(token_ids: TokenIds, before: TokenIds) -> Hashes:
    """(2N,) the same, of words of which the ones before are given."""
    found = np.empty((len(token_ids), 2), np.uint32)
    found[:, 0] = np.uint32(_ALONE & 0xFFFFFFFF) * _SPREAD + token_ids.view(np.uint32)
    found[:, 1] = before.view(np.uint32) * _SPREAD + token_ids.view(np.uint32)
    return _mixed(found.ravel())


def rows_of(of: Hashes, rows: int) -> npt.NDArray[np.int32]:
    """Which of so many rows each hash falls on."""
    return (of.astype(np.uint64) * np.uint64(rows) >> np.uint64(32)).astype(np.int32)


def marks_of(of: Hashes) -> npt.NDArray[np.uint32]:
    """1 to 255."""
    return of % np.uint32(255) + np.uint32(1)


_SPREAD = np.array(0x9E3779B1, np.uint32)[None]
"""Keeps neighbouring ids apart; an array, whose products wrap round in silence."""


def _mixed(x: Hashes) -> Hashes:
    """Each bit depends on all; lowbias32 of Wellons 2018, "Prospecting for hash functions"."""
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x
