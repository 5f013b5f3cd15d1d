"""One word's input and a state in → the next state: one step of each recurrent cell.

NumPy is the specification: these functions say what a cell computes, in any float dtype. The
compiled core and PyTorch are tested against them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.config import ModelConfig, Precision
from tenor.forking import undisturbed
from tenor.precision import half, rounded_state

Floats = npt.NDArray[np.floating[Any]]

_BLOCK = 8
"""Rows a product is computed in, and the fewest columns."""
_ONE_THREAD = 65_536 * 4
"""Multiply-adds up to which OpenBLAS computes a product on one thread, whatever it has
(``SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD`` in its interface/gemm.c)."""


class RNNState(NamedTuple):
    """What a plain recurrent cell or a GRU remembers between two words."""

    h: Floats
    """(B, H) hidden state, also the output."""


class LSTMState(NamedTuple):
    """What an LSTM remembers between two words."""

    h: Floats
    """(B, H) hidden state, also the output."""
    c: Floats
    """(B, H) cell state."""


class LinearState(NamedTuple):
    """What a gated linear recurrence remembers between two words."""

    h: Floats
    """(B, H) the output."""
    c: Floats
    """(B, H) the sum that it keeps."""
    carry: Floats
    """(B, G*H) what the last word gives to the gates of the next, or (B, 0) where it gives nothing."""


State = RNNState | LSTMState | LinearState


@dataclass(frozen=True, kw_only=True)
class CellWeights:
    """Weights of one layer and direction, G gates one below the other, as PyTorch lays them."""

    weight_ih: Floats
    """(G*H, I) for the input of width I."""
    weight_hh: Floats | None = None
    """(G*H, H) for the state; None in a linear recurrence."""
    weight_previous: Floats | None = None
    """(G*H, I) for the input before, of a linear recurrence with a window of 2; without the skip."""
    bias_ih: Floats | None = None
    """(G*H,) added to the input's product; None for none."""
    bias_hh: Floats | None = None
    """(G*H,) added to the state's product; None for none."""
    precision: Precision = "float32"
    """How exactly they are, and how exactly is computed."""
    bounded_inputs: bool = False
    """Whether the input lies in -1 to 1, as the states of a layer below do that are bounded."""


class Cell(NamedTuple):
    """A recurrent cell: all that the rest of Tenor needs to know of it."""

    step: Callable[[Floats, State, CellWeights], State]
    """(input's share (B, G*H) from ``project``, state, weights) → the new state."""
    gates: int
    """G: blocks of H rows in its weights."""
    state: type[RNNState] | type[LSTMState] | type[LinearState]
    """The state it keeps."""
    widths: tuple[int, ...]
    """Width of each part of the state, in multiples of H."""
    bounded: bool
    """Whether the output lies in -1 to 1."""

    def zeros(self, rows: int, size: int, dtype: npt.DTypeLike) -> State:
        """The state of so many texts before any word."""
        return self.state(*(np.zeros((rows, width * size), dtype) for width in self.widths))


def rows_matmul(x: Floats, weight: Floats) -> Floats:
    """``x @ weight.T`` with each row's bits the same whatever rows stand beside it.

    BLAS takes other paths, with other rounding, for 1 row than for 64, may for a row at the edge
    of its blocks, and may for another number of threads. So all products are of one shape, 8 rows,
    the last block filled with zeros, by so few columns that one thread computes them.

    Args:
        x: (B, K) rows.
        weight: (M, K).

    Returns:
        (B, M).
    """
    rows, width = x.shape
    columns = weight.shape[0]
    if columns < _BLOCK:  # one column would be a matrix-vector product: another path again
        weight = np.concatenate([weight, np.zeros((_BLOCK - columns, width), weight.dtype)])
    missing = -rows % _BLOCK
    if missing:
        x = np.concatenate([x, np.zeros((missing, width), x.dtype)])
    blocks = np.ascontiguousarray(x).reshape(-1, _BLOCK, width)
    product = np.empty((*blocks.shape[:2], len(weight)), x.dtype)
    for part in _column_parts(len(weight), width):
        with undisturbed():
            product[:, :, part] = np.matmul(blocks, weight[part].T)
    return product.reshape(-1, len(weight))[:rows, :columns]


def project(x: Floats, weights: CellWeights) -> Floats:
    """The input's share of the gates (B, G*H) for word vectors or lower states x (B, I).

    Where the gates see two words, its share of the next word's gates stands behind it.
    """
    if weights.bounded_inputs and weights.precision == "int8":
        x = rounded_state(x)
    product = rows_matmul(x, weights.weight_ih)
    if weights.bias_ih is not None:
        product = product + weights.bias_ih
    if weights.weight_previous is None:
        return product
    return np.concatenate([product, rows_matmul(x, weights.weight_previous)], axis=1)


def lstm_step(projected: Floats, state: State, weights: CellWeights) -> LSTMState:
    """Read one word.

    Args:
        projected: (B, 4H) the word's share of the gates, from ``project``.
        state: what was remembered up to the previous word; not changed.
        weights: the layer's parameters.

    Returns:
        The new state; its ``h`` (B, H) is the layer's output at this position.

    Source:
        Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; gate order
        (input, forget, cell, output) as in ``torch.nn.LSTM``.
    """
    assert isinstance(state, LSTMState)
    gates = projected + _recurrent(state.h, weights, bounded=True)
    i, f, g, o = _split(gates, 4)  # each (B, H)
    c = sigmoid(f) * state.c + sigmoid(i) * np.tanh(g)
    return LSTMState(h=sigmoid(o) * np.tanh(c), c=c)


