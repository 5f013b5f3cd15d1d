"""Labelled texts and settings → everything a training needs before its first update."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenor.config import Settings, TrainConfig
from tenor.data import Dataset, WordVectors, hold_out
from tenor.errors import ConfigError, DataError, TrainingError
from tenor.model import Model
from tenor.tokenizer import Tokenizer
from tenor.training.corpus import Indexed, build_vocabulary, encode, with_targets
from tenor.training.initial import initial_weights, place_vectors
from tenor.training.progress import Progress
from tenor.training.trainer import Encoded
from tenor.vocabulary import Vocabulary

_UPDATES = 2_800
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 40


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A training before its first update, or before it goes on."""

    given: Dataset
    """The texts as they were read."""
    dataset: Dataset
    """The same, with a validation split."""
    splits: Mapping[str, Encoded]
    """``train`` and ``validation`` as the network takes them."""
    model: Model
    """The weights it starts from; its record has the settings and the data's hash."""
    config: TrainConfig


def prepare(
    given: Dataset,
    settings: Settings,
    words: Sequence[str] | None,
    vectors: WordVectors | None,
    progress: Progress,
) -> Prepared:
    """Decide what was left open, make the vocabulary and draw the first weights.

    Raises:
        DataError: there is nothing to learn from.
        ConfigError: settings, words and vectors do not go together.
    """
    dataset = _with_validation(given, settings.train)
    settings = _resolve(settings, dataset, words, vectors)
    progress.say(_summary(dataset))
    vocabulary, splits = _encode(dataset, settings, _words(settings, words, vectors), progress)
    weights = initial_weights(
        settings.model, vocabulary, num_labels=len(dataset.labels), seed=settings.train.seed
    )
    if vectors is not None:
        weights = place_vectors(weights, vocabulary, vectors)
        progress.say(_coverage(vocabulary, vectors, splits["train"]))
    model = Model(
        tokenizer=settings.tokenizer,
        vocabulary=vocabulary,
        config=settings.model,
        labels=dataset.labels,
        weights=weights,
        record={"train": settings.train.to_dict(), "data": _origin(dataset, vectors)},
    )
    return Prepared(given=given, dataset=dataset, splits=splits, model=model, config=settings.train)


def prepare_again(given: Dataset, model: Model, progress: Progress) -> Prepared:
    """The same for a training that goes on from a model that it has saved.

    Raises:
        TrainingError: the texts are not those that the model was trained on.
    """
    config = TrainConfig.from_dict(model.record["train"])
    dataset = _with_validation(given, config)
    expected = model.record["data"]
    if (dataset.sha256, dataset.labels) != (expected["sha256"], model.labels):
        raise TrainingError(
            f"{given.source} is not what this training began with: its SHA-256 is {dataset.sha256}, and "
            f"was {expected['sha256']}; give back the texts as they were, or begin anew"
        )
    progress.say(_summary(dataset))
    tokenizer = Tokenizer(model.tokenizer)
    splits = {
        split: with_targets(
            encode(dataset.splits[split], tokenizer, model.vocabulary, split, progress),
            dataset.splits[split],
            model.labels,
        )
        for split in ("train", "validation")
    }
    record = {name: model.record[name] for name in ("train", "data")}
    model = replace(model, record=record, card="")
    return Prepared(given=given, dataset=dataset, splits=splits, model=model, config=config)


def _resolve(
    settings: Settings, dataset: Dataset, words: Sequence[str] | None, vectors: WordVectors | None
) -> Settings:
    """The settings with everything decided that was left to the data."""
    source = settings.vocabulary.source
    if (source == "list") != (words is not None):
        raise ConfigError(
            "the vocabulary source 'list' and a list of words go together: set "
            "--source list and --words FILE, or neither"
        )
    if source == "vectors" and vectors is None:
        raise ConfigError("the vocabulary source 'vectors' needs word vectors: set --vectors FILE")
    epochs = settings.train.epochs
    if epochs is None:
        updates = max(len(dataset.splits["train"]) / settings.train.batch_size, 1)
        epochs = min(max(math.ceil(_UPDATES / updates), _FEWEST_EPOCHS), _MOST_EPOCHS)
    width = settings.model.embedding_dim if vectors is None else vectors.matrix.shape[1]
    return replace(
        settings,
        model=replace(settings.model, embedding_dim=width),
        train=replace(settings.train, epochs=epochs),
    )


