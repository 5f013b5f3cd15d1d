"""Token ids in → what their words and runs of neighbouring words add to the logits.

An n-gram, up to so many words, that two texts of the training had owns a row of scores, one for each
logit. A hash says which row; where several fall on one, the most frequent owns it, and a mark of
eight bits tells the others apart. A text's first words are n-grams with its beginning too. What a
text has k times counts √k times: all of a text said twice says the same. The n-grams of characters of
a word that is spelled out (``tenor.spelled``) have rows in the same table.

Source: the hashed n-grams of fastText (Joulin et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.spelled import words_of

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
    times: Mapping[int, int]
    """How often each row has been added."""


class Present(NamedTuple):
    """The n-grams of texts that own a row, in their order."""

    rows: npt.NDArray[np.int32]
    """(M,)"""
    shares: Sums
    """(M,) how much of its row each adds."""
    words: npt.NDArray[np.int64]
    """(M,) at which word of all texts, laid end to end, each is."""
    offsets: Offsets
    """(B+1,) at which word each text begins."""


class Ngrams:
    """The rows of one model."""

    def __init__(self, weight: Floats, owners: Floats, order: int, characters: int = 0) -> None:
        """Take scores (P, C), the mark (P,) of each row's owner, and the most words of an n-gram.

        Args:
            weight: the scores.
            owners: the marks.
            order: the most words.
            characters: the most characters of one of characters; 0 where there are none.
        """
        self._weight = weight
        self._owners = owners
        self._order = order
        self._characters = characters

    @classmethod
    def of(cls, config: ModelConfig, weights: Mapping[str, Floats]) -> Ngrams | None:
        """Those among a model's weights; None where it has none."""
        if "ngrams.weight" not in weights:
            return None
        return cls(weights["ngrams.weight"], weights["ngrams.owners"], config.ngram_order, config.char_ngrams)

    def begin(self) -> NgramState:
        """Before any word."""
        return NgramState(np.zeros(self._weight.shape[1]), 0, _at_a_beginning(self._order), {})

    def step(self, state: NgramState, token_ids: TokenIds) -> NgramState:
        """Read one more word, and its characters if it is spelled out."""
        of_words = hashes_after(state.before, token_ids[:1])
        of_characters, _ = hashes(token_ids[1:], np.array([0, len(token_ids) - 1]), self._characters)
        found = np.concatenate([of_words[: state.words + 2], of_characters])
        rows, owned = looked_up(found, self._owners)
        total, times = state.total, dict(state.times)
        for row in rows[owned].tolist():
            times[row] = times.get(row, 0) + 1
            total = total + _share(np.array(times[row])) * self._weight[row].astype(np.float64)
        before = np.concatenate([state.before[:1], of_words[:-1]])
        return NgramState(total, state.words + 1, before, times)

    def score(self, state: NgramState) -> Floats:
        """(1, C) what the words so far add to the logits."""
        return self._scaled(state.total[None], np.array([state.words]))

    def scores(self, batch: Batch) -> Floats:
        """What B texts add to their logits.

        Returns:
            (B, C) sums over the n-grams of each text, divided by the square root of the number of
            words: a long text may be surer than a short one, but not in proportion. Zeros for an
            empty text.
        """
        return self.scores_of(present(batch, self._owners, self._order, self._characters))

    def scores_of(self, found: Present) -> Floats:
        """The same from what ``present`` found in the texts."""
        texts = np.searchsorted(found.offsets, found.words, side="right") - 1
        count, columns = len(found.offsets) - 1, self._weight[found.rows].T
        sums = [np.bincount(texts, column * found.shares, count) for column in columns]  # adds in order
        return self._scaled(np.stack(sums, axis=1), np.diff(found.offsets))

    def prefix_scores(self, batch: Batch) -> Floats:
        """(T+1, C) what the first words of its one text add to the logits: of none, of one, … of all."""
        found = present(batch, self._owners, self._order, self._characters)
        sums = np.cumsum(self._weight[found.rows] * found.shares[:, None], axis=0)
        sums = np.concatenate([np.zeros((1, sums.shape[1])), sums])
        words = np.arange(found.offsets[1] + 1)
        return self._scaled(sums[np.searchsorted(found.words, words, side="left")], words)

    def _scaled(self, sums: Sums, lengths: npt.NDArray[np.int64]) -> Floats:
        found: Floats = (sums / scales(lengths)[:, None]).astype(self._weight.dtype)
        return found


