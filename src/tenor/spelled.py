"""Words with no id of their own, spelled out among the ids of a text.

The id of the unknown word may be followed by its characters, as negative numbers: n-grams of these are
scored where there are none of the word. A network reads the words alone.
"""

from __future__ import annotations

import numpy as np

from tenor.batching import Batch

END = -1 - 0x110000
"""Stands for the end of a word, after its characters."""
MOST_CHARACTERS = 64
"""Of a word that is spelled out: longer ones are no words of a language."""


def characters(word: str) -> list[int]:
    """A word's characters and its end, each a number of its own below 0; none of a word too long."""
    return [*(-1 - ord(character) for character in word), END] if len(word) <= MOST_CHARACTERS else []


def words_of(batch: Batch) -> Batch:
    """The batch without characters: one id for each word. Where there are none, the batch itself."""
    is_word = batch.token_ids >= 0
    if is_word.all():
        return batch
    words = np.concatenate([[0], np.cumsum(is_word)])
    return Batch(token_ids=batch.token_ids[is_word], offsets=words[batch.offsets])