def _with_validation(dataset: Dataset, config: TrainConfig) -> Dataset:
    if "validation" in dataset.splits:
        return dataset
    return hold_out(dataset, config.validation, config.seed)


def _summary(dataset: Dataset) -> str:
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in dataset.splits.items())
    lines = [f"{dataset.name}: {sizes} texts · labels {', '.join(map(repr, dataset.labels))}"]
    for split, rows in dataset.splits.items():
        absent = sorted(set(dataset.labels) - {example.label for example in rows})
        if absent:
            lines.append(f"note: no {split} text has the label {', '.join(map(repr, absent))}")
    return "\n".join(lines)


def _words(
    settings: Settings, words: Sequence[str] | None, vectors: WordVectors | None
) -> Sequence[str] | None:
    """The words the vocabulary is given; None when it is made from the training texts."""
    if settings.vocabulary.source == "vectors" and vectors is not None:
        return vectors.words
    return words


def _coverage(vocabulary: Vocabulary, vectors: WordVectors, train: Encoded) -> str:
    """How many words have a vector, and how much of the training texts these are."""
    known = set(vectors.words)
    has_vector = np.array([token in known for token in vocabulary.tokens])
    found = int(has_vector.sum())
    occurrences = np.bincount(np.concatenate(train.token_ids), minlength=len(vocabulary))
    share = float(occurrences[has_vector].sum() / occurrences.sum())
    return (
        f"word vectors: {found:,} of {len(vocabulary):,} words have one ({found / len(vocabulary):.1%}), "
        f"which are {share:.1%} of the training tokens"
    )


def _encode(
    dataset: Dataset, settings: Settings, words: Sequence[str] | None, progress: Progress
) -> tuple[Vocabulary, dict[str, Encoded]]:
    """The vocabulary, and the training and validation texts as ids."""
    tokenizer = Tokenizer(settings.tokenizer)
    train, validation = dataset.splits["train"], dataset.splits["validation"]
    indexed = Indexed(train, tokenizer, progress)
    vocabulary = build_vocabulary(indexed, settings.vocabulary, words)
    token_ids = indexed.token_ids(vocabulary)
    progress.say(_unknown(vocabulary, token_ids))
    held_out = encode(validation, tokenizer, vocabulary, "validation", progress)
    return vocabulary, {
        "train": with_targets(token_ids, train, dataset.labels),
        "validation": with_targets(held_out, validation, dataset.labels),
    }


def _unknown(vocabulary: Vocabulary, token_ids: Sequence[npt.NDArray[np.int32]]) -> str:
    """How much of the training texts the vocabulary leaves out.

    Raises:
        DataError: all of it: the model would read nothing.
    """
    known = len(vocabulary) - len(vocabulary.config.special_tokens)
    share = float(np.mean(np.concatenate(token_ids) == vocabulary.unknown_id))
    if share == 1:
        raise DataError(
            f"no training text has a word of the vocabulary, which holds {known:,}; with few texts set "
            "--min-count 1, with --words or --vectors check that they spell words as the texts do"
        )
    return f"vocabulary: {known:,} words; {share:.1%} of the training tokens are unknown"


def _origin(dataset: Dataset, vectors: WordVectors | None) -> dict[str, Any]:
    """What ``config.json`` says of the texts; no times, so that the same run gives the same file."""
    return {
        "name": dataset.name,
        "sha256": dataset.sha256,
        "texts": {split: len(rows) for split, rows in dataset.splits.items()},
        "vectors_sha256": None if vectors is None else _hash(vectors),
    }


def _hash(vectors: WordVectors) -> str:
    hashed = hashlib.sha256("\n".join(vectors.words).encode("utf-8", "surrogatepass"))
    hashed.update(np.ascontiguousarray(vectors.matrix).data)
    return hashed.hexdigest()
