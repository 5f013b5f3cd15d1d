"""Labelled texts and settings in → a trained classifier. The only part that imports PyTorch."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tenor.classifier import TextClassifier
from tenor.config import Settings
from tenor.data import Dataset, WordVectors, hold_out, load
from tenor.errors import ConfigError, DataError, UnsupportedError
from tenor.evaluation import Evaluation, evaluate
from tenor.model import Model
from tenor.report.card import render_card
from tenor.tokenizer import Tokenizer
from tenor.vocabulary import Vocabulary

try:
    import torch  # noqa: F401
    import tqdm  # noqa: F401
except ImportError as error:
    raise UnsupportedError(
        f"training needs {error.name}, which is not installed; type: pip install 'tenor[train]'"
    ) from error

from tenor.training.corpus import Indexed, build_vocabulary, encode, with_targets
from tenor.training.freeze import check_frozen
from tenor.training.history import EpochRecord
from tenor.training.initial import initial_weights, place_vectors
from tenor.training.progress import Progress
from tenor.training.run import RunFolder
from tenor.training.trainer import Encoded, Trainer

__all__ = ["Progress", "train"]

_UPDATES = 2_800
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 40


def train(
    data: Dataset | str | os.PathLike[str],
    settings: Settings = Settings(),  # noqa: B008 - frozen
    *,
    words: Sequence[str] | None = None,
    vectors: WordVectors | None = None,
    run: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> TextClassifier:
    """Train a classifier; the weights are those of the epoch that was best on validation texts.

    Args:
        data: labelled texts, or a corpus name or file that ``tenor.data.load`` reads. Without
            validation texts of its own, ``settings.train.validation`` of the training texts are
            held back. Test texts, if there are any, are read once, after training.
        settings: every choice; what is not named keeps its default.
        words: the vocabulary in its order, for ``vocabulary.source = "list"``.
        vectors: word vectors to start from; their width sets ``embedding_dim``.
        run: a folder for ``metrics.jsonl`` and ``curves.svg``; None writes neither.
        progress: where to report; None is silent.

    Returns:
        The classifier, seen to compute in its own runtime what PyTorch computes. Its
        ``model.record`` has the resolved settings, the data's hash and the metrics.

    Raises:
        DataError: the data cannot be read or learnt from.
        ConfigError: settings, words and vectors do not go together.
        TrainingError: the loss was not finite, or the runtimes disagree.
    """
    progress = progress or Progress(None)
    dataset = data if isinstance(data, Dataset) else load(data)
    dataset = _with_validation(dataset, settings)
    settings = _resolve(settings, dataset, words, vectors)
    progress.say(_summary(dataset))
    vocabulary, splits = _encode(dataset, settings, _words(settings, words, vectors), progress)
    weights = initial_weights(
        settings.model, vocabulary, num_labels=len(dataset.labels), seed=settings.train.seed
    )
    if vectors is not None:
        weights = place_vectors(weights, vocabulary, vectors)
        progress.say(_coverage(vocabulary, vectors))
    trainer = Trainer(
        settings.train, settings.model, weights, num_labels=len(dataset.labels), progress=progress
    )
    history = _History(None if run is None else RunFolder(Path(run)), settings, progress)
    best = trainer.run(splits["train"], splits["validation"], history.add)
    model = Model(
        tokenizer=settings.tokenizer,
        vocabulary=vocabulary,
        config=settings.model,
        labels=dataset.labels,
        weights=best,
        record=_record(dataset, settings, vectors, history.records, interrupted=trainer.interrupted),
    )
    check_frozen(TextClassifier(model), splits["validation"])
    return _finished(model, dataset, progress)


class _History:
    """Hands each epoch's record to the screen and to the run folder, and keeps it."""

    def __init__(self, run: RunFolder | None, settings: Settings, progress: Progress) -> None:
        self.records: list[EpochRecord] = []
        self._run, self._progress = run, progress
        self._epochs = settings.train.epochs or 0

    def add(self, record: EpochRecord) -> None:
        """Take in one epoch as it ends."""
        self.records.append(record)
        self._progress.epoch(record, self._epochs)
        if self._run is not None:
            self._run.add(record)


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


def _with_validation(dataset: Dataset, settings: Settings) -> Dataset:
    if "validation" in dataset.splits:
        return dataset
    return hold_out(dataset, settings.train.validation, settings.train.seed)


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


def _coverage(vocabulary: Vocabulary, vectors: WordVectors) -> str:
    known = set(vectors.words)
    found = sum(token in known for token in vocabulary.tokens)
    return f"{found:,} of {len(vocabulary):,} words have a word vector"


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
    held_out = encode(validation, tokenizer, vocabulary, progress)
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


def _record(
    dataset: Dataset,
    settings: Settings,
    vectors: WordVectors | None,
    records: Sequence[EpochRecord],
    *,
    interrupted: bool,
) -> dict[str, Any]:
    """What ``config.json`` says of the origin; no times, so that the same run gives the same file."""
    best = [record for record in records if record.best][-1]
    timings = ("seconds", "tokens_per_second", "best", "epoch", "learning_rate")
    return {
        "train": settings.train.to_dict(),
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "texts": {split: len(rows) for split, rows in dataset.splits.items()},
            "vectors_sha256": None if vectors is None else _hash(vectors),
        },
        "metrics": {
            "epochs": len(records),
            "best_epoch": best.epoch,
            **{k: v for k, v in best.to_dict().items() if k not in timings},
            **({"interrupted": True} if interrupted else {}),
        },
    }


def _hash(vectors: WordVectors) -> str:
    hashed = hashlib.sha256("\n".join(vectors.words).encode("utf-8", "surrogatepass"))
    hashed.update(np.ascontiguousarray(vectors.matrix).data)
    return hashed.hexdigest()


def _finished(model: Model, dataset: Dataset, progress: Progress) -> TextClassifier:
    """The classifier, evaluated once on the test texts if there are any, with its card."""
    evaluation: Evaluation | None = None
    record = dict(model.record)
    if dataset.splits.get("test"):
        examples = dataset.splits["test"]
        with progress.bar("reading test texts", len(examples)) as bar:
            evaluation = evaluate(
                TextClassifier(model),
                examples,
                on_chunk=bar.update,
            )
        record["metrics"] = record["metrics"] | {
            "test_accuracy": evaluation.accuracy,
            "test_loss": evaluation.loss,
            "test_macro_f1": evaluation.macro_f1,
        }
        progress.say(f"test accuracy {evaluation.accuracy:.4f} · loss {evaluation.loss:.4f}")
    model = replace(model, record=record)
    return TextClassifier(replace(model, card=render_card(model, evaluation)))