def scales(lengths: npt.NDArray[np.int64]) -> Sums:
    """(B,) what sums over texts of so many words are divided by."""
    return np.sqrt(np.maximum(lengths, 1))


def present(batch: Batch, owners: Floats, order: int, characters: int) -> Present:
    """The n-grams of texts that own a row.

    Args:
        batch: the texts.
        owners: (P,) the mark of each row's owner.
        order: the most words of one.
        characters: the most characters of one of characters; 0 for none.
    """
    plain = words_of(batch)
    rows, words = _owned(*hashes(plain.token_ids, plain.offsets, order), owners)
    if characters:
        more, at = _owned(*hashes_of_characters(batch.token_ids, characters), owners)
        rows, words = np.concatenate([rows, more]), np.concatenate([words, at])
        in_order = np.argsort(words, kind="stable")  # at each word first those of words
        rows, words = rows[in_order], words[in_order]
    texts = np.searchsorted(plain.offsets, words, side="right").astype(np.uint64)
    shares = _share(_times(texts << np.uint64(32) | rows.astype(np.uint64)))
    return Present(rows, shares, words, plain.offsets)


def _times(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """(M,) how often each key has come by then, itself included."""
    by_key = np.argsort(keys, kind="stable")
    is_first = np.diff(keys[by_key], prepend=~keys[by_key[:1]]) != 0
    places = np.arange(len(keys))
    found = np.empty(len(keys), np.int64)
    found[by_key] = places - np.maximum.accumulate(np.where(is_first, places, 0)) + 1
    return found


def _share(times: npt.NDArray[np.int64]) -> Sums:
    """How much of its row an n-gram adds, by how often its text has had it by then."""
    found: Sums = np.sqrt(times) - np.sqrt(times - 1)
    return found


def _owned(
    found: Hashes, words: npt.NDArray[np.int64], owners: Floats
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Of n-grams (M,) that end at words those that own a row: the rows, and the words."""
    rows, owned = looked_up(found, owners)
    return rows[owned], words[owned]


def hashes_of_characters(token_ids: TokenIds, longest: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The n-grams of the characters among ids (N,), each word's apart.

    Returns:
        (M,) of those that end at each character, and (M,) the number of its word.
    """
    is_character = token_ids < 0
    words = np.cumsum(~is_character)[is_character] - 1
    begins = np.flatnonzero(np.diff(words, prepend=-1))
    found, at = hashes(token_ids[is_character], np.append(begins, len(words)), longest)
    return found, words[at]


def hashes(token_ids: TokenIds, offsets: Offsets, order: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The n-grams that end at each word: the word, it and the one before, and so on.

    Returns:
        (M,) of all of them, and (M,) at which word each ends. The longest at a text's first words
        begins with its beginning.
    """
    found = np.empty((len(token_ids), order), np.uint32)
    begins = offsets[:-1][np.diff(offsets) > 0]
    for size in range(order):
        before = np.full(len(token_ids), _ALONE & _ALL, np.uint32)
        if size:
            before[1:] = found[:-1, size - 1]
            before[begins] = _BEGINNING & _ALL
        found[:, size] = hashes_after(before, token_ids)
    words_before = np.arange(len(token_ids)) - np.repeat(offsets[:-1], np.diff(offsets))
    words, sizes = np.nonzero(np.arange(order) <= words_before[:, None] + 1)
    return found[words, sizes], words


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


def looked_up(of: Hashes, owners: Floats) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """On which row each hash falls, and whether it owns it."""
    rows = rows_of(of, len(owners))
    return rows, owners[rows] == marks_of(of)


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
