"""Texts and settings → what is told of them before the first update, and what may be wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tenor.data import Dataset, WordVectors
from tenor.errors import DataError
from tenor.section import listed
from tenor.training.encoded import TokenIds
from tenor.training.ngrams.evidence import Evidence
from tenor.training.ngrams.scores import Scores
from tenor.vocabulary import Vocabulary

_FEWEST_TEXTS = 4
"""Of a label, on average, that nobody wonders at."""


def of_texts(dataset: Dataset) -> str:
    """How many texts each split has, and the labels."""
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in dataset.splits.items())
    return f"{dataset.name}: {sizes} texts · labels {listed(dataset.labels)}"


def doubts(given: Dataset, dataset: Dataset, share: float) -> Iterator[str]:
    """What in the data may be other than its owner thinks."""
    labels = len(dataset.labels)
    for split, rows in dataset.splits.items():
        absent = sorted(set(dataset.labels) - {example.label for example in rows})
        if absent:
            yield f"no {split} text has the label {listed(absent)}"
    texts = len(given.splits["train"])
    if texts < _FEWEST_TEXTS * labels:
        yield f"{labels:,} labels for {texts:,} texts: is that the column of the labels?"
    held = len(dataset.splits["validation"])
    if held + len(dataset.splits["train"]) == texts and held > 2 * share * texts:
        yield (
            f"at least one text of each label is held back for validation, which makes {held / texts:.0%} of "
            "them; give validation texts of your own, or more texts of each label"
        )


def of_vectors(vocabulary: Vocabulary, vectors: WordVectors, token_ids: Sequence[TokenIds]) -> str:
    """How many words have a vector, and how much of the training texts these are.

    Raises:
        DataError: no word has one.
    """
    known = set(vectors.words)
    has_vector = np.array([token in known for token in vocabulary.tokens])
    found = int(has_vector.sum())
    if not found:
        texts = [token for token in vocabulary.tokens if token in vocabulary]
        raise DataError(
            f"none of the vocabulary's {len(vocabulary):,} words has a word vector, so these vectors would "
            f"do nothing; they spell words like {listed(vectors.words[:3])}, and the texts "
            f"like {listed(texts[:3])}"
        )
    occurrences = np.bincount(np.concatenate(token_ids), minlength=len(vocabulary))
    share = float(occurrences[has_vector].sum() / occurrences.sum())
    return (
        f"word vectors: {found:,} of {len(vocabulary):,} words have one ({found / len(vocabulary):.1%}), "
        f"which are {share:.1%} of the training tokens"
    )


def of_vocabulary(vocabulary: Vocabulary, token_ids: Sequence[TokenIds]) -> str:
    """How much of the training texts the vocabulary leaves out.

    Raises:
        DataError: all of it: the model would read nothing.
    """
    known = len(vocabulary) - len(vocabulary.config.special_tokens)
    share = float(np.mean(np.concatenate(token_ids) == vocabulary.unknown_id))
    empty = sum(not len(ids) for ids in token_ids)
    if share == 1:
        raise DataError(
            f"no training text has a word of the vocabulary, which holds {known:,}; with few texts set "
            "--min-count 1, with --words or --vectors check that they spell words as the texts do"
        )
    told = f"vocabulary: {known:,} words; {share:.1%} of the training tokens are unknown"
    return told + f"\nnote: {empty:,} training texts have no word in them" * (empty > 0)


def of_scores(
    evidence: Evidence, found: Scores, *, order: int, parts: int, step: int, learns_all: bool
) -> str:
    """What n-grams are worth by themselves.

    Args:
        evidence: the n-grams.
        found: their scores.
        order: the most words of one.
        parts: how many parts of words are scored as well.
        step: 1 where they were counted in every text, 2 in every second, and so on.
        learns_all: whether the scores were learnt from the validation texts in the end.
    """
    counted = f", counted in every {step}th text" if step > 1 else ""
    spelling = f" and {parts:,} parts of words" if parts else ""
    refitted = " (then fitted to the validation texts as well)" if learns_all else ""
    return (
        f"n-grams: {len(evidence.rows):,} of 1 to {order} words{counted}{spelling}; a linear model of them "
        f"has validation accuracy {found.accuracy:.4f}{refitted}. The network is trained separately; "
        "validation measures both together"
    )
