"""Labelled texts and settings → everything a training needs before its first update."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tenor import native
from tenor.cells import Floats
from tenor.config import FlawsConfig, Settings, TokenizerConfig, TrainConfig
from tenor.data import Dataset, WordVectors, hold_out, validate_on_test
from tenor.errors import ConfigError, TrainingError
from tenor.indexing import Indexer
from tenor.model import Model
from tenor.tokenizer import Tokenizer
from tenor.training import engine, notes
from tenor.training.corpus import Indexed, build_vocabulary, encode, framed, with_targets
from tenor.training.encoded import Encoded
from tenor.training.initial import initial_weights, place_vectors
from tenor.training.ngrams import scores
from tenor.training.ngrams.blend import Apart
from tenor.training.ngrams.evidence import gather
from tenor.training.ngrams.spelling import Spelling, shared_parts
from tenor.training.progress import Progress
from tenor.vocabulary import Vocabulary

_UPDATES = 2_800
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 40
_MOST_WORDS = 2**25
"""Of the texts that n-grams are counted in: it takes 100 bytes a word for a while."""
_MOST_SCORES = 2**23
"""Of all n-grams and labels, so that they take no more than 32 MB."""


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
    flaws: FlawsConfig
    ngrams: Apart | None
    """What is known of n-grams beside their weights; None where the model has none, or goes on."""


def prepare(
    given: Dataset,
    settings: Settings,
    words: Sequence[str] | None,
    vectors: WordVectors | None,
    progress: Progress,
    recipe: Mapping[str, Any] | None = None,
) -> Prepared:
    """Decide what was left open, make the vocabulary and draw the first weights.

    Raises:
        DataError: there is nothing to learn from.
        ConfigError: settings, words and vectors do not go together.
    """
    dataset = _with_validation(given, settings.train, settings.flaws)
    settings = _resolve(settings, dataset, words, vectors)
    progress.say(notes.of_texts(dataset))
    for note in notes.doubts(given, dataset, settings.train.validation):
        progress.say(f"note: {note}")
    vocabulary, splits = _encode(dataset, settings, _words(settings, words, vectors), vectors, progress)
    learns_all = "validation" not in given.splits and settings.flaws == FlawsConfig()
    found = _scores(settings, vocabulary, splits, len(dataset.labels), progress, learns_all=learns_all)
    if found is not None:
        settings = replace(settings, model=replace(settings.model, ngrams=len(found[0]["ngrams.owners"])))
    weights = initial_weights(
        settings.model, vocabulary, num_labels=len(dataset.labels), seed=settings.train.seed
    )
    if vectors is not None:
        zeros = settings.model.missing_vectors == "zeros"
        weights = place_vectors(weights, vocabulary, vectors, missing_zeros=zeros)
    if found is not None:
        weights |= found[0]
    model = Model(
        tokenizer=settings.tokenizer,
        vocabulary=vocabulary,
        config=settings.model,
        labels=dataset.labels,
        weights=weights,
        record={
            **({} if recipe is None else {"recipe": dict(recipe)}),
            "train": settings.train.to_dict(),
            **_told(settings.flaws),
            "data": _origin(dataset, vectors, ngrams_learn_all=found is not None and learns_all),
        },
    )
    return Prepared(
        given=given,
        dataset=dataset,
        splits=splits,
        model=model,
        config=settings.train,
        flaws=settings.flaws,
        ngrams=None if found is None else found[1],
    )


def prepare_again(given: Dataset, model: Model, progress: Progress) -> Prepared:
    """The same for a training that goes on from a model that it has saved.

    Raises:
        TrainingError: the texts are not those that the model was trained on.
    """
    config = TrainConfig.from_dict(model.record["train"])
    flaws = FlawsConfig.from_dict(model.record.get("flaws", {}))
    dataset = _with_validation(given, config, flaws)
    _check_same_texts(dataset, model)
    progress.say(notes.of_texts(dataset))
    splits = {
        split: _split(dataset, split, model.tokenizer, model.vocabulary, progress, spells=model.config.spells)
        for split in ("train", "validation")
    }
    record = {name: value for name, value in model.record.items() if name != "metrics"}
    model = replace(model, record=record, card="")
    return Prepared(
        given=given, dataset=dataset, splits=splits, model=model, config=config, flaws=flaws, ngrams=None
    )


def _scores(
    settings: Settings,
    vocabulary: Vocabulary,
    splits: Mapping[str, Encoded],
    num_labels: int,
    progress: Progress,
    *,
    learns_all: bool,
) -> tuple[dict[str, Floats], Apart] | None:
    """The scores of n-grams, as weights, and what is known beside; None where there are none.

    With ``learns_all`` they are learnt from the validation texts as well, once these have chosen.
    """
    model = settings.model
    if not model.ngrams:
        return None
    num_logits = model.num_logits(num_labels)
    step = max(1, math.ceil(sum(splits["train"].lengths) / _MOST_WORDS))
    train = splits["train"].every(step)
    texts = train.followed_by(splits["validation"])
    parts = shared_parts(vocabulary, texts, model.char_ngrams) if model.spells else None
    evidence = gather(
        texts.token_ids,
        order=model.ngram_order,
        most_rows=min(model.ngrams, 1 << (_MOST_SCORES // num_logits).bit_length() - 1),
        parts=None if parts is None else parts.hashes,
    )
    spelling = None if parts is None else Spelling(parts, texts, evidence.owners)
    with progress.bar("fitting n-grams", (len(scores.STRENGTHS) + learns_all) * len(texts.targets)) as bar:
        found = scores.fit(
            scores.Features(evidence, texts, spelling),
            scores.Labels(texts.targets, num_labels, num_logits, len(train.targets)),
            learns_all=learns_all,
            fitted=bar.update,
        )
    parts_scored = 0 if spelling is None else len(spelling)
    progress.say(
        notes.of_scores(
            evidence, found, order=model.ngram_order, parts=parts_scored, step=step, learns_all=learns_all
        )
    )
    table = {"ngrams.weight": found.weight, "ngrams.owners": evidence.owners}
    return table, Apart(found.bias, found.held_out if learns_all else None)


def _check_same_texts(dataset: Dataset, model: Model) -> None:
    """Refuse other texts, also another fold, column or choice of the same file."""
    expected = model.record["data"]
    if (dataset.hash_texts(), dataset.labels) == (expected["texts_sha256"], model.labels):
        return
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in dataset.splits.items())
    before = ", ".join(f"{count:,} {split}" for split, count in expected["texts"].items())
    what = "is the same file, but other texts of it are read"
    if dataset.sha256 != expected["sha256"]:
        what = f"has the SHA-256 {dataset.sha256}, and it was {expected['sha256']}"
    raise TrainingError(
        f"{dataset.source} is not what this training began with: it {what} ({sizes}; they were {before}). "
        "Give the texts as they were, with the same columns, fold and files, or start over"
    )


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
    _check_flaws(settings)
    width = settings.model.embedding_dim if vectors is None else vectors.matrix.shape[1]
    return replace(
        settings,
        model=replace(settings.model, embedding_dim=width),
        train=replace(settings.train, epochs=epochs, engine=engine.resolved(settings.train)),
    )


def _check_flaws(settings: Settings) -> None:
    """Refuse a mistake that these settings leave no room for."""
    vocabulary, sizes = settings.vocabulary, settings.model.hidden_sizes
    if settings.flaws.fill_batches and vocabulary.fill_token not in vocabulary.special_tokens:
        raise ConfigError(
            f"fill_batches fills with {vocabulary.fill_token!r}, which is not one of special_tokens; add "
            "it there"
        )
    if settings.flaws.bottom_state and len(set(sizes)) > 1:
        raise ConfigError(f"bottom_state takes layers of one size, and hidden_sizes is {list(sizes)}")


def _told(flaws: FlawsConfig) -> dict[str, Any]:
    """What ``config.json`` says of mistakes that were made on purpose; nothing where none were."""
    return {} if flaws == FlawsConfig() else {"flaws": flaws.to_dict()}


def _with_validation(dataset: Dataset, config: TrainConfig, flaws: FlawsConfig) -> Dataset:
    if flaws.validate_on_test:
        return validate_on_test(dataset, flaws.validate_on_test, config.seed)
    if "validation" in dataset.splits:
        return dataset
    return hold_out(dataset, config.validation, config.seed)


def _words(
    settings: Settings, words: Sequence[str] | None, vectors: WordVectors | None
) -> Sequence[str] | None:
    """The words the vocabulary is given; None when it is made from the training texts."""
    if settings.vocabulary.source == "vectors" and vectors is not None:
        return vectors.words
    return words


def _encode(
    dataset: Dataset,
    settings: Settings,
    words: Sequence[str] | None,
    vectors: WordVectors | None,
    progress: Progress,
) -> tuple[Vocabulary, dict[str, Encoded]]:
    """The vocabulary, and the training and validation texts as ids."""
    train = dataset.splits["train"]
    indexed = Indexed(train, Tokenizer(settings.tokenizer), progress)
    vocabulary = build_vocabulary(indexed, settings.vocabulary, words)
    token_ids, spells = indexed.token_ids(vocabulary), settings.model.spells
    progress.say(notes.of_vocabulary(vocabulary, token_ids))
    if vectors is not None:
        progress.say(notes.of_vectors(vocabulary, vectors, token_ids))
    token_ids = framed(indexed.spelled(vocabulary) if spells else token_ids, vocabulary)
    return vocabulary, {
        "train": with_targets(token_ids, train, dataset.labels, spells=spells),
        "validation": _split(dataset, "validation", settings.tokenizer, vocabulary, progress, spells=spells),
    }


def _split(
    dataset: Dataset,
    split: str,
    tokenizer: TokenizerConfig,
    vocabulary: Vocabulary,
    progress: Progress,
    *,
    spells: bool,
) -> Encoded:
    """A split, read with a vocabulary that there is."""
    indexer = Indexer(tokenizer, vocabulary, spells=spells, in_core=native.is_available())
    examples = dataset.splits[split]
    return with_targets(encode(examples, indexer, split, progress), examples, dataset.labels, spells=spells)


def _origin(dataset: Dataset, vectors: WordVectors | None, *, ngrams_learn_all: bool) -> dict[str, Any]:
    """What ``config.json`` says of the texts; no times, so that the same run gives the same file."""
    return {
        **({"ngrams_learn": ["train", "validation"]} if ngrams_learn_all else {}),
        "name": dataset.name,
        "sha256": dataset.sha256,
        "texts_sha256": dataset.hash_texts(),
        "texts": {split: len(rows) for split, rows in dataset.splits.items()},
        "vectors_sha256": None if vectors is None else _hash(vectors),
    }


def _hash(vectors: WordVectors) -> str:
    hashed = hashlib.sha256("\n".join(vectors.words).encode("utf-8", "surrogatepass"))
    hashed.update(np.ascontiguousarray(vectors.matrix).data)
    return hashed.hexdigest()
