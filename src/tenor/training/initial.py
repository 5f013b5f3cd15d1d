"""A model's settings and a seed in → its initial weights, as PyTorch, Keras or Flax draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.data.vectors import WordVectors
from tenor.errors import ConfigError
from tenor.model import weight_shapes
from tenor.vocabulary import Vocabulary

Draw = Callable[[str, tuple[int, ...], np.random.Generator], Floats]


def initial_weights(
    config: ModelConfig, vocabulary: Vocabulary, *, num_labels: int, seed: int
) -> dict[str, Floats]:
    """Name → float32 array for every weight of a model; the same seed gives the same weights."""
    generator = np.random.default_rng([seed, 0x1717])
    shapes = weight_shapes(config, vocab_size=len(vocabulary), num_labels=num_labels)
    draw = _DRAWS[config.init]
    gates = 4 if config.cell == "lstm" else 1
    weights = {}
    for name, shape in shapes.items():
        weight = np.asarray(draw(name, shape, generator), dtype=np.float32)
        if gates == 4 and _carries_forget_bias(name, config):
            weight[shape[0] // 4 : shape[0] // 2] += 1
        weights[name] = weight
    return weights


def place_vectors(
    weights: dict[str, Floats], vocabulary: Vocabulary, vectors: WordVectors
) -> dict[str, Floats]:
    """The weights with the embedding's rows taken from word vectors, where these have the word.

    Raises:
        ConfigError: the vectors are not of the embedding's width.
    """
    embedding = weights["embedding.weight"].copy()
    if vectors.matrix.shape[1] != embedding.shape[1]:
        raise ConfigError(
            f"the word vectors are {vectors.matrix.shape[1]} wide and embedding_dim is "
            f"{embedding.shape[1]}; set --embedding-dim {vectors.matrix.shape[1]}"
        )
    rows = {word: row for row, word in enumerate(vectors.words)}
    known = [(i, rows[t]) for i, t in enumerate(vocabulary.tokens) if t in rows]
    if known:
        ids, found = np.array(known).T
        embedding[ids] = vectors.matrix[found]
    return weights | {"embedding.weight": embedding}


def _carries_forget_bias(name: str, config: ModelConfig) -> bool:
    """Keras' ``unit_forget_bias`` adds 1 to the forget gate's one bias (Jozefowicz et al. 2015)."""
    where = "bias_hh" if config.biases == "recurrent" else "bias_ih"
    return config.init == "keras" and name.startswith(f"rnn.{where}")


def _torch(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """``reset_parameters`` of ``nn.Embedding``, ``nn.LSTM`` and ``nn.Linear``.

    Linear layers draw from ±1/sqrt(fan-in); a bias does not know its fan-in, so ``torch`` draws
    here from the larger of ±1/sqrt(its own size) and ±0.01 for heads.
    """
    if name == "embedding.weight":
        return generator.standard_normal(shape)
    size = shape[-1] if "rnn" not in name else _hidden_size(name, shape)
    bound = 1 / math.sqrt(size)
    return generator.uniform(-bound, bound, shape)


def _keras(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """Glorot uniform kernels, orthogonal recurrent kernels, zero biases, embedding ±0.05."""
    if name == "embedding.weight":
        return generator.uniform(-0.05, 0.05, shape)
    if "weight_hh" in name:
        return _orthogonal(shape, generator)
    if len(shape) == 1 and name != "attention.context":
        return np.zeros(shape)
    bound = math.sqrt(6 / (shape[0] + shape[-1]))
    return generator.uniform(-bound, bound, shape)


def _flax(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """LeCun normal kernels, an orthogonal recurrent kernel a gate, zero biases."""
    if "weight_hh" in name:
        size = shape[1]
        blocks = [_orthogonal((size, size), generator) for _ in range(shape[0] // size)]
        return np.concatenate(blocks)
    if len(shape) == 1 and name != "attention.context":
        return np.zeros(shape)
    return generator.standard_normal(shape) / math.sqrt(shape[-1])


_DRAWS: Mapping[str, Draw] = {"torch": _torch, "keras": _keras, "flax": _flax}


def _hidden_size(name: str, shape: tuple[int, ...]) -> int:
    raise NotImplementedError


def _orthogonal(shape: tuple[int, ...], generator: np.random.Generator) -> Floats:
    """A matrix (rows, columns) with orthonormal columns, or rows if these are fewer.

    Source: Saxe et al. 2014; the signs make the distribution uniform (Mezzadri 2007).
    """
    tall = (max(shape), min(shape))
    q, r = np.linalg.qr(generator.standard_normal(tall))
    q *= np.sign(np.diagonal(r))
    return q if shape[0] >= shape[1] else q.T
