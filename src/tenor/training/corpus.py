"""Labelled texts in → a vocabulary and the ids of every split."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tenor import native
from tenor.batching import join
from tenor.config import VocabularyConfig
from tenor.data.examples import Example
from tenor.errors import DataError
from tenor.indexing import Indexer
from tenor.native.text import NumberedWords, PreparedReader
from tenor.tokenizer import Tokenizer
from tenor.training.encoded import Encoded, TokenIds
from tenor.training.progress import Progress
from tenor.vocabulary import Vocabulary, build_from_counts, build_from_words

_READING = "reading train texts"
_TEXTS_AT_ONCE = 1024


class Indexed:
    """The training texts, tokenized once: each word numbered when it is first seen."""

    def __init__(self, examples: Sequence[Example], tokenizer: Tokenizer, progress: Progress) -> None:
        """Tokenize.

        Raises:
            DataError: no text has a token.
        """
        in_core = native.is_available() and tokenizer.config.split != "spacy"
        number = _numbered_in_core if in_core else _numbered
        whole, self._words = number(examples, tokenizer, progress)
        # Words count also where a long text is not read any more.
        self._counts = (
            np.bincount(np.concatenate(whole), minlength=len(self._words)) if whole else np.zeros(0)
        )
        most = tokenizer.config.max_tokens or math.inf
        self._texts = [
            ids if len(ids) <= most else np.array(tokenizer.truncate(ids.tolist()), np.int32) for ids in whole
        ]
        if not self._words:
            raise DataError("no training text has a word; check which column holds the text")

    def counts(self) -> Counter[str]:
        """Word → occurrences, in the order in which words were first seen."""
        return Counter(dict(zip(self._words, self._counts.tolist(), strict=True)))

    def token_ids(self, vocabulary: Vocabulary) -> list[TokenIds]:
        """Ids of the texts' tokens in a vocabulary."""
        ids = np.array(vocabulary.encode(self._words), dtype=np.int32)
        return [ids[text] for text in self._texts]

    def spelled(self, vocabulary: Vocabulary) -> list[TokenIds]:
        """The same with unknown words spelled out."""
        words = join([vocabulary.spell([word]) for word in self._words])
        sizes = np.diff(words.offsets)
        found = []
        for text in self._texts:
            each = sizes[text]
            ends = np.cumsum(each)
            places = np.repeat(words.offsets[text] - (ends - each), each) + np.arange(each.sum())
            found.append(words.token_ids[places])
        return found


def _numbered(
    examples: Sequence[Example], tokenizer: Tokenizer, progress: Progress
) -> tuple[list[TokenIds], list[str]]:
    """The tokens of texts as numbers, and the words that these stand for."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    found = []
    with progress.bar(_READING, len(examples)) as bar:
        for example in examples:
            tokens = tokenizer.tokens(example.text)
            found.append(np.array([numbers[token] for token in tokens], np.int32))
            bar.update(1)
    return found, list(numbers)


def _numbered_in_core(
    examples: Sequence[Example], tokenizer: Tokenizer, progress: Progress
) -> tuple[list[TokenIds], list[str]]:
    """The same."""
    reader = PreparedReader(tokenizer.config, build_from_words([], VocabularyConfig()))
    words = NumberedWords()
    found: list[TokenIds] = []
    with progress.bar(_READING, len(examples)) as bar:
        for texts in _chunks(examples):
            ids, offsets = reader.number(texts, words)
            found += np.split(ids, offsets[1:-1])
            bar.update(len(texts))
    return found, words.spelled()


def build_vocabulary(indexed: Indexed, config: VocabularyConfig, words: Iterable[str] | None) -> Vocabulary:
    """The vocabulary from the texts, or from words given in their order."""
    if words is None:
        return build_from_counts(indexed.counts(), config)
    return build_from_words(words, config)


def framed(token_ids: list[TokenIds], vocabulary: Vocabulary) -> list[TokenIds]:
    """All that is read of texts: their words, between what the vocabulary adds."""
    if not vocabulary.frames:
        return token_ids
    return [np.array(vocabulary.frame(text.tolist()), dtype=np.int32) for text in token_ids]


def encode(examples: Sequence[Example], indexer: Indexer, split: str, progress: Progress) -> list[TokenIds]:
    """All that is read of a split's texts, in a vocabulary that there is."""
    found: list[TokenIds] = []
    with progress.bar(f"reading {split} texts", len(examples)) as bar:
        for texts in _chunks(examples):
            batch = indexer.index(texts).batch
            found += np.split(batch.token_ids, batch.offsets[1:-1])
            bar.update(len(texts))
    return found


def with_targets(
    token_ids: list[TokenIds], examples: Sequence[Example], labels: Sequence[str], *, spells: bool
) -> Encoded:
    """A split as network and n-grams take it, beside its label ids.

    Args:
        token_ids: all that is read of each text, with ``spells`` with unknown words spelled out.
        examples: the split.
        labels: in the order of their ids.
        spells: whether the model scores parts of words.
    """
    ids = {label: i for i, label in enumerate(labels)}
    targets = np.array([ids[example.label] for example in examples], dtype=np.int64)
    if not spells:
        return Encoded(token_ids=token_ids, targets=targets)
    return Encoded(token_ids=[text[text >= 0] for text in token_ids], targets=targets, spelled=token_ids)


def _chunks(examples: Sequence[Example]) -> Iterator[list[str]]:
    """Their texts, so many at once."""
    for start in range(0, len(examples), _TEXTS_AT_ONCE):
        yield [example.text for example in examples[start : start + _TEXTS_AT_ONCE]]
