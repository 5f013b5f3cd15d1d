"""Weights and a ragged batch in → logits, and the gradients of every weight, without PyTorch.

The same function as ``tenor.training.network``, which tests it; n-grams are no part of it. What a
layer computes of a word's vector alone it computes once for each different word of a batch, as
prediction does: of film reviews that is a quarter of the words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch
from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.native import Gating
from tenor.native.training import Arithmetic, LayerPass, Learner, multiply
from tenor.training.dropout import Dropout
from tenor.training.pooling_gradient import Pooling

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


class _Layer(NamedTuple):
    """A layer while it is learnt."""

    x: Floats
    """(U, I) what it took: vectors of known words, or the states below of each word."""
    passes: list[LayerPass]
    """By direction."""


class _Buffers:
    """Arrays by their purpose, used again from one batch to the next.

    The system takes large arrays that are given back away at once, and new ones cost it more than
    what is computed in them.
    """

    def __init__(self) -> None:
        self._flat: dict[str, Floats] = {}

    def room(self, purpose: str, shape: tuple[int, ...]) -> Floats:
        """An array whose numbers are arbitrary, until it is asked for anew."""
        size = math.prod(shape)
        if purpose not in self._flat or self._flat[purpose].size < size:
            self._flat[purpose] = np.empty(size + size // 4, np.float32)
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
        """Take the weights, float32 and contiguous, which may be changed between batches.

        Args:
            config: shape of the network.
            weights: name → array, as ``tenor.model.weight_shapes`` lists them.
            layers: read only so many recurrent layers, from the words up; None reads all.
            truncate: let gradients flow back within windows of so many words; None has no windows.
            precision: of the recurrent layers' products.
        """
        self._config = config
        self._weights = weights
        self._depth = layers or len(config.hidden_sizes)
        self._truncate = truncate
        self._precision: Arithmetic = precision
        self._multiply = partial(multiply, precision=precision)
        self._learners = [Learner() for _ in range(self._depth)]
        self._pooling = Pooling(config.pooling, weights)
        self._buffers = _Buffers()

    def read(self, batch: Batch, dropout: Dropout) -> Floats:
        """Logits (B, C) of a batch, and all that ``back`` needs, kept until the next one."""
        weights = self._weights
        self._batch, self._dropout = batch, dropout
        table = weights["embedding.weight"]
        self._ids, row_of = self._learners[0].known(batch.token_ids, len(table))
        x = table[self._ids]
        dropout.words.apply(x, self._ids)
        self._layers: list[_Layer] = []
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
        size = config.hidden_sizes[depth]
        states, is_last = None, depth == self._depth - 1
        if wanted:
            states = self._buffers.room(f"states {depth}", (int(offsets[-1]), size * config.directions))
        passes = []
        for direction in range(config.directions):
            weights = self._of_layer(depth, direction)
            bias, state_bias = self._biases(weights, size)
            given = weights.get("weight_previous")
            room = partial(self._room, depth, direction)
            # A gated layer makes shares of its words' vectors itself, step by step.
            by_vector = row_of is None and "weight_hh" in weights
            shares = None
            if not by_vector:
                shares = self._product(x, weights["weight_ih"].T, partial(room, "shares"), bias)
            passes.append(
                LayerPass(
                    cell=config.cell,
                    activation=config.activation if config.cell in ("rnn", "linear") else "tanh",
                    reverse=direction == 1,
                    hidden=size,
                    offsets=offsets,
                    shares=shares,
                    row_of=row_of,
                    gating=Gating(config.window == 2, config.input_gate, config.output_gate, config.skip),
                    given=None if given is None else self._product(x, given.T, partial(room, "given")),
                    x=x if by_vector else None,
                    weight_ih=weights["weight_ih"] if by_vector else None,
                    bias=bias if by_vector else None,
                    weight_hh=weights.get("weight_hh"),
                    precision=self._precision,
                    state_bias=state_bias,
                    truncate=self._truncate,
                    sums=is_last and self._pooling.needs_total,
                    searches=is_last and self._pooling.needs_largest,
                    states=None if states is None else states[:, direction * size : (direction + 1) * size],
                    room=room,
                )
            )
        self._learners[depth].forward(passes)
        self._layers.append(_Layer(x, passes))
        return states

    def _layer_back(self, depth: int, d_states: Sequence[Floats], gradients: Gradients) -> list[Floats]:
        """(U, I) gradients of what the layer took, parts of a sum."""
        x, passes = self._layers[depth]
        size = passes[0].hidden
        for direction, one in enumerate(passes):
            one.d_states = [part[:, direction * size : (direction + 1) * size] for part in d_states]
        self._learners[depth].backward(passes)
        parts: list[Floats] = []
        for direction, one in enumerate(passes):
            weights = self._of_layer(depth, direction)
            found = _of_gated(one)
            if one.d_x is not None:
                parts.append(one.d_x)
            if one.d_shares is not None:
                if not parts:
                    parts.append(self._buffers.room(f"d_x {depth}", x.shape))
                found["weight_ih"] = self._multiply(one.d_shares.T, x)
                found.setdefault("bias_ih", one.d_shares.sum(0))
                self._multiply(one.d_shares, weights["weight_ih"], out=parts[0], add=direction > 0)
            if one.d_given is not None:
                found["weight_previous"] = self._multiply(one.d_given.T, x)
                self._multiply(one.d_given, weights["weight_previous"], out=parts[0], add=True)
            gradients.whole.update(
                {f"rnn.{name}_{_suffix(depth, direction)}": found[name] for name in weights}
            )
        return parts

    def _room(self, depth: int, direction: int, purpose: str, shape: tuple[int, ...]) -> Floats:
        return self._buffers.room(f"{purpose} {depth} {direction}", shape)

    def _of_layer(self, depth: int, direction: int) -> dict[str, Floats]:
        """The weights of a layer and direction by the names that PyTorch gives them."""
        names = ("weight_ih", "weight_previous", "weight_hh", "bias_ih", "bias_hh")
        keys = {name: f"rnn.{name}_{_suffix(depth, direction)}" for name in names}
        return {name: self._weights[key] for name, key in keys.items() if key in self._weights}

    def _biases(self, weights: Mapping[str, Floats], size: int) -> tuple[Floats | None, Floats | None]:
        """What is added to a word's share, and beside the state in a GRU's new gate."""
        of_input, of_state = weights.get("bias_ih"), weights.get("bias_hh")
        state_bias = None
        if self._config.cell == "gru" and of_state is not None:
            state_bias = np.ascontiguousarray(of_state[2 * size :])
            of_state = np.concatenate([of_state[: 2 * size], np.zeros(size, np.float32)])
        given = [bias for bias in (of_input, of_state) if bias is not None]
        return (sum(given[1:], start=given[0]) if given else None), state_bias

    def _product(
        self, a: Floats, b: Floats, room: Callable[[tuple[int, ...]], Floats], bias: Floats | None = None
    ) -> Floats:
        return self._multiply(a, b, bias, out=room((a.shape[0], b.shape[1])))

    def _read_head(self, pooled: Floats) -> Floats:
        """Logits (B, C)."""
        weights, dropout = self._weights, self._dropout
        self._taken: list[Floats] = []  # by each layer of the head
        if "head.hidden.weight" in weights:
            dropout.pooled.apply(pooled)
            self._taken.append(pooled)
            pooled = multiply(pooled, weights["head.hidden.weight"].T, weights["head.hidden.bias"])
            np.maximum(pooled, 0, out=pooled)
            dropout.head.apply(pooled)
        else:
            dropout.pooled.apply(pooled)
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


def _of_gated(one: LayerPass) -> dict[str, Floats]:
    """Gradients that a gated layer adds up itself, by the names of its weights."""
    named = {"weight_ih": one.d_weight_ih, "weight_hh": one.d_weight_hh}
    found = {name: gradient for name, gradient in named.items() if gradient is not None}
    if one.d_bias is not None:
        found["bias_ih"] = found["bias_hh"] = one.d_bias
        if one.d_state_bias is not None:
            found["bias_hh"] = np.concatenate([one.d_bias[: -one.hidden], one.d_state_bias])
    return found


def _suffix(depth: int, direction: int) -> str:
    return f"l{depth}" + ("_reverse" if direction else "")
