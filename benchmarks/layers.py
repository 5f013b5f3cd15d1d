"""How fast the core reads: layers from ids and from vectors, and texts to ids.

Usage: python benchmarks/layers.py

Ids follow Zipf's law over 25,000 words, texts have the lengths of film reviews. One warm pass, then the
best of five: what the machine can do, not what it does beside others. Vectors are counted as given.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from common import save

from tenor import TextClassifier, native
from tenor.config import Precision, TokenizerConfig, VocabularyConfig
from tenor.native.text import PreparedReader
from tenor.vocabulary import build_from_words

VOCABULARY, TOKENS, RUNS = 25_000, 400_000, 5
GATES = {"lstm": 4, "gru": 3, "rnn": 1, "linear": 2}
LAYERS: list[tuple[str, int, int, dict[str, bool]]] = [
    ("linear", 100, 128, {}),
    ("linear", 100, 128, {"previous": True}),
    ("linear", 100, 128, {"output_gate": True, "skip": True}),
    ("rnn", 100, 128, {}),
    ("gru", 100, 128, {}),
    ("lstm", 100, 64, {}),
    ("lstm", 100, 128, {}),
    ("lstm", 100, 256, {}),
]
"""Cell, E, H and gating of one layer and direction."""
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


def texts(rng: np.random.Generator) -> tuple[Ids, Offsets]:
    """Ids and offsets of texts like film reviews: 230 words in the middle, some of a thousand."""
    weights = 1 / (np.arange(VOCABULARY) + 2.7)
    ids = rng.choice(VOCABULARY, TOKENS, p=weights / weights.sum()).astype(np.int32)
    lengths = np.clip(rng.lognormal(5.25, 0.6, TOKENS // 100).astype(np.int64), 10, 1500)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    offsets = offsets[offsets <= TOKENS]
    return ids[: offsets[-1]], offsets


def best(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of RUNS, after one that is not counted."""
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def layer(
    rng: np.random.Generator, cell: str, inputs: int, hidden: int, gating: native.Gating, precision: Precision
) -> native.PreparedLayer:
    """One with random weights."""

    def draw(*shape: int) -> npt.NDArray[np.float32]:
        return (rng.normal(size=shape) / 10).astype(np.float32)

    gates = GATES[cell] + gating.input_gate + gating.output_gate
    rows = (gates + gating.skip) * hidden
    weights = native.LayerWeights(
        weight_ih=draw(rows, inputs),
        weight_previous=draw(gates * hidden, inputs) if gating.previous else None,
        weight_hh=None if cell == "linear" else draw(rows, hidden),
        bias_ih=draw(rows),
    )
    return native.PreparedLayer(cell, weights, gating=gating, precision=precision)


def reading(threads: int) -> dict[str, float]:
    """Million tokens a second of each layer, from ids and from vectors."""
    native.set_threads(threads)
    rng = np.random.default_rng(0)
    ids, offsets = texts(rng)
    found = {}
    for (cell, inputs, hidden, options), precision in itertools.product(LAYERS, PRECISIONS):
        made = layer(rng, cell, inputs, hidden, native.Gating(**options), precision)
        vectors = rng.normal(size=(VOCABULARY, inputs)).astype(np.float32)
        share = max(1, hidden * hidden // 4096) if cell != "linear" else 1
        part = offsets[: max(2, len(offsets) // share)]  # slow layers read fewer texts
        some = ids[: part[-1]]
        name = " ".join([f"{cell} {inputs}→{hidden}", *options, precision])
        given = vectors[some]
        seconds = best(lambda made=made, given=given, part=part: made.forward(given, part))
        found[f"{name}, from vectors"] = round(len(some) / seconds / 1e6, 3)
        made.fold(vectors)
        seconds = best(lambda made=made, some=some, part=part: made.forward(some, part))
        found[f"{name}, from ids"] = round(len(some) / seconds / 1e6, 3)
    return found


def indexing(threads: int) -> dict[str, float]:
    """Megabytes a second of text that become ids: English with and without other letters, and Chinese."""
    native.set_threads(threads)
    tokens = TextClassifier.load().model.vocabulary.tokens
    rng = np.random.default_rng(0)
    weights = 1 / (np.arange(len(tokens)) + 2.7)
    words = rng.choice(np.array(tokens), 230_000, p=weights / weights.sum())
    english = [" ".join(words[i : i + 230]) for i in range(0, len(words), 230)]
    kinds = {
        "English": english,
        "with accents": [text.replace("e", "é") for text in english],
        "Chinese": ["".join(map(chr, rng.integers(0x4E00, 0x5200, 400))) for _ in range(1000)],
    }
    reader = PreparedReader(TokenizerConfig(), build_from_words(tokens, VocabularyConfig()))
    return {
        name: round(
            sum(len(text.encode()) for text in some) / 1e6 / best(lambda some=some: reader.encode(some)), 1
        )
        for name, some in kinds.items()
    }


def main() -> None:
    """Measure with one thread and with two."""
    figures = {
        f"{threads} thread{'s' if threads > 1 else ''}": {
            "million tokens/s, one direction": reading(threads),
            "text to ids, MB/s": indexing(threads),
        }
        for threads in (1, 2)
    }
    save("layers", {"instruction set": native.status().isa, **figures})


if __name__ == "__main__":
    main()
