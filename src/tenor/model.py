"""Settings, vocabulary, labels and weights in → one checked ``Model``: all that a prediction needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tenor.cells import Floats, cell, linear_gates
from tenor.config import ModelConfig, Precision, TokenizerConfig
from tenor.errors import InputError
from tenor.precision import MOST_UNITS, rounded
from tenor.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model folder holds, in memory."""

    tokenizer: TokenizerConfig
    vocabulary: Vocabulary
    config: ModelConfig
    labels: tuple[str, ...]
    """C labels; their order is that of the logits."""
    weights: Mapping[str, Floats]
    """Name → array, as ``weight_shapes`` lists them and in its order."""
    precision: Precision = "float32"
    """How exactly the weights are, and how exactly is computed with them."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """Where the model comes from: ``data``, ``train`` settings, ``metrics``, ``tenor_version``."""
    card: str = ""
    """The model card, in Markdown."""

    def __post_init__(self) -> None:
        if len(set(self.labels)) < max(len(self.labels), 2):
            raise InputError(f"labels are {self.labels!r}; a model needs at least two, each once")
        expected = weight_shapes(self.config, vocab_size=len(self.vocabulary), num_labels=len(self.labels))
        problem = _mismatch(self.weights, expected)
        if problem:
            raise InputError(f"the weights do not fit the settings: {problem}")
        if self.precision == "int8" and max(self.config.hidden_sizes) > MOST_UNITS:
            raise InputError(f"an int8 model may have {MOST_UNITS:,} hidden units in a layer; use bf16")
        # A file gives them in any order; sums over all weights need one, to be the same to the bit.
        object.__setattr__(self, "weights", {name: self.weights[name] for name in expected})

    def at(self, precision: Precision) -> Model:
        """The same model, its weights rounded to a precision.

        Raises:
            InputError: its weights are not float32.
        """
        return replace(self, precision=precision, weights=rounded(self.weights, precision))

    @property
    def num_weights(self) -> int:
        """How many numbers were learnt, the embedding included."""
        return sum(weight.size for name, weight in self.weights.items() if name != "ngrams.owners")


def weight_shapes(config: ModelConfig, *, vocab_size: int, num_labels: int) -> dict[str, tuple[int, ...]]:
    """Name → shape of every weight, in the order of the path; names are PyTorch's."""
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (vocab_size, config.embedding_dim)}
    width = config.embedding_dim
    for layer, size in enumerate(config.hidden_sizes):
        for suffix in config.suffixes(layer):
            shapes |= layer_shapes(config, suffix, width, size)
        width = size * config.directions
    if "attention" in config.pooling:
        shapes["attention.weight"] = (width, width)
        shapes["attention.bias"] = (width,)
        shapes["attention.context"] = (width,)
    width *= sum(2 if name == "first_last" else 1 for name in config.pooling)
    if config.head_hidden:
        shapes["head.hidden.weight"] = (config.head_hidden, width)
        shapes["head.hidden.bias"] = (config.head_hidden,)
        width = config.head_hidden
    num_logits = config.num_logits(num_labels)
    if config.ngrams:
        shapes["ngrams.weight"] = (config.ngrams, num_logits)
        shapes["ngrams.owners"] = (config.ngrams,)
    return shapes | {"head.weight": (num_logits, width), "head.bias": (num_logits,)}


def layer_shapes(config: ModelConfig, suffix: str, width: int, size: int) -> dict[str, tuple[int, ...]]:
    """The weights of one layer and direction with inputs of a width."""
    gates = cell(config).gates
    shapes: dict[str, tuple[int, ...]] = {f"rnn.weight_ih_{suffix}": (gates * size, width)}
    if config.cell == "linear":
        if config.window == 2:
            shapes[f"rnn.weight_previous_{suffix}"] = (linear_gates(config) * size, width)
        return shapes | {f"rnn.bias_ih_{suffix}": (gates * size,)}
    shapes[f"rnn.weight_hh_{suffix}"] = (gates * size, size)
    if config.biases != "recurrent":
        shapes[f"rnn.bias_ih_{suffix}"] = (gates * size,)
    if config.biases != "input":
        shapes[f"rnn.bias_hh_{suffix}"] = (gates * size,)
    return shapes


def _mismatch(weights: Mapping[str, Floats], expected: Mapping[str, tuple[int, ...]]) -> str:
    """What is wrong with names, shapes, dtypes or ranges, or nothing."""
    missing = [name for name in expected if name not in weights]
    if missing:
        return f"{', '.join(missing)} missing"
    unexpected = [name for name in weights if name not in expected]
    if unexpected:
        return f"{', '.join(unexpected)} unexpected"
    dtype = weights["embedding.weight"].dtype
    for name, shape in expected.items():
        weight = weights[name]
        if weight.shape != shape:
            return f"{name} has the shape {weight.shape}, not {shape}"
        if weight.dtype != dtype or dtype not in (np.float32, np.float64):
            return f"{name} is {weight.dtype}, not float32"
        if not np.isfinite(weight).all():
            return f"{name} holds numbers that are not finite"
    return ""
