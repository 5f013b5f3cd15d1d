"""Which recurrence earns its place: accuracy against the time of learning and the speed of reading.

Usage: python benchmarks/study.py DATA_DIR [CORPUS ...]

Every cell learns the training texts of every corpus with each seed; what is shown was measured on
texts that chose the epoch and the blend, never on test texts: SST's own validation sentences, a tenth
of sentence polarity, and of IMDB a fifth of its training films (films are the same in training and
in a random tenth of it, but not in its test texts). N-grams are fitted once a corpus; each network is
learnt by itself, so one run says what it does alone and with them. Texts with a negation are also read with
their words shuffled: what that costs is what a model gets from their order; it would cost a bag of
words nothing. Runs that are in the results are not done again.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, origin, save
from study_pictures import draw

from tenor import TextClassifier, preset
from tenor.batching import join
from tenor.cells import Floats
from tenor.config import ModelConfig, TrainConfig
from tenor.data import Dataset, hold_out, load
from tenor.data.examples import build_dataset
from tenor.prediction import label_ids
from tenor.scorer import Scorer
from tenor.training.encoded import Encoded, TokenIds
from tenor.training.history import EpochRecord
from tenor.training.initial import initial_weights
from tenor.training.ngrams.blend import Beside, without_ngrams
from tenor.training.prepare import Prepared, prepare
from tenor.training.progress import Progress
from tenor.training.trainer import Hooks, Trainer

SEEDS = range(3)
CORPORA = ("sentence-polarity", "sst-2", "sst-5", "imdb")
_NARROW = {"cell": "linear", "embedding_dim": 32, "hidden_sizes": (64,)}
_WIDE = {"cell": "linear", "window": 2, "hidden_sizes": (128,)}
NETWORKS: dict[str, dict[str, Any]] = {
    "linear 64": _NARROW,
    "linear 64, last and max": _NARROW | {"pooling": ("last", "max")},
    "linear 128, two words": _WIDE,
    "the same, both directions": _WIDE | {"bidirectional": True},
    "the same, two layers": _WIDE | {"hidden_sizes": (128, 128)},
    "the same, mean alone": _WIDE | {"pooling": ("mean",)},
    "the same, max alone": _WIDE | {"pooling": ("max",)},
    "the same, last state": _WIDE | {"pooling": ("last",)},
    "GRU 64": {"cell": "gru"},
    "LSTM 64": {"cell": "lstm"},
    "LSTM 64, both directions": {"cell": "lstm", "bidirectional": True},
}
_FILMS_HELD_BACK = 0.2
_NEGATIONS = frozenset(
    {"not", "no", "never", "nothing", "nobody", "none", "neither", "nor", "without", "hardly", "barely"}
    | {"n't", "cannot"}
)
_SHUFFLES = 3
_TIMED = ("seconds", "tokens/s")  # other work of the machine may fall into one of the runs


def films(data_dir: Path) -> list[str]:
    """Of each training review of IMDB, in the order in which they are loaded."""
    with tarfile.open(data_dir / "aclImdb_v1.tar.gz") as archive:
        found = []
        for label in ("neg", "pos"):
            file = archive.extractfile(f"aclImdb/train/urls_{label}.txt")
            assert file is not None
            found += re.findall(r"tt\d+", file.read().decode())
    return found


def corpus(name: str, data_dir: Path) -> Dataset:
    """Training and validation texts."""
    if name == "imdb":
        train = load("imdb", data_dir=data_dir).splits["train"]
        of = films(data_dir)
        assert len(of) == len(train)
        known = sorted(set(of))
        held = set(random.Random(0).sample(known, int(_FILMS_HELD_BACK * len(known))))
        splits = {
            "train": [example for example, film in zip(train, of, strict=True) if film not in held],
            "validation": [example for example, film in zip(train, of, strict=True) if film in held],
        }
        return build_dataset(splits, name="imdb", sha256="", source="imdb by film")
    if name.startswith("sst"):
        dataset = load("sst", data_dir=data_dir, num_labels=int(name[-1]))
    else:
        dataset = load(name, data_dir=data_dir)
    dataset = replace(dataset, splits={of: rows for of, rows in dataset.splits.items() if of != "test"})
    if "validation" not in dataset.splits:  # n-grams learn from what training itself holds out
        dataset = hold_out(dataset, TrainConfig().validation, seed=0)
    return dataset


def ngrams_alone(prepared: Prepared) -> float:
    """Validation accuracy of the n-grams."""
    model, validation = prepared.model, prepared.splits["validation"]
    beside = Beside.of(model.config, model.weights, prepared.ngrams)
    assert beside is not None
    return _right(beside.logits(validation), validation)


def learnt(prepared: Prepared, model: ModelConfig, seed: int) -> tuple[TextClassifier, float, EpochRecord]:
    """A model, the seconds of its learning and its best epoch."""
    given = prepared.model
    labels, words = len(given.labels), given.vocabulary
    weights = initial_weights(model, words, num_labels=labels, seed=seed)
    weights |= {name: weight for name, weight in given.weights.items() if name.startswith("ngrams.")}
    trainer = Trainer(
        replace(prepared.config, seed=seed), model, weights, num_labels=labels, progress=Progress(None),
        ngrams=prepared.ngrams,
    )  # fmt: skip
    began = time.perf_counter()
    best = trainer.run(prepared.splits["train"], prepared.splits["validation"], Hooks())
    seconds = time.perf_counter() - began
    assert trainer.position.best is not None
    classifier = TextClassifier(replace(given, config=model, weights=best))
    return classifier, seconds, trainer.position.best


def figures(prepared: Prepared, name: str, seed: int) -> dict[str, float]:
    """Of one run."""
    ngrams = {"ngrams": prepared.model.config.ngrams, "ngram_order": prepared.model.config.ngram_order}
    classifier, seconds, best = learnt(prepared, ModelConfig(**NETWORKS[name], **ngrams), seed)
    model, validation = classifier.model, prepared.splits["validation"]
    network = without_ngrams(model.weights)
    # What n-grams add to every text went into the bias when they were blended in.
    assert prepared.ngrams is not None
    network["head.bias"] = network["head.bias"] - np.float32(best.blend.ngrams) * prepared.ngrams.bias
    alone = Scorer(replace(model.config, ngrams=0), network)
    batch = join(validation.token_ids)
    times, logits = [], np.empty(0)
    for _ in range(4):
        began = time.perf_counter()
        logits = alone.logits(batch)
        times.append(time.perf_counter() - began)
    found = {
        "accuracy": best.validation_accuracy,
        "alone": _right(logits, validation),
        "seconds": seconds,
        "tokens/s": len(batch.token_ids) / min(times[1:]),
    }
    negated = _negated(prepared)
    shuffled = [_shuffled(negated, number) for number in range(_SHUFFLES)]
    for key, read in (("", TextClassifier(model).logits_of), (", alone", _reader(alone))):
        found[f"negated{key}"] = _right(read(negated.token_ids), negated)
        found[f"negated, shuffled{key}"] = statistics.mean(_right(read(s.token_ids), s) for s in shuffled)
    return found


def _right(logits: Floats, texts: Encoded) -> float:
    return float(np.mean(label_ids(logits) == texts.targets))


def _reader(scorer: Scorer) -> Callable[[Sequence[TokenIds]], Floats]:
    return lambda token_ids: scorer.logits(join(token_ids))


def _negated(prepared: Prepared) -> Encoded:
    """The validation texts that have a negation."""
    tokens, texts = prepared.model.vocabulary.tokens, prepared.splits["validation"]
    negations = [number for number, token in enumerate(tokens) if _negates(token)]
    chosen = [i for i, ids in enumerate(texts.token_ids) if np.isin(ids, negations).any()]
    return Encoded(token_ids=[texts.token_ids[i] for i in chosen], targets=texts.targets[chosen])


def _negates(token: str) -> bool:
    return token in _NEGATIONS or token.endswith(("n't", "n’t"))


def _shuffled(texts: Encoded, seed: int) -> Encoded:
    draw = np.random.default_rng(seed)
    return replace(texts, token_ids=[draw.permutation(ids) for ids in texts.token_ids])


def summary(runs: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Corpus → network → means of its seeds, medians of times, from ``CORPUS · NETWORK · SEED`` → figures."""
    found: dict[str, Any] = {}
    for name in CORPORA:
        for network in NETWORKS:
            rows = [runs[key] for seed in SEEDS if (key := f"{name} · {network} · {seed}") in runs]
            if rows:
                means = {
                    key: (statistics.median if key in _TIMED else statistics.mean)(row[key] for row in rows)
                    for key in rows[0]
                }
                spread = max(row["accuracy"] for row in rows) - min(row["accuracy"] for row in rows)
                rounded = {
                    key: round(value) if key == "tokens/s" else round(value, 4)
                    for key, value in means.items()
                }
                of = {"spread of accuracy": round(spread, 4), "seeds": len(rows)}
                found.setdefault(name, {})[network] = {**rounded, **of}
    return found


def main(data_dir: Path, names: list[str]) -> None:
    """Every network on every corpus, seed by seed."""
    measured = origin()
    place = RESULTS / "study.json"
    runs: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))["runs"] if place.exists() else {}
    for name in names:
        settings = replace(preset("balanced"), train=replace(preset("balanced").train, validation=0.1))
        prepared = prepare(corpus(name, data_dir), settings, None, None, Progress(None))
        bare = ngrams_alone(prepared)
        for seed in SEEDS:
            for network in NETWORKS:
                key = f"{name} · {network} · {seed}"
                if key not in runs:
                    runs[key] = figures(prepared, network, seed) | {"n-grams alone": bare}
                    print(key, {k: round(v, 4) for k, v in runs[key].items()}, flush=True)
                    save("study", summary(runs), measured, runs=runs)
    draw()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(CORPORA))
