"""Word vectors in → hidden states: layers and directions, over whole texts or one more word.

The seam between NumPy and the compiled core is one layer and direction over a ragged batch. What
the core does not compute runs in NumPy; both take the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tenor import native
from tenor.batching import Walk
from tenor.cells import Cell, CellWeights, Floats, LSTMState, State, cell, project
from tenor.config import ModelConfig
from tenor.errors import UnsupportedError

Runtime = Literal["auto", "native", "numpy"]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What the layers made of a batch."""

    states: Floats
    """(N, D*H) the last layer's states after every word, directions side by side."""
    final_states: list[list[State]]
    """For each layer and direction the state (B, H) after the last word it read."""


class Encoder:
    """The recurrent layers of one model, their weights prepared for the runtime that computes them.

    Stateless between calls: recurrent state goes in and comes out.
    """

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, Floats], *, runtime: Runtime = "auto"
    ) -> None:
        """Take the weights by their names in the model folder.

        Raises:
            UnsupportedError: ``runtime="native"`` and the core cannot compute this model.
        """
        self.cell = cell(config.cell, config.activation)
        self.directions = config.directions
        self.layers = [
            [
                _prepare(self.cell, _weights_of(weights, layer, direction), runtime)
                for direction in range(config.directions)
            ]
            for layer in range(len(config.hidden_sizes))
        ]

    @property
    def runtime(self) -> str:
        """``"native"`` when the compiled core computes the layers, else ``"numpy"``."""
        return "native" if isinstance(self.layers[0][0], _NativeLayer) else "numpy"

    def encode(
        self, x: Floats, offsets: Offsets, *, initial: Sequence[Sequence[State]] | None = None
    ) -> Encoded:
        """Read whole texts.

        Args:
            x: (N, E) word vectors of all texts, end to end.
            offsets: (B+1,) where each text begins.
            initial: for each layer and direction the state (B, H) to go on from; None is zeros.
        """
        final_states: list[list[State]] = []
        for depth, directions in enumerate(self.layers):
            size = directions[0].hidden_size
            states = np.empty((len(x), size * self.directions), x.dtype)
            finals = []
            for number, layer in enumerate(directions):
                begin = None if initial is None else initial[depth][number]
                columns = states[:, number * size : (number + 1) * size]
                finals.append(layer.forward(x, offsets, reverse=number == 1, initial=begin, states=columns))
            final_states.append(finals)
            x = states
        return Encoded(states=x, final_states=final_states)

    def zero_states(self, count: int, dtype: npt.DTypeLike = np.float32) -> list[list[State]]:
        """For each layer and direction the state (count, H) before any word."""
        return [
            [_zeros(self.cell, count, layer.hidden_size, dtype) for layer in directions]
            for directions in self.layers
        ]


class _NumpyLayer:
    """One layer and direction, computed by the reference."""

    def __init__(self, cell: Cell, weights: CellWeights) -> None:
        self._cell = cell
        self._weights = weights
        self.hidden_size = weights.weight_hh.shape[1]

    def forward(
        self,
        x: Floats,
        offsets: Offsets,
        *,
        reverse: bool,
        initial: State | None,
        states: Floats,
    ) -> State:
        """Fill states (N, H) from inputs x (N, I); return the final state (B, H) of each text."""
        projected = project(x, self._weights)  # (N, G*H)
        walk = Walk(offsets, reverse=reverse)
        rows = len(offsets) - 1
        begin = initial or _zeros(self._cell, rows, self.hidden_size, x.dtype)
        final = [part[walk.order] for part in begin]
        for indices in walk.steps():
            active = len(indices)
            state = self._cell.state(*(part[:active] for part in final))
            state = self._cell.step(projected[indices], state, self._weights)
            states[indices] = state.h
            for part, value in zip(final, state, strict=True):
                part[:active] = value
        return self._cell.state(*(walk.restore(part) for part in final))


class _NativeLayer:
    """One layer and direction of an LSTM, computed by the compiled core in float32."""

    def __init__(self, weights: CellWeights) -> None:
        biases = [b for b in (weights.bias_ih, weights.bias_hh) if b is not None]
        bias: Floats = np.sum(biases, axis=0, dtype=np.float32)
        self._prepared = native.PreparedLSTM(weights.weight_ih, weights.weight_hh, bias)
        self.hidden_size = weights.weight_hh.shape[1]

    def forward(
        self,
        x: Floats,
        offsets: Offsets,
        *,
        reverse: bool,
        initial: State | None,
        states: Floats,
    ) -> State:
        """As ``_NumpyLayer.forward``."""
        begin = None if initial is None else LSTMState(*initial)
        h, c = self._prepared.forward(x, offsets, reverse=reverse, initial=begin, states=states)
        return LSTMState(h=h, c=c)


def _prepare(cell: Cell, weights: CellWeights, runtime: Runtime) -> _NumpyLayer | _NativeLayer:
    can = cell.state is LSTMState and weights.weight_ih.dtype == np.float32
    if runtime == "native" and not can:
        raise UnsupportedError("the compiled core computes float32 LSTM layers only; use runtime='auto'")
    if runtime == "native" and not native.is_available():
        raise UnsupportedError(f"the compiled core is absent: {native.status().reason}")
    if runtime != "numpy" and can and native.is_available():
        return _NativeLayer(weights)
    return _NumpyLayer(cell, weights)


def _weights_of(weights: Mapping[str, Floats], layer: int, direction: int) -> CellWeights:
    suffix = f"l{layer}" + ("_reverse" if direction else "")
    return CellWeights(
        weight_ih=weights[f"rnn.weight_ih_{suffix}"],
        weight_hh=weights[f"rnn.weight_hh_{suffix}"],
        bias_ih=weights.get(f"rnn.bias_ih_{suffix}"),
        bias_hh=weights.get(f"rnn.bias_hh_{suffix}"),
    )


def _zeros(cell: Cell, rows: int, size: int, dtype: npt.DTypeLike) -> State:
    return cell.state(*(np.zeros((rows, size), dtype) for _ in cell.state._fields))
