"""What several test files make their models of."""

from __future__ import annotations

import numpy as np

from tenor import ngrams


def owned(weights, config, vocab_size):
    """The weights, of whose rows of n-grams, if there are such, n-grams of random texts own some."""
    if config.ngrams:
        ids = np.random.default_rng(1).integers(0, vocab_size, 600).astype(np.int32)
        hashes = ngrams.hashes(ids, np.arange(0, 601, 6), config.ngram_order).ravel()
        owners = np.zeros_like(weights["ngrams.owners"])
        owners[ngrams.rows_of(hashes, len(owners))] = ngrams.marks_of(hashes)
        weights["ngrams.owners"] = owners
    return weights
