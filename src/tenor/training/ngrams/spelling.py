"""Words → the parts they are spelled of, and what naive Bayes says of these.

A part is a run of neighbouring characters, with the word's beginning or end as one of them: what the
forms of a word have in common. Words that share parts lend each other evidence, so that a form seen
twice is scored by all that its relatives were seen in. Once fitted, what its parts say is added to the
score of each word of the vocabulary; a word that is not in it is scored by its parts alone.

Source: character n-grams as Bojanowski et al. 2017, "Enriching Word Vectors with Subword
Information", have them for word vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tenor import ngrams
from tenor.batching import Batch, join
from tenor.cells import Floats
from tenor.spelled import characters, words_of
from tenor.training.encoded import Encoded
from tenor.training.ngrams.evidence import by_hash, log_odds
from tenor.training.ngrams.lists import HALF, LOW, Keys, Lists, counted
from tenor.vocabulary import Vocabulary

_FEWEST_WORDS = 4
"""A part of few words says little more than they do, and there are very many."""
_SHARE = 0.3
"""What naive Bayes says of a part is scaled with: a word has many, and one unit of each is too free."""


class Parts(NamedTuple):
    """The G parts that several words share."""

    num_words: int
    """V."""
    hashes: ngrams.Hashes
    """(G,) of each, rising."""
    words: Lists
    """(G,) in which of the V words of the vocabulary each is."""
    texts: Lists
    """(G,) in which of the B texts each is in a word that is spelled out, and the root of how often."""


def shared_parts(vocabulary: Vocabulary, texts: Encoded, longest: int) -> Parts:
    """The parts of a vocabulary's words and of those that texts spell out.

    Of the latter each text counts as a word of its own: they are rare.

    Args:
        vocabulary: its special tokens are spelled of nothing.
        texts: B of them.
        longest: characters of the longest part.
    """
    known = [characters(token) if token in vocabulary else [] for token in vocabulary.tokens]
    of_words, _ = counted(by_hash(join(known), longest))
    of_texts, times = counted(_spelled_out(join(texts.for_ngrams), longest))
    hashes, counts = counted(np.concatenate([of_words, of_texts]) >> HALF)
    kept = hashes[counts >= _FEWEST_WORDS]
    in_texts = _lists(of_texts, kept, np.sqrt(times).astype(np.float32))
    return Parts(len(known), kept.astype(np.uint32), _lists(of_words, kept), in_texts)


def _spelled_out(batch: Batch, longest: int) -> Keys:
    """Of each part of a word that is spelled out the hash above its text, as often as the text has it."""
    found, words = ngrams.hashes_of_characters(batch.token_ids, longest)
    texts = np.searchsorted(words_of(batch).offsets, words, side="right").astype(np.uint64) - np.uint64(1)
    keys: Keys = found.astype(np.uint64) << HALF | texts
    return keys


def _lists(keys: Keys, hashes: Keys, shares: Floats | None = None) -> Lists:
    """The lower halves of the keys whose upper half is a hash, a list for each hash; both rise."""
    begins, ends = np.searchsorted(keys, hashes << HALF), np.searchsorted(keys, hashes << HALF | LOW, "right")
    sizes = ends - begins
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    places = np.repeat(begins - offsets[:-1], sizes) + np.arange(offsets[-1])
    chosen = None if shares is None else shares[places]
    return Lists((keys[places] & LOW).astype(np.int32), offsets, chosen)


class Spelling:
    """What parts of words score in texts, and how that changes with their weights."""

    def __init__(self, parts: Parts, texts: Encoded, owners: Floats) -> None:
        """Count.

        Args:
            parts: of the texts' words.
            texts: B of them.
            owners: (P,) the marks of those that own the rows of the table.
        """
        self._owners = owners
        self._texts_of_words = _texts_of_words(texts, parts.num_words)
        self._words_of_texts = self._texts_of_words.turned(len(texts.targets))
        self._words_of_parts, self._texts_of_parts = parts.words, parts.texts
        self._parts_of_words = parts.words.turned(parts.num_words)
        self._parts_of_texts = parts.texts.turned(len(texts.targets))
        self._rows, self._own = ngrams.looked_up(parts.hashes, owners)

    def __len__(self) -> int:
        """G."""
        return len(self._own)

    def odds(self, labels: Floats, num_logits: int) -> Floats:
        """(G, C) what naive Bayes says of each part, scaled, from labels (B, L) as ``Evidence.odds``."""
        of_words = self._texts_of_words.all_ones().sums(labels)
        counts = self._words_of_parts.sums(of_words) + self._texts_of_parts.all_ones().sums(labels)
        return np.float32(_SHARE) * log_odds(counts, num_logits)

    def sums(self, of_parts: Floats) -> Floats:
        """(B, C) what the parts of each text's words score, from their scores (G, C)."""
        spelled_out = self._parts_of_texts.sums(of_parts * self._own[:, None])
        return self._words_of_texts.sums(self._parts_of_words.sums(of_parts)) + spelled_out

    def slopes(self, of_texts: Floats) -> Floats:
        """(G, C) how a sum over texts changes with the parts' scores, from how it does with ``sums``."""
        known = self._words_of_parts.sums(self._texts_of_words.sums(of_texts))
        spelled_out = self._texts_of_parts.sums(of_texts) * self._own[:, None]
        slopes: Floats = known + spelled_out
        return slopes

    def add_to(self, table: Floats, of_parts: Floats) -> None:
        """Add the parts' scores (G, C) to their own rows and the words' rows of a table (P, C), in place."""
        of_words = self._parts_of_words.sums(of_parts)
        found = ngrams.hashes_of_words(np.arange(len(of_words), dtype=np.int32))
        rows, owned = ngrams.looked_up(found, self._owners)
        table[rows[owned]] += of_words[owned]
        table[self._rows[self._own]] += of_parts[self._own]


def _texts_of_words(texts: Encoded, count: int) -> Lists:
    """In which texts each of so many words is, and the root of how often."""
    batch = join(texts.token_ids)
    rows = np.repeat(np.arange(len(texts.targets), dtype=np.uint64), np.diff(batch.offsets))
    keys, times = counted(batch.token_ids.astype(np.uint64) << HALF | rows)
    offsets = np.searchsorted(keys >> HALF, np.arange(count + 1))
    return Lists((keys & LOW).astype(np.int32), offsets, np.sqrt(times).astype(np.float32))
