"""What several test files make their models of."""

from __future__ import annotations

import numpy as np

from tenor import ngrams


def owned(weights, vocab_size):
    """The weights, of whose rows of n-grams, if there are such, words and pairs own some."""
    if "ngrams.owners" in weights:
        pairs = np.random.default_rng(1).integers(-2, vocab_size, (vocab_size * vocab_size // 2, 2))
        before, words = pairs.astype(np.int32).T.copy()
        hashes = ngrams.hashes_after(np.abs(words) % vocab_size, before)
        owners = np.zeros_like(weights["ngrams.owners"])
        owners[ngrams.rows_of(hashes, len(owners))] = ngrams.marks_of(hashes)
        weights["ngrams.owners"] = owners
    return weights
