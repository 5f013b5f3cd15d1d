"""What several test files make their models of."""

from __future__ import annotations

import numpy as np

from tenor import ngrams
from tenor.batching import join
from tenor.spelled import characters


def owned(weights, config, vocab_size):
    """The weights, of whose rows of n-grams, if there are such, those of random texts and words own some."""
    if config.ngrams:
        ids = np.random.default_rng(1).integers(0, vocab_size, 600).astype(np.int32)
        hashes, _ = ngrams.hashes(ids, np.arange(0, 601, 6), config.ngram_order)
        owners = np.zeros_like(weights["ngrams.owners"])
        owners[ngrams.rows_of(hashes, len(owners))] = ngrams.marks_of(hashes)
        spelled = join([characters(word) for word in ("unheard", "of", "Unknown", "wörd")]).token_ids
        parts, _ = ngrams.hashes(spelled, np.array([0, len(spelled)]), config.char_ngrams)
        owners[ngrams.rows_of(parts, len(owners))] = ngrams.marks_of(parts)
        weights["ngrams.owners"] = owners
    return weights
