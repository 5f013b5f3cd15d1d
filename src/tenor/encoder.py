"""Token ids in → hidden states: layers and directions, over whole texts or one more word.

The seam between NumPy and the compiled core is one layer and direction over a ragged batch. What
the core does not compute runs in NumPy; both take the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.batching import Walk
from tenor.cells import Cell, CellWeights, Floats, State, cell, project
from tenor.config import ModelConfig, Precision
from tenor.errors import UnsupportedError

Runtime = Literal["auto", "native", "numpy"]
Offsets = npt.NDArray[np.int64]
TokenIds = npt.NDArray[np.int32]


class Summary(NamedTuple):
    """What one layer and direction made of texts, without its states in between."""

    final: State
    """(B, …) after the last word read; the initial state of a text without words."""
    start: Floats
    """(B, H) h after the first word read; zeros of a text without words, as the next two."""
    total: Floats
    """(B, H) the sum of h after every word."""
    largest: Floats
    """(B, H) the largest h of each unit."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What the layers made of a batch."""

    states: Floats | None
    """(N, D*H) the last layer's states after every word, directions side by side, if asked for."""
    summaries: list[list[Summary]]
    """For each layer and direction what became of each text."""

    @property
    def final_states(self) -> list[list[State]]:
        """For each layer and direction the state (B, …) after the last word it read."""
        return [[summary.final for summary in directions] for directions in self.summaries]


class Encoder:
    """Word vectors and recurrent layers of one model, prepared for the runtime that computes them.

    Stateless between calls: recurrent state goes in and comes out.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, Floats],
        *,
        precision: Precision = "float32",
        runtime: Runtime = "auto",
    ) -> None:
        """Take the weights, on the grid of their precision, by their names in the model folder.

        Raises:
            UnsupportedError: ``runtime="native"`` and the core cannot compute this model.
        """
        self._embedding = weights["embedding.weight"]
        self._cell = cell(config)
        self._sizes = config.hidden_sizes
        in_core = computes_in_core(weights, runtime)
        self.layers = [
            [
                _NativeLayer(config, _weights_of(config, weights, layer, direction, precision))
                if in_core
                else _NumpyLayer(self._cell, _weights_of(config, weights, layer, direction, precision))
                for direction in range(config.directions)
            ]
            for layer in range(len(config.hidden_sizes))
        ]
        for layer in self.layers[0]:
            layer.fold(self._embedding)

    @property
    def runtime(self) -> str:
        """``"native"`` when the compiled core computes the layers, else ``"numpy"``."""
        return "native" if isinstance(self.layers[0][0], _NativeLayer) else "numpy"

    @property
    def prepared(self) -> list[list[native.PreparedLayer]] | None:
        """The core's layers, by depth and direction; None where NumPy computes."""
        if self.runtime == "numpy":
            return None
        return [[one.prepared for one in row if isinstance(one, _NativeLayer)] for row in self.layers]

    def encode(
        self,
        token_ids: TokenIds,
        offsets: Offsets,
        *,
        initial: Sequence[Sequence[State]] | None = None,
        states: bool = True,
    ) -> Encoded:
        """Read whole texts.

        Args:
            token_ids: (N,) the words of all texts, end to end.
            offsets: (B+1,) where each text begins.
            initial: for each layer and direction the state (B, …) to go on from; None is zeros.
            states: whether the last layer's states after every word are wanted.
        """
        summaries: list[list[Summary]] = []
        inputs: Any = token_ids  # then the states of the layer below
        last = len(self.layers) - 1
        for depth, (directions, size) in enumerate(zip(self.layers, self._sizes, strict=True)):
            wanted = states or depth < last
            shape = (len(token_ids), size * len(directions))
            above = np.empty(shape, self._embedding.dtype) if wanted else None
            found = []
            for number, layer in enumerate(directions):
                columns = None if above is None else above[:, number * size : (number + 1) * size]
                begin = None if initial is None else initial[depth][number]
                found.append(
                    layer.forward(inputs, offsets, reverse=number == 1, initial=begin, states=columns)
                )
            summaries.append(found)
            if above is not None:
                inputs = above
        return Encoded(states=above, summaries=summaries)

    def zero_states(self, count: int) -> list[list[State]]:
        """For each layer and direction the state (count, …) before any word."""
        return [
            [self._cell.zeros(count, size, self._embedding.dtype) for _ in directions]
            for directions, size in zip(self.layers, self._sizes, strict=True)
        ]


