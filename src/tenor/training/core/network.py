"""Weights and a ragged batch in → logits, and the gradients of every weight, without PyTorch.

The same function as ``tenor.training.pytorch.network``, which tests it; n-grams are no part of it. What a
layer computes of a word's vector alone it computes once for each different word of a batch, as
prediction does: of film reviews that is a quarter of the words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.native.training import Arithmetic, Learner, multiply, number_type
from tenor.training.core.layer import WEIGHTS, CoreLayer, Form, Wanted
from tenor.training.core.pooling import Pooling
from tenor.training.dropout import Dropout

TokenIds = npt.NDArray[np.int32]


class Rows(NamedTuple):
    """A gradient of zeros but for some rows of its weight."""

    ids: TokenIds
    """(R,) which, each once."""
    values: Floats
    """(R, W)"""


class Gradients(NamedTuple):
    """Of a loss, by each weight it depends on."""

    whole: dict[str, Floats]
    rows: dict[str, Rows]
    """Of the tables, of which a batch reads some rows."""


class _Buffers:
    """Arrays by their purpose, used again from one batch to the next.

    The system takes large arrays that are given back away at once, and new ones cost it more than
    what is computed in them.
    """

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._kind = kind
        self._flat: dict[str, Floats] = {}

    def room(self, purpose: str, shape: tuple[int, ...]) -> Floats:
        """An array whose numbers are arbitrary, until it is wanted for anew."""
        size = math.prod(shape)
        if purpose not in self._flat or self._flat[purpose].size < size:
            self._flat[purpose] = np.empty(size + size // 4, self._kind)
        return self._flat[purpose][:size].reshape(shape)


class CoreNetwork:
    """A network while it is learnt. ``read`` a batch, then ``back`` goes through it."""

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, Floats],
        *,
        layers: int | None,
        truncate: int | None,
        precision: Arithmetic = "float32",
    ) -> None:
        """Take the weights, contiguous, which may be changed between batches.

        Args:
            config: shape of the network.
            weights: name → array, as ``tenor.model.weight_shapes`` lists them.
            layers: read only so many recurrent layers, from the words up; None reads all.
            truncate: let gradients flow back within windows of so many words; None has no windows.
            precision: of the recurrent layers' products; with ``"float64"`` the weights are of that
                type, as is all that is computed, but that there is no dropout.
        """
        self._config = config
        self._weights = weights
        self._depth = layers or len(config.hidden_sizes)
        self._forms = [Form.of(config, depth, truncate, precision) for depth in range(self._depth)]
        self._learners = [Learner() for _ in range(self._depth)]
        self._pooling = Pooling(config.pooling, weights)
        self._buffers = _Buffers(number_type(precision))

    def read(
        self, batch: Batch, dropout: Dropout, caught_up: Callable[[TokenIds], object] | None = None
    ) -> Floats:
        """Read a batch.

        Args:
            batch: the texts.
            dropout: what to leave out.
            caught_up: is told which rows of the word vectors, each once, are about to be read.

        Returns:
            Logits (B, C); all that ``back`` needs is kept until the next batch.
        """
        weights = self._weights
        self._batch, self._dropout = batch, dropout
        table = weights["embedding.weight"]
        self._ids, row_of = self._learners[0].known(batch.token_ids, len(table))
        if caught_up is not None:
            caught_up(self._ids)
        x = table[self._ids]
        dropout.words.apply(x, self._ids)
        self._layers: list[CoreLayer] = []
        states: Floats | None = None
        for depth in range(self._depth):
            known = row_of if states is None else None
            if states is not None:
                x = states
                dropout.hidden[depth - 1].apply(x)
            wanted = depth < self._depth - 1 or self._pooling.needs_states
            states = self._read_layer(depth, x, known, wanted=wanted)
        pooled = self._pooling.pool(self._layers[-1].passes, states, batch.offsets)
        return self._read_head(pooled)

    def back(self, d_logits: Floats) -> Gradients:
        """Gradients of a loss from its gradient (B, C) by the logits of the batch that was read last."""
        gradients = Gradients({}, {})
        d_pooled = self._head_back(d_logits, gradients)
        passes = self._layers[-1].passes
        d_states = self._pooling.back(passes, d_pooled, self._batch.offsets, gradients.whole)
        above = [] if d_states is None else [d_states]
        for depth in reversed(range(1, self._depth)):
            above = self._layer_back(depth, above, gradients)
            for part in above:
                self._dropout.hidden[depth - 1].apply(part)
        (d_vectors,) = self._layer_back(0, above, gradients)
        self._dropout.words.apply(d_vectors, self._ids)
        gradients.rows["embedding.weight"] = Rows(self._ids, d_vectors)
        return gradients

    def _read_layer(self, depth: int, x: Floats, row_of: TokenIds | None, *, wanted: bool) -> Floats | None:
        """(N, D*H) states, if wanted."""
        config, offsets = self._config, self._batch.offsets
        states, is_last = None, depth == self._depth - 1
        if wanted:
            shape = int(offsets[-1]), config.hidden_sizes[depth] * config.directions
            states = self._buffers.room(f"states {depth}", shape)
        layer = CoreLayer(
            self._forms[depth],
            [self._of_layer(depth, direction) for direction in range(config.directions)],
            x,
            offsets,
            row_of=row_of,
            wanted=Wanted(
                states,
                totals=is_last and self._pooling.needs_total,
                largest=is_last and self._pooling.needs_largest,
            ),
            room=partial(self._room, depth),
        )
        self._learners[depth].forward(layer.passes)
        self._layers.append(layer)
        return states

    def _layer_back(self, depth: int, d_states: Sequence[Floats], gradients: Gradients) -> list[Floats]:
        """(U, I) gradients of what the layer took, parts of a sum."""
        layer = self._layers[depth]
        layer.take(d_states)
        self._learners[depth].backward(layer.passes)
        parts, of_directions = layer.gradients()
        for direction, found in enumerate(of_directions):
            suffix = self._config.suffixes(depth)[direction]
            gradients.whole.update({f"rnn.{name}_{suffix}": values for name, values in found.items()})
        return parts

    def _room(self, depth: int, direction: int, purpose: str, shape: tuple[int, ...]) -> Floats:
        return self._buffers.room(f"{purpose} {depth} {direction}", shape)

    def _of_layer(self, depth: int, direction: int) -> dict[str, Floats]:
        """The weights of a layer and direction by the names that PyTorch gives them."""
        suffix = self._config.suffixes(depth)[direction]
        keys = {name: f"rnn.{name}_{suffix}" for name in WEIGHTS}
        return {name: self._weights[key] for name, key in keys.items() if key in self._weights}

    def _read_head(self, pooled: Floats) -> Floats:
        """Logits (B, C)."""
        weights, dropout = self._weights, self._dropout
        self._taken: list[Floats] = []  # by each layer of the head
        dropout.pooled.apply(pooled)
        if "head.hidden.weight" in weights:
            self._taken.append(pooled)
            pooled = multiply(pooled, weights["head.hidden.weight"].T, weights["head.hidden.bias"])
            np.maximum(pooled, 0, out=pooled)
            dropout.head.apply(pooled)
        self._taken.append(pooled)
        return multiply(pooled, weights["head.weight"].T, weights["head.bias"])

    def _head_back(self, d: Floats, gradients: Gradients) -> Floats:
        """(B, P) gradients of the pooled vector."""
        weights, dropout = self._weights, self._dropout
        for name, taken in zip(
            ("head.hidden", "head")[-len(self._taken) :][::-1], self._taken[::-1], strict=True
        ):
            gradients.whole[f"{name}.weight"] = multiply(d.T, taken)
            gradients.whole[f"{name}.bias"] = d.sum(0)
            d = multiply(d, weights[f"{name}.weight"])
            if name == "head" and len(self._taken) == 2:
                dropout.head.apply(d)
                d *= taken > 0
            else:
                dropout.pooled.apply(d)
        return d
