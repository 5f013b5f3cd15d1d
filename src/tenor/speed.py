"""A model and texts in → how fast it reads them here, and how fast this machine could."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tenor import native
from tenor.cells import cell
from tenor.classifier import TextClassifier
from tenor.config import ModelConfig, Precision
from tenor.errors import InputError
from tenor.model import layer_shapes

_ALONE = 500
"""Texts that are read one at a time, at most."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a model reads."""

    texts: int
    """In one round."""
    tokens: int
    """In one round, as they are read."""
    size_bytes: int
    """Of one round's texts, as UTF-8."""
    round_s: tuple[float, ...]
    """Seconds of each round: all texts, from strings to predictions."""
    alone_ms: tuple[float, ...]
    """Milliseconds of single texts, each in a call of its own."""
    multiply_adds: int
    """Of one token, in the layers; what a first layer makes of a word is looked up and not counted."""
    arithmetic: Precision
    """``"int8"`` where products with states are of whole numbers, else ``"float32"``."""
    roof: float | None
    """Multiply-adds a second that this machine does at best in it; None without the compiled core."""

    @property
    def median_s(self) -> float:
        """Seconds of the median round."""
        return float(np.median(self.round_s))

    def alone_percentile_ms(self, percent: float) -> float:
        """How long that many percent of the single texts took at most."""
        return float(np.percentile(self.alone_ms, percent))


def measure(classifier: TextClassifier, texts: Sequence[str], *, seconds: float = 3.0) -> Speed:
    """Read texts, all together and one by one, after a round that is not counted.

    Args:
        classifier: the model.
        texts: what to read; at least one.
        seconds: how long to go on, for each of the two, at least three rounds.

    Raises:
        InputError: there are no texts.
    """
    if not texts:
        raise InputError("there are no texts to read")
    lengths = [len(classifier.tokenizer.truncate(classifier.tokenizer.tokens(text))) for text in texts]
    alone = texts[:_ALONE]
    _seconds_of(classifier, texts)
    rounds = [_seconds_of(classifier, texts) for _ in _turns(seconds, at_least=3)]
    singles = [1000 * _seconds_of(classifier, [text]) for _ in _turns(seconds, at_least=1) for text in alone]
    config, in_core = classifier.model.config, classifier.runtime == "native"
    has_products = config.cell != "linear" and cell(config).bounded
    arithmetic: Precision = "int8" if has_products and classifier.model.precision == "int8" else "float32"
    return Speed(
        texts=len(texts),
        tokens=sum(lengths),
        size_bytes=sum(len(text.encode(errors="replace")) for text in texts),
        round_s=tuple(rounds),
        alone_ms=tuple(singles),
        multiply_adds=multiply_adds(config),
        arithmetic=arithmetic,
        roof=native.roof(arithmetic) if in_core else None,
    )


def multiply_adds(config: ModelConfig) -> int:
    """Of one token in the recurrent layers, without the product of the first one's inputs."""
    total, width = 0, 0
    for size in config.hidden_sizes:
        shapes = layer_shapes(config, "", width, size).values()
        products = sum(math.prod(shape) for shape in shapes if len(shape) == 2)
        total += config.directions * (products + size * (config.cell == "linear"))  # a state times its gate
        width = size * config.directions
    return total


def sample_texts(
    classifier: TextClassifier, *, count: int = 200, tokens: int = 200, seed: int = 0
) -> list[str]:
    """Texts of words that the model knows, the first of them the most often (Zipf's law).

    Raises:
        InputError: it knows none.
    """
    special = classifier.model.vocabulary.config.special_tokens
    words = [token for token in classifier.model.vocabulary.tokens if token not in special]
    if not words:
        raise InputError("the model knows no words to make texts of; give texts with -f FILE")
    weights = 1 / (np.arange(len(words)) + 2.7)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(np.array(words, object), (count, tokens), p=weights / weights.sum())
    return [" ".join(row) for row in drawn]


def _seconds_of(classifier: TextClassifier, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    classifier.predict(texts)
    return time.perf_counter() - began


def _turns(seconds: float, *, at_least: int) -> Iterator[int]:
    """Numbers from 0, until the time is over."""
    end = time.perf_counter() + seconds
    turn = 0
    while turn < at_least or time.perf_counter() < end:
        yield turn
        turn += 1
