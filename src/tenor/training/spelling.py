"""The words of a vocabulary → the parts they are spelled of, and what naive Bayes says of these.

A part is a run of neighbouring characters, with the word's beginning or end as one of them: what the
forms of a word have in common. Words that share parts lend each other evidence, so that a form seen
twice is scored by all that its relatives were seen in. Once fitted, what its parts say is added to
a word's own score, and nothing of them is left to compute when texts are read.

Source: character n-grams as Bojanowski et al. 2017, "Enriching Word Vectors with Subword
Information", have them for word vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tenor import ngrams
from tenor.batching import join
from tenor.cells import Floats
from tenor.training.encoded import TokenIds
from tenor.training.evidence import by_hash, log_odds
from tenor.training.lists import HALF, LOW, Lists, distinct
from tenor.vocabulary import Vocabulary

_END = 0x110000
"""Stands for the end of a word: no character."""
_FEWEST_WORDS = 4
"""A part of few words says little more than they do, and there are very many."""
_SHARE = 0.3
"""What naive Bayes says of a part is scaled with: a word has many, and one unit of each is too free."""


class Spelling:
    """Of V words in B texts, the G parts that several of them share."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        token_ids: Sequence[TokenIds],
        targets: npt.NDArray[np.int64],
        *,
        longest: int,
        num_labels: int,
        num_logits: int,
    ) -> None:
        """Take words apart and count.

        Args:
            vocabulary: the words; its special tokens are spelled of nothing.
            token_ids: of each of the training texts.
            targets: (B,) the label ids of the texts.
            longest: characters of the longest part.
            num_labels: how many labels there are.
            num_logits: C: as many, or 1.
        """
        count = len(vocabulary)
        self._texts_of_words = _texts_of_words(token_ids, count)
        self._words_of_texts = self._texts_of_words.turned(len(token_ids))
        characters = [[*map(ord, token), _END] if token in vocabulary else [] for token in vocabulary.tokens]
        self._words_of_parts = Lists.of_pairs(by_hash(join(characters), longest), fewest=_FEWEST_WORDS)
        self._parts_of_words = self._words_of_parts.turned(count)
        of_words = self._texts_of_words.sums(np.eye(num_labels, dtype=np.float32)[targets])
        self._odds = _SHARE * log_odds(self._words_of_parts.sums(of_words), num_logits)

    @property
    def shape(self) -> tuple[int, int]:
        """G, C."""
        return self._odds.shape

    def sums(self, weight: npt.NDArray[np.float64]) -> Floats:
        """(B, C) what the words of each text score, from the weights (G, C) of their parts."""
        return self._words_of_texts.sums(self._of_words(weight))

    def slopes(self, of_texts: Floats) -> npt.NDArray[np.float64]:
        """(G, C) how a sum over texts changes with the weights, from how it does with (B, C) ``sums``."""
        slopes: npt.NDArray[np.float64] = (
            self._words_of_parts.sums(self._texts_of_words.sums(of_texts)) * self._odds
        )
        return slopes

    def add_to(self, table: Floats, owners: Floats, weight: npt.NDArray[np.float64]) -> None:
        """Add what their parts say to the words' rows of a table (P, C), in place."""
        found = ngrams.hashes_of_words(np.arange(len(self._texts_of_words.offsets) - 1, dtype=np.int32))
        rows = ngrams.rows_of(found, len(owners))
        owned = owners[rows] == ngrams.marks_of(found)
        table[rows[owned]] += self._of_words(weight)[owned]

    def _of_words(self, weight: npt.NDArray[np.float64]) -> Floats:
        return self._parts_of_words.sums((weight * self._odds).astype(np.float32))


def _texts_of_words(texts: Sequence[TokenIds], count: int) -> Lists:
    """In which texts each of so many words is, each text once."""
    batch = join(texts)
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64), np.diff(batch.offsets))
    keys = distinct(batch.token_ids.astype(np.uint64) << HALF | rows)
    return Lists((keys & LOW).astype(np.int32), np.searchsorted(keys >> HALF, np.arange(count + 1)))
