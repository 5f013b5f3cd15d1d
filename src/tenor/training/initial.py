"""A model's settings and a seed in → its initial weights, as PyTorch, Keras or Flax draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.data.vectors import WordVectors
from tenor.errors import ConfigError
from tenor.model import weight_shapes
from tenor.vocabulary import Vocabulary

Shapes = Mapping[str, tuple[int, ...]]
Draw = Callable[[str, Shapes, np.random.Generator, ModelConfig], npt.NDArray[np.float64]]

_STREAM = 1
"""Keeps these random numbers apart from those that order the texts."""


def initial_weights(
    config: ModelConfig, vocabulary: Vocabulary, *, num_labels: int, seed: int
) -> dict[str, Floats]:
    """Name → float32 array for every weight of a model; the same seed gives the same weights."""
    generator = np.random.default_rng([seed, _STREAM])
    shapes = weight_shapes(config, vocab_size=len(vocabulary), num_labels=num_labels)
    draw = _DRAWS[config.init]
    return {
        name: np.zeros(shapes[name], np.float32)  # filled from the texts
        if name.startswith("ngrams.")
        else draw(name, shapes, generator, config).astype(np.float32)
        for name in shapes
    }


def place_vectors(
    weights: Mapping[str, Floats],
    vocabulary: Vocabulary,
    vectors: WordVectors,
    *,
    missing_zeros: bool = False,
) -> dict[str, Floats]:
    """The weights with the embedding's rows taken from word vectors, where these have the word.

    Args:
        weights: of the model before.
        vocabulary: whose rows they are; that of its fill token becomes zeros, whatever the vectors say.
        vectors: the given ones.
        missing_zeros: make the rows of words without a vector zeros too; otherwise they stay.

    Raises:
        ConfigError: the vectors are not of the embedding's width.
    """
    embedding = weights["embedding.weight"].copy()
    width = vectors.matrix.shape[1]
    if width != embedding.shape[1]:
        raise ConfigError(
            f"the word vectors are {width} wide and embedding_dim is {embedding.shape[1]}; "
            f"set --embedding-dim {width}"
        )
    if missing_zeros:
        embedding[:] = 0
    rows = {word: row for row, word in enumerate(vectors.words)}
    known = [i for i, token in enumerate(vocabulary.tokens) if token in rows]
    embedding[known] = vectors.matrix[[rows[vocabulary.tokens[i]] for i in known]]
    if vocabulary.config.fill_token in vocabulary.config.special_tokens:
        embedding[vocabulary.special_id(vocabulary.config.fill_token)] = 0
    return dict(weights) | {"embedding.weight": embedding}


def _torch(
    name: str, shapes: Shapes, generator: np.random.Generator, config: ModelConfig
) -> npt.NDArray[np.float64]:
    """``reset_parameters`` of ``nn.Embedding``, of ``nn.LSTM`` (±1/√H) and ``nn.Linear`` (±1/√I)."""
    if name == "embedding.weight":
        return generator.standard_normal(shapes[name])
    if name.startswith("rnn."):
        width = _hidden_size(name, config)
    else:
        width = shapes[name.rsplit(".", 1)[0] + ".weight"][1]
    bound = 1 / math.sqrt(width)
    return generator.uniform(-bound, bound, shapes[name])


def _keras(
    name: str, shapes: Shapes, generator: np.random.Generator, config: ModelConfig
) -> npt.NDArray[np.float64]:
    """Glorot uniform kernels, orthogonal recurrent kernels, zero biases, embedding ±0.05.

    The forget gate of an LSTM, and of a linear recurrence, starts with a bias of 1
    (``unit_forget_bias``; Jozefowicz et al. 2015).
    """
    shape = shapes[name]
    if name == "embedding.weight":
        return generator.uniform(-0.05, 0.05, shape)
    if "weight_hh" in name:
        return _orthogonal(shape, generator)
    if name.endswith(".context") or len(shape) == 2:
        bound = math.sqrt(6 / (shape[0] + shape[-1]))
        return generator.uniform(-bound, bound, shape)
    bias = np.zeros(shape)
    if name.startswith("rnn.bias_"):
        bias[_forget_gate(name, shapes, config)] = 1
    return bias


def _flax(
    name: str, shapes: Shapes, generator: np.random.Generator, _: ModelConfig
) -> npt.NDArray[np.float64]:
    """LeCun normal kernels, an orthogonal recurrent kernel a gate, zero biases, embedding 1/√E."""
    shape = shapes[name]
    if name == "embedding.weight":
        return generator.standard_normal(shape) / math.sqrt(shape[1])
    if "weight_hh" in name:
        size = shape[1]
        blocks = [_orthogonal((size, size), generator) for _ in range(shape[0] // size)]
        return np.concatenate(blocks)
    if name.endswith(".context") or len(shape) == 2:
        return _truncated_normal(shape, generator) / math.sqrt(shape[-1])
    return np.zeros(shape)


_DRAWS: Mapping[str, Draw] = {"torch": _torch, "keras": _keras, "flax": _flax}


def _forget_gate(name: str, shapes: Shapes, config: ModelConfig) -> slice:
    """The part of a layer's bias that carries the 1: the input's, if it has two; of most cells none."""
    other = name.replace("bias_hh", "bias_ih")
    if config.cell not in ("lstm", "linear") or (other != name and other in shapes):
        return slice(0, 0)
    size = _hidden_size(name, config)
    return slice(size, 2 * size) if config.cell == "lstm" else slice(0, size)


def _hidden_size(name: str, config: ModelConfig) -> int:
    """H of the layer to which a weight such as ``rnn.bias_ih_l1_reverse`` belongs."""
    layer = name.rsplit("_l", 1)[1].removesuffix("_reverse")
    return config.hidden_sizes[int(layer)]


def _orthogonal(shape: tuple[int, ...], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """A matrix with orthonormal columns, or rows if these are fewer.

    Source: Saxe et al. 2014; the signs make the distribution uniform (Mezzadri 2007).
    """
    q, r = np.linalg.qr(generator.standard_normal((max(shape), min(shape))))
    q *= np.sign(np.diagonal(r))
    return np.asarray(q if shape[0] >= shape[1] else q.T)


def _truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Normal numbers within two standard deviations, scaled back to a variance of 1, as JAX does."""
    numbers = generator.standard_normal(shape)
    while (outside := np.abs(numbers) > 2).any():
        numbers[outside] = generator.standard_normal(int(outside.sum()))
    return numbers / 0.87962566103423978
