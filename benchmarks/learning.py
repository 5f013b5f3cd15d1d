"""How fast the tutorials' networks and the presets learn: the compiled core beside PyTorch.

Usage: python benchmarks/learning.py DATA_DIR

Same weights, same reviews of IMDB in the same batches with true lengths, same dropout and Adam, in turns,
there and back again; both cores. PyTorch's numbers are the better of one thread and two. The span is one
update: forward, backward, clipping, optimizer. Tokens are real ones; both skip padding's results, and
PyTorch, which needs dense tensors, computes it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import origin, save

from tenor import native, preset
from tenor.batching import Batch, join
from tenor.config import FlawsConfig, ModelConfig, TrainConfig, VocabularyConfig
from tenor.data import load
from tenor.presets import PRESETS
from tenor.tokenizer import Tokenizer
from tenor.training.corpus import Indexed, build_vocabulary
from tenor.training.engine import Engine, build
from tenor.training.initial import initial_weights
from tenor.training.order import batches
from tenor.training.progress import Progress
from tenor.vocabulary import Vocabulary

ROUNDS = 7
_BOTH = {"cell": "lstm", "bidirectional": True}
NETWORKS: dict[str, tuple[ModelConfig, int, int | None]] = {
    "tutorial 5: both directions of LSTM 64": (
        ModelConfig(**_BOTH, hidden_sizes=(64,), pooling=("last",), head_hidden=64), 64, None,
    ),
    "tutorial 4: two layers of both directions of LSTM 100": (
        ModelConfig(**_BOTH, embedding_dim=100, hidden_sizes=(100, 100), pooling=("first_last",)), 64, 500,
    ),
    "tutorial 1: two layers of both directions of LSTM 256": (
        ModelConfig(**_BOTH, embedding_dim=100, hidden_sizes=(256, 256), pooling=("last",)), 64, 500,
    ),
    "GRU 64, both directions": (ModelConfig(cell="gru", bidirectional=True), 64, None),
    **{
        f"{name}, without n-grams": (replace(preset(name).model, ngrams=0), 32, None) for name in PRESETS
    },
}  # fmt: skip
"""Name → network, texts in a batch, most tokens of a text."""


def engines(config: ModelConfig, vocabulary: Vocabulary) -> dict[str, Engine]:
    """The same network in the core, and in PyTorch with one thread and two."""
    weights = initial_weights(config, vocabulary, num_labels=2, seed=0)
    asked = {"core": ("core", 2), "PyTorch, 1 thread": ("torch", 1), "PyTorch, 2 threads": ("torch", 2)}
    return {
        name: build(TrainConfig(engine=engine, threads=threads), config, weights, FlawsConfig())
        for name, (engine, threads) in asked.items()
    }


def seconds(engine: Engine, work: Sequence[tuple[Batch, Any]]) -> float:
    """Of some updates."""
    with engine.computing():
        began = time.perf_counter()
        for step, (batch, targets) in enumerate(work):
            engine.read(batch, targets, step)
            engine.learn(1e-3)
        return time.perf_counter() - began


def main(data_dir: Path) -> None:
    """Every network."""
    measured = origin()
    examples = load("imdb", data_dir=data_dir).splits["train"][::10]
    indexed = Indexed(examples, Tokenizer(preset().tokenizer), Progress(None))
    vocabulary = build_vocabulary(indexed, VocabularyConfig(), None)
    token_ids = indexed.token_ids(vocabulary)
    targets = np.array([example.label == "positive" for example in examples], np.int64)
    figures = {}
    for name, (config, size, most) in NETWORKS.items():
        texts = [ids[:most] for ids in token_ids]
        order = batches([len(ids) for ids in texts], batch_size=size, seed=0, epoch=1)[:6]
        work = [(join([texts[i] for i in chosen]), targets[chosen]) for chosen in order]
        tokens = sum(len(batch.token_ids) for batch, _ in work)
        made = engines(config, vocabulary)
        rates: dict[str, list[float]] = {engine: [] for engine in made}
        for turn in range(ROUNDS + 1):
            for engine in list(made)[:: 1 if turn % 2 else -1]:
                rate = tokens / seconds(made[engine], work)
                if turn:  # the first warms up
                    rates[engine].append(rate)
        best = max(list(made)[1:], key=lambda engine: statistics.median(rates[engine]))
        ratios = sorted(core / torch for core, torch in zip(rates["core"], rates[best], strict=True))
        figures[name] = {
            "core, tokens/s": round(statistics.median(rates["core"])),
            f"{best}, tokens/s": round(statistics.median(rates[best])),
            "ratio, median": round(statistics.median(ratios), 2),
            "ratio, range": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        }
        print(name, figures[name], flush=True)
    save("learning", figures, measured)


if __name__ == "__main__":
    assert native.is_available()
    main(Path(sys.argv[1]))
