"""Texts → which n-grams own a row of scores, in which texts they are, and what naive Bayes says of them.

Source: Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", whose log-count ratios scale the features of a linear model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor import ngrams
from tenor.batching import Batch, join
from tenor.cells import Floats
from tenor.training.encoded import TokenIds
from tenor.training.ngrams.lists import HALF, LOW, Keys, Lists, are_new, merge, runs, sort

_FEWEST_TEXTS = 2
_ROWS_EACH = 1.5
"""At least so many rows for each that owns one: a quarter of them still meet another on theirs."""
_MOST_AT_ONCE = 2**22
"""Hashes that are looked at together, so that they stay in the cache."""


class Evidence(NamedTuple):
    """Of J n-grams that own a row, in B texts with C logits."""

    owners: Floats
    """(P,) the mark of each row's owner."""
    rows: npt.NDArray[np.int32]
    """(J,) which rows are owned, rising."""
    of_ngrams: Lists
    """In which texts each n-gram is, and the root of how often."""

    def odds(self, labels: Floats, num_logits: int) -> Floats:
        """(J, C) what naive Bayes says of each n-gram, as ``log_odds``; nothing of one that is too rare.

        Args:
            labels: (B, L) a one at each text's label; none where it is not to be known.
            num_logits: C.
        """
        counts = self.of_ngrams.all_ones().sums(labels)
        found = log_odds(counts, num_logits)
        found[counts.sum(axis=1) < _FEWEST_TEXTS] = 0
        return found


def gather(
    token_ids: Sequence[TokenIds],
    *,
    order: int,
    most_rows: int,
    parts: ngrams.Hashes | None = None,
) -> Evidence:
    """Find the n-grams that several texts have.

    Args:
        token_ids: of each of B texts.
        order: the most words of an n-gram.
        most_rows: the largest P; it is the smallest power of two that leaves a third of the rows free.
        parts: hashes of parts of words, which then own rows as well, but for those of single words,
            however frequent a longer n-gram on them is.
    """
    batch = join(token_ids)
    keys = by_hash(batch, order)
    sort(keys)
    found = (keys >> HALF).astype(np.uint32)
    begins = np.flatnonzero(are_new(found))
    found, sizes = found[begins], np.diff(begins, append=len(keys))
    counts = np.add.reduceat(are_new(keys), begins, dtype=np.int64) if len(begins) else begins
    enough = counts >= _FEWEST_TEXTS
    hashes, counts = found[enough], counts[enough]
    if parts is not None:
        words = np.flatnonzero(np.bincount(batch.token_ids)).astype(np.int32)
        counts += 2 * len(token_ids) * np.isin(hashes, ngrams.hashes_of_words(words))
        hashes = np.concatenate([hashes, parts])
        counts = np.concatenate([counts, np.full(len(parts), len(token_ids))])
    owners = _owners(hashes, counts, most_rows)
    of_rows, times = runs(_by_row(keys, found, sizes, owners))
    of_ngrams = Lists.of_pairs(of_rows, np.sqrt(times).astype(np.float32))
    kept = (of_rows[of_ngrams.offsets[:-1]] >> HALF).astype(np.int32)
    return Evidence(owners, kept, of_ngrams)


def by_hash(batch: Batch, order: int) -> Keys:
    """Every n-gram's hash above the text that has it, as often as it has it."""
    lengths, missing = np.diff(batch.offsets), [0, *range(order - 1)]  # the first words have no longer ones
    count = sum(int(np.maximum(lengths - words, 0).sum()) for words in missing)
    keys = np.empty(count, np.uint64)
    first = filled = 0
    while first < len(batch.offsets) - 1:
        end = batch.offsets[first] + max(_MOST_AT_ONCE // order, 1)
        last = max(first + 1, int(np.searchsorted(batch.offsets, end, side="right")) - 1)
        offsets = batch.offsets[first : last + 1]
        found, words = ngrams.hashes(batch.token_ids[offsets[0] : offsets[-1]], offsets - offsets[0], order)
        texts = np.repeat(np.arange(first, last, dtype=np.uint64), np.diff(offsets))
        np.bitwise_or(found.astype(np.uint64) << HALF, texts[words], out=keys[filled : filled + len(found)])
        first, filled = last, filled + len(found)
    return keys


def _by_row(keys: Keys, found: ngrams.Hashes, sizes: npt.NDArray[np.int64], owners: Floats) -> Keys:
    """The keys of those that own a row, with this for the hash, rising.

    Args:
        keys: they rise, and there are so many that room counts.
        found: each hash of theirs, and in ``sizes`` how many keys have it.
        sizes: of each.
        owners: of the rows.
    """
    rows, owned = ngrams.looked_up(found, owners)
    keys = keys[np.repeat(owned, sizes)]
    keys &= LOW
    keys |= np.repeat(rows[owned].astype(np.uint64) << HALF, sizes[owned])
    merge(keys)  # rows rise as hashes do, but a few have two owners with the same mark
    return keys


def _owners(found: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64], most_rows: int) -> Floats:
    """Who owns each row: of several on one the most frequent."""
    rows = min(1 << int(len(found) * _ROWS_EACH).bit_length(), most_rows)
    by_count = np.argsort(counts, kind="stable")  # the last one stays
    owners = np.full(rows, ngrams.NO_OWNER, np.float32)
    owners[ngrams.rows_of(found[by_count], rows)] = ngrams.marks_of(found[by_count])
    return owners


def log_odds(counts: Floats, num_logits: int) -> Floats:
    """(J, C) what naive Bayes says, from the counts (J, L) under each label, and one more.

    One logit gets those of the second label of two.
    """
    smooth = counts + np.float64(1)
    mass = smooth.sum(axis=0)
    others, other_mass = smooth.sum(axis=1, keepdims=True) - smooth, mass.sum() - mass
    odds = np.log(smooth / mass) - np.log(others / other_mass)
    found: Floats = odds[:, -num_logits:].astype(np.float32)
    return found