def gru_step(projected: Floats, state: State, weights: CellWeights) -> RNNState:
    """Read one word; as ``lstm_step`` with (B, 3H) shares.

    Source:
        Cho et al. 2014 in the variant of ``torch.nn.GRU`` and Keras' ``reset_after``: the reset
        gate acts on the state's product, bias included. Gate order reset, update, new.
    """
    x_r, x_z, x_n = _split(projected, 3)
    h_r, h_z, h_n = _split(_recurrent(state.h, weights, bounded=True), 3)
    z = sigmoid(x_z + h_z)
    n = np.tanh(x_n + sigmoid(x_r + h_r) * h_n)
    return RNNState(h=(1 - z) * n + z * state.h)


def rnn_tanh_step(projected: Floats, state: State, weights: CellWeights) -> RNNState:
    """Read one word; as ``lstm_step`` with (B, H) shares. Source: Elman 1990."""
    return RNNState(h=np.tanh(projected + _recurrent(state.h, weights, bounded=True)))


def rnn_relu_step(projected: Floats, state: State, weights: CellWeights) -> RNNState:
    """Read one word; as ``rnn_tanh_step`` with a ReLU (Le et al. 2015)."""
    return RNNState(h=np.maximum(projected + _recurrent(state.h, weights, bounded=False), 0))


def linear_step(config: ModelConfig, projected: Floats, state: State, weights: CellWeights) -> LinearState:
    """Read one word; as ``lstm_step``. No gate sees the state, so the sum it keeps is linear in it.

    Source:
        With a window of 2, an output gate and tanh the quasi-recurrent network with fo-pooling of
        Bradbury et al. 2017; with output gate, skip and identity the simple recurrent unit of Lei
        et al. 2018, without its peepholes; with identity alone minGRU, and with an input gate
        minLSTM, of Feng et al. 2024. Gate order forget, candidate, input, output, skip.
    """
    assert isinstance(state, LinearState)
    count = linear_gates(config)
    seen, rest = count + config.skip, count if config.window == 2 else 0
    blocks = _split(projected, seen + rest)
    current, carry = blocks[:count], state.carry
    if rest:
        current = [now + before for now, before in zip(current, _split(carry, count), strict=True)]
        carry = np.concatenate(blocks[seen:], axis=1)
    kept = sigmoid(current[0])
    taken = 1 - kept
    if config.input_gate:
        ajar = np.finfo(kept.dtype).tiny  # two gates that are shut are else 0 / 0
        kept, opened = np.maximum(kept, ajar), np.maximum(sigmoid(current[2]), ajar)
        both = kept + opened
        kept, taken = kept / both, opened / both
    entering = taken * _CANDIDATES[config.activation](current[1])
    gates: list[Floats] = [taken, entering]
    if config.output_gate:
        gates.append(sigmoid(current[2 + config.input_gate]))
    if config.skip:
        gates.append((1 - gates[2]) * blocks[count] if config.output_gate else blocks[count])
    if weights.precision != "float32" and not rest:
        gates = [half(gate) for gate in gates]
        kept = 1 - gates[0]
    c = kept * state.c + gates[1]
    h = gates[2] * c if config.output_gate else c
    return LinearState(h=h + gates[-1] if config.skip else h, c=c, carry=carry)


def linear_gates(config: ModelConfig) -> int:
    """How many gates a linear recurrence has, its candidate among them and the skip not."""
    return 2 + config.input_gate + config.output_gate


_CANDIDATES: dict[str, Callable[[Floats], Floats]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "identity": lambda x: x,
}


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow: only numbers of at most 1 are raised."""
    raised = np.exp(-np.abs(x))
    found: Floats = np.where(x >= 0, 1, raised).astype(x.dtype) / (1 + raised)
    return found


CELLS: dict[tuple[str, str], Cell] = {
    ("lstm", "tanh"): Cell(lstm_step, 4, LSTMState, (1, 1), bounded=True),
    ("gru", "tanh"): Cell(gru_step, 3, RNNState, (1,), bounded=True),
    ("rnn", "tanh"): Cell(rnn_tanh_step, 1, RNNState, (1,), bounded=True),
    ("rnn", "relu"): Cell(rnn_relu_step, 1, RNNState, (1,), bounded=False),
}
"""Every cell whose gates see the state, by its name and activation."""


def cell(config: ModelConfig) -> Cell:
    """The cell of a model."""
    if config.cell == "linear":
        count = linear_gates(config)
        carried = count if config.window == 2 else 0
        step = functools.partial(linear_step, config)
        bounded = config.activation == "tanh" and not config.skip
        return Cell(step, count + config.skip, LinearState, (1, 1, carried), bounded=bounded)
    return CELLS[config.cell, config.activation]


def _column_parts(columns: int, width: int) -> list[slice]:
    """Columns in as few even parts as one thread computes each; none has fewer than 8."""
    widest = max(_ONE_THREAD // (_BLOCK * width), 2 * _BLOCK)
    count = -(-columns // widest)
    return [slice(columns * i // count, columns * (i + 1) // count) for i in range(count)]


def _recurrent(h: Floats, weights: CellWeights, *, bounded: bool) -> Floats:
    """The state's share of the gates; ``bounded`` says that it lies in -1 to 1."""
    assert weights.weight_hh is not None
    if bounded and weights.precision == "int8":
        h = rounded_state(h)
    product = rows_matmul(h, weights.weight_hh)
    return product if weights.bias_hh is None else product + weights.bias_hh


def _split(gates: Floats, count: int) -> list[Floats]:
    """Gates (B, count*H) → count arrays (B, H), each contiguous.

    NumPy computes exp and tanh of strided arrays on other paths than of contiguous ones, which
    may differ in the last bit.
    """
    rows, width = gates.shape
    return list(np.ascontiguousarray(gates.reshape(rows, count, width // count).swapaxes(0, 1)))