class _NumpyLayer:
    """One layer and direction, computed by the reference."""

    def __init__(self, cell: Cell, weights: CellWeights) -> None:
        self._cell = cell
        self._weights = weights
        self._size = len(weights.weight_ih) // cell.gates
        self._vectors: Floats | None = None

    def fold(self, vectors: Floats) -> None:
        """Let ``forward`` take ids of words, whose vectors (V, E) these are."""
        self._vectors = vectors

    def forward(
        self,
        inputs: Any,
        offsets: Offsets,
        *,
        reverse: bool,
        initial: State | None,
        states: Floats | None,
    ) -> Summary:
        """Read texts of ids (N,) or inputs (N, I); fill states (N, H), if there are such."""
        x = inputs if self._vectors is None else self._vectors[inputs]
        projected = project(x, self._weights)
        walk = Walk(offsets, reverse=reverse)
        rows = len(offsets) - 1
        begin = initial or self._cell.zeros(rows, self._size, x.dtype)
        final = [part[walk.order] for part in begin]
        start, total, largest = (np.zeros((rows, self._size), x.dtype) for _ in range(3))
        for t, indices in enumerate(walk.steps()):
            active = len(indices)
            state = self._cell.state(*(part[:active] for part in final))
            state = self._cell.step(projected[indices], state, self._weights)
            for part, value in zip(final, state, strict=True):
                part[:active] = value
            if states is not None:
                states[indices] = state.h
            if t == 0:
                start[:active] = total[:active] = largest[:active] = state.h
            else:
                total[:active] += state.h
                np.maximum(largest[:active], state.h, out=largest[:active])
        return Summary(
            self._cell.state(*map(walk.restore, final)), *map(walk.restore, (start, total, largest))
        )


class _NativeLayer:
    """One layer and direction, computed by the compiled core in float32."""

    def __init__(self, config: ModelConfig, weights: CellWeights) -> None:
        self._cell = cell(config)
        self.prepared = prepared_layer(config, weights)

    def fold(self, vectors: Floats) -> None:
        """As ``_NumpyLayer.fold``."""
        self.prepared.fold(vectors)

    def forward(
        self,
        inputs: Any,
        offsets: Offsets,
        *,
        reverse: bool,
        initial: State | None,
        states: Floats | None,
    ) -> Summary:
        """As ``_NumpyLayer.forward``."""
        found = self.prepared.forward(inputs, offsets, reverse=reverse, initial=initial, states=states)
        parts = found[: len(self._cell.widths)]
        return Summary(self._cell.state(*parts), found.start, found.total, found.largest)


def prepared_layer(
    config: ModelConfig, weights: CellWeights, *, isa: str | None = None
) -> native.PreparedLayer:
    """One layer and direction of a model in the compiled core; ``isa`` None is ``native.status().isa``."""
    return native.PreparedLayer(
        config.cell,
        native.LayerWeights(
            weights.weight_ih,
            weights.weight_previous,
            weights.weight_hh,
            weights.bias_ih,
            weights.bias_hh,
        ),
        activation=config.activation,
        gating=native.Gating.of(config),
        precision=weights.precision,
        bounded_inputs=weights.bounded_inputs,
        isa=isa,
    )


def computes_in_core(weights: Mapping[str, Floats], runtime: Runtime) -> bool:
    """Whether the compiled core computes the layers, as asked or as can be.

    Raises:
        UnsupportedError: it is asked to and cannot.
    """
    can = weights["embedding.weight"].dtype == np.float32
    if runtime == "native" and not can:
        raise UnsupportedError("the compiled core computes in float32 only; use runtime='auto'")
    if runtime == "native" and not native.is_available():
        raise UnsupportedError(f"the compiled core is absent: {native.status().reason}")
    return runtime != "numpy" and can and native.is_available()


def _weights_of(
    config: ModelConfig, weights: Mapping[str, Floats], layer: int, direction: int, precision: Precision
) -> CellWeights:
    suffix = config.suffixes(layer)[direction]
    return CellWeights(
        weight_ih=weights[f"rnn.weight_ih_{suffix}"],
        weight_hh=weights.get(f"rnn.weight_hh_{suffix}"),
        weight_previous=weights.get(f"rnn.weight_previous_{suffix}"),
        bias_ih=weights.get(f"rnn.bias_ih_{suffix}"),
        bias_hh=weights.get(f"rnn.bias_hh_{suffix}"),
        precision=precision,
        bounded_inputs=layer > 0 and cell(config).bounded,
    )
