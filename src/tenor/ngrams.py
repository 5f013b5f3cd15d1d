"""Token ids in → what their words and runs of neighbouring words add to the logits.

An n-gram, up to so many words, that two texts of the training had owns a row of scores, one for each
logit. A hash says which row; where several fall on one, the most frequent owns it, and a mark of
eight bits tells the others apart. A text's first words are n-grams with its beginning too. However
often a text has an n-gram, it counts once.

Source: the hashed n-grams of fastText (Joulin et al. 2017); that presence says more than the count
is from Wang & Manning 2012, "Baselines and Bigrams".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.config import ModelConfig

TokenIds = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]
Sums = npt.NDArray[np.float64]

_ALONE, _BEGINNING = -2, -1
"""Stand for what is before a word that is looked up by itself, and before a text's first word."""
NO_OWNER = 0
"""The mark of a row that nothing owns."""


class NgramState(NamedTuple):
    """What is known of a text while it is read on."""

    total: Sums
    """(C,) the scores so far, added in their order."""
    words: int
    before: Hashes
    """(order,) of what stands before the next word: nothing, a word, two …"""
    seen: frozenset[int]
    """The rows that have been added."""


class Present(NamedTuple):
    """The n-grams of texts that own a row, each once a text, in their order."""

    rows: npt.NDArray[np.int32]
    """(M,)"""
    words: npt.NDArray[np.int64]
    """(M,) at which word of all texts, laid end to end, each ends for the first time."""


class Ngrams:
    """The rows of one model."""

    def __init__(self, weight: Floats, owners: Floats, order: int) -> None:
        """Take scores (P, C), the mark (P,) of each row's owner and the most words of an n-gram."""
        self._weight = weight
        self._owners = owners
        self._order = order

    @classmethod
    def of(cls, config: ModelConfig, weights: Mapping[str, Floats]) -> Ngrams | None:
        """Those among a model's weights; None where it has none."""
        if "ngrams.weight" not in weights:
            return None
        return cls(weights["ngrams.weight"], weights["ngrams.owners"], config.ngram_order)

    def begin(self) -> NgramState:
        """Before any word."""
        return NgramState(np.zeros(self._weight.shape[1]), 0, _at_a_beginning(self._order), frozenset())

    def step(self, state: NgramState, token_id: int) -> NgramState:
        """Read one more word."""
        found = hashes_after(state.before, np.array([token_id], np.int32))
        rows = rows_of(found, len(self._owners))
        owned = rows[self._owners[rows] == marks_of(found)].tolist()
        fresh = [row for row in dict.fromkeys(owned) if row not in state.seen]
        total = state.total
        for row in fresh:
            total = total + self._weight[row]
        before = np.concatenate([state.before[:1], found[:-1]])
        return NgramState(total, state.words + 1, before, state.seen.union(fresh))

    def score(self, state: NgramState) -> Floats:
        """(1, C) what the words so far add to the logits."""
        return self._scaled(state.total[None], np.array([state.words]))

    def scores(self, token_ids: TokenIds, offsets: Offsets) -> Floats:
        """What B texts add to their logits.

        Args:
            token_ids: (N,) the words of all texts, end to end.
            offsets: (B+1,) where each text begins.

        Returns:
            (B, C) sums over the n-grams of each text, divided by the square root of the number of
            words: a long text may be surer than a short one, but not in proportion. Zeros for an
            empty text.
        """
        return self.scores_of(present(token_ids, offsets, self._owners, self._order), offsets)

    def scores_of(self, found: Present, offsets: Offsets) -> Floats:
        """The same from the n-grams that ``present`` found in the texts."""
        texts = np.searchsorted(offsets, found.words, side="right") - 1
        columns = self._weight[found.rows].T
        sums = [np.bincount(texts, column, len(offsets) - 1) for column in columns]  # adds in order
        return self._scaled(np.stack(sums, axis=1), np.diff(offsets))

    def prefix_scores(self, token_ids: TokenIds) -> Floats:
        """(T+1, C) what the first words of one text add to the logits: of none, of one, … of all."""
        found = present(token_ids, np.array([0, len(token_ids)]), self._owners, self._order)
        sums = np.cumsum(self._weight[found.rows], axis=0, dtype=np.float64)
        sums = np.concatenate([np.zeros((1, sums.shape[1])), sums])
        read = np.searchsorted(found.words, np.arange(len(token_ids) + 1), side="left")
        return self._scaled(sums[read], np.arange(len(token_ids) + 1))

    def _scaled(self, sums: Sums, lengths: npt.NDArray[np.int64]) -> Floats:
        found: Floats = (sums / scales(lengths)[:, None]).astype(self._weight.dtype)
        return found


def scales(lengths: npt.NDArray[np.int64]) -> Sums:
    """(B,) what sums over texts of so many words are divided by."""
    return np.sqrt(np.maximum(lengths, 1))


def present(token_ids: TokenIds, offsets: Offsets, owners: Floats, order: int) -> Present:
    """The n-grams of texts that own a row.

    Args:
        token_ids: (N,) the words of all texts, end to end.
        offsets: (B+1,) where each text begins.
        owners: (P,) the mark of each row's owner.
        order: the most words of an n-gram.
    """
    found = hashes(token_ids, offsets, order).ravel()
    rows = rows_of(found, len(owners))
    owned = np.flatnonzero(owners[rows] == marks_of(found))
    rows, words = rows[owned], owned // order
    texts = np.searchsorted(offsets, words, side="right").astype(np.uint64)
    _, first = np.unique(texts << np.uint64(32) | rows.astype(np.uint64), return_index=True)
    first.sort()
    return Present(rows[first], words[first])


def hashes(token_ids: TokenIds, offsets: Offsets, order: int) -> Hashes:
    """(N, order) of the n-grams that end at each word: the word, it and the one before, and so on."""
    found = np.empty((len(token_ids), order), np.uint32)
    begins = offsets[:-1][np.diff(offsets) > 0]
    for size in range(order):
        before = np.full(len(token_ids), _ALONE & _ALL, np.uint32)
        if size:
            before[1:] = found[:-1, size - 1]
            before[begins] = _BEGINNING & _ALL
        found[:, size] = hashes_after(before, token_ids)
    return found


def hashes_of_words(words: TokenIds) -> Hashes:
    """(N,) of words, each by itself."""
    return hashes_after(np.array(_ALONE & _ALL, np.uint32), words)


def hashes_after(before: Hashes, words: TokenIds) -> Hashes:
    """Of words and what is before them: one word, or several in either.

    Source: Wellons 2018, "Prospecting for hash functions" (lowbias32: each bit depends on all).
    """
    x = before * _SPREAD + words.view(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def rows_of(of: Hashes, rows: int) -> npt.NDArray[np.int32]:
    """Which of so many rows each hash falls on."""
    return (of.astype(np.uint64) * np.uint64(rows) >> np.uint64(32)).astype(np.int32)


def marks_of(of: Hashes) -> npt.NDArray[np.uint32]:
    """1 to 255."""
    return of % np.uint32(255) + np.uint32(1)


def _at_a_beginning(order: int) -> Hashes:
    before = np.full(order, _BEGINNING & _ALL, np.uint32)
    before[0] = _ALONE & _ALL
    return before


_ALL = 0xFFFFFFFF
_SPREAD = np.array(0x9E3779B1, np.uint32)[None]
"""Keeps neighbouring ids apart; an array, whose products wrap round in silence."""
