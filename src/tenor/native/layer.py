"""Word vectors or ids in → hidden states: one layer and direction in the compiled core."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tenor.config import ModelConfig, Precision
from tenor.errors import InputError
from tenor.native import library
from tenor.native.arrays import (
    Floats,
    Offsets,
    TokenIds,
    address,
    address_if_any,
    encoded,
    float32,
    rows_of,
    shaped,
    stride_of,
    writable,
)
from tenor.precision import PRECISIONS

__all__ = ["Gating", "LayerWeights", "Passed", "PreparedLayer"]

_TABLE_BYTES = 1 << 26


class Gating(NamedTuple):
    """What a linear recurrence has."""

    previous: bool = False
    """Gates see the word before as well."""
    input_gate: bool = False
    output_gate: bool = False
    skip: bool = False

    @classmethod
    def of(cls, config: ModelConfig) -> Gating:
        """That of a model's layers."""
        return cls(config.window == 2, config.input_gate, config.output_gate, config.skip)


_PLAIN = Gating()


class LayerWeights(NamedTuple):
    """The arrays of one layer and direction, in the order of ``tenor.h``; None where it has none."""

    weight_ih: Floats
    """(G*H, E)"""
    weight_previous: Floats | None = None
    """(G*H, E) without the skip, of a linear recurrence whose gates see two words."""
    weight_hh: Floats | None = None
    """(G*H, H)"""
    bias_ih: Floats | None = None
    """(G*H,)"""
    bias_hh: Floats | None = None
    """(G*H,)"""


class Passed(NamedTuple):
    """What a layer made of texts."""

    h: Floats
    """(B, H) after the last word read; the initial state of a text without words."""
    c: Floats
    """(B, H) likewise; zeros of cells that have none."""
    carry: Floats
    """(B, G*H) what the last word gives to the next one's gates; (B, 0) where it gives nothing."""
    start: Floats
    """(B, H) h after the first word read; zeros of a text without words, as the next two."""
    total: Floats
    """(B, H) the sum of h after every word."""
    largest: Floats
    """(B, H) the largest h of each unit."""


class PreparedLayer(library.Owner):
    """One layer and direction, its weights packed for the core. Safe for several threads at once."""

    def __init__(
        self,
        cell: str,
        weights: LayerWeights,
        *,
        activation: str = "tanh",
        gating: Gating = _PLAIN,
        precision: Precision = "float32",
        bounded_inputs: bool = False,
        isa: str | None = None,
    ) -> None:
        """Copy the weights.

        Args:
            cell: ``"lstm"``, ``"gru"``, ``"rnn"`` or ``"linear"``; gates stand as ``tenor.cells``
                orders them.
            weights: float32 arrays.
            activation: of ``"rnn"`` and ``"linear"``.
            gating: of ``"linear"``.
            precision: how exactly it computes; see ``tenor.precision``.
            bounded_inputs: they lie in -1 to 1, as a layer's states do; they are not folded.
            isa: instruction set; None for ``status().isa``.

        Raises:
            InputError: other shapes or not float32, or a name or instruction set that is not there.
            NativeError: there is no compiled core, or too little memory.
        """
        gates = {"lstm": 4, "gru": 3, "rnn": 1}.get(cell, 2 + gating.input_gate + gating.output_gate)
        rows = gates + (gating.skip if cell == "linear" else 0)
        height, self.input_size = float32("weight_ih", weights.weight_ih).shape
        self.hidden_size = height // rows
        if not self.hidden_size or not self.input_size:
            raise InputError("a layer needs at least one input and one hidden unit")
        previous = cell == "linear" and gating.previous
        self._carry = gates * self.hidden_size if previous else 0
        self._check_shapes(weights, rows, gates if previous else 0)
        arrays = [None if a is None else np.ascontiguousarray(a) for a in weights]
        settings = library.LayerSettings(
            cell.encode(),
            activation.encode(),
            self.input_size,
            self.hidden_size,
            *gating,
            PRECISIONS.index(precision),
            bounded_inputs,
            *map(address_if_any, arrays),
        )
        self._bounded = bounded_inputs
        self._vectors: Floats | None = None
        super().__init__("layer", encoded(isa), ctypes.byref(settings))

    def _check_shapes(self, weights: LayerWeights, rows: int, previous: int) -> None:
        hidden, inputs = self.hidden_size, self.input_size
        shapes = {
            "weight_ih": (rows * hidden, inputs),
            "weight_previous": (previous * hidden, inputs),
            "weight_hh": (rows * hidden, hidden),
            "bias_ih": (rows * hidden,),
            "bias_hh": (rows * hidden,),
        }
        for name, array in weights._asdict().items():
            if array is not None:
                shaped(name, float32(name, array), shapes[name])

    def fold(self, vectors: Floats, *, size_bytes: int = _TABLE_BYTES) -> None:
        """Let passes take ids of words: what the layer computes from a word alone is computed once.

        Args:
            vectors: (V, E) of all words, the frequent ones first: those have a place of their own.
            size_bytes: how much memory these places may take.

        Raises:
            InputError: not float32 (V, E), or inputs are bounded.
            NativeError: too little memory.
        """
        if self._bounded:
            raise InputError("a layer whose inputs are states has no words to fold")
        float32("vectors", vectors)
        shaped("vectors", vectors, (len(vectors), self.input_size))
        self._vectors = np.ascontiguousarray(vectors)
        library.check(
            self._core.tenor_layer_fold(self.handle, address(self._vectors), len(vectors), size_bytes)
        )

    def forward(
        self,
        inputs: Floats | TokenIds,
        offsets: Offsets,
        *,
        reverse: bool = False,
        initial: Sequence[Floats] | None = None,
        states: Floats | None = None,
    ) -> Passed:
        """Read whole texts.

        Args:
            inputs: (N, E) word vectors of all texts, end to end, or after ``fold`` (N,) int32 ids.
            offsets: (B+1,) where each text begins.
            reverse: read each text from its last word to its first.
            initial: h, c (B, H) and carry, to go on from, as far as the cell has them; None is zeros.
            states: (N, H) filled with h after every word; may be columns of a wider array.

        Raises:
            InputError: shapes, types, ids or offsets that do not fit.
        """
        words, texts = len(inputs), len(offsets) - 1
        if offsets.dtype != np.int64 or offsets.ndim != 1 or texts < 0:
            raise InputError(f"offsets must be int64 (B+1,), got {offsets.dtype} {offsets.shape}")
        if states is not None:
            writable("states", float32("states", states), (words, self.hidden_size))
        x, token_ids = self._inputs(inputs, states)
        offsets = np.ascontiguousarray(offsets)
        begin = self._begin(initial, texts)
        found = Passed(*(np.empty((texts, width), np.float32) for width in self._widths()))
        arrays = library.LayerPass(
            x=address_if_any(x),
            x_stride=0 if x is None else stride_of(x),
            token_ids=address_if_any(token_ids),
            offsets=address(offsets),
            texts=texts,
            words=words,
            reverse=reverse,
            initial_h=begin[0],
            initial_c=begin[1],
            initial_carry=begin[2],
            states=address_if_any(states),
            states_stride=0 if states is None else stride_of(states),
            final_h=address(found.h),
            final_c=address(found.c),
            final_carry=address(found.carry) if self._carry else None,
            start_h=address(found.start),
            sum_h=address(found.total),
            max_h=address(found.largest),
        )
        library.check(self._core.tenor_layer_forward(self.handle, ctypes.byref(arrays)))
        return found

    def _inputs(self, inputs: Any, states: Floats | None) -> tuple[Floats | None, TokenIds | None]:
        """Either vectors, as rows that the core can walk and that are not overwritten, or ids."""
        if inputs.dtype == np.int32:
            if self._vectors is None:
                raise InputError("the layer knows no word vectors; call fold first, or give (N, E) vectors")
            shaped("inputs", inputs, (len(inputs),))
            return None, np.ascontiguousarray(inputs)
        shaped("inputs", float32("inputs", inputs), (len(inputs), self.input_size))
        shared = states is not None and np.may_share_memory(inputs, states)
        return rows_of(inputs.copy() if shared else inputs), None

    def _widths(self) -> tuple[int, ...]:
        return (self.hidden_size, self.hidden_size, self._carry, *[self.hidden_size] * 3)

    def _begin(self, initial: Sequence[Floats] | None, texts: int) -> list[int | None]:
        """Where the parts of the initial state are; the arrays must be contiguous, to stay there."""
        parts: list[int | None] = [None, None, None]
        for i, (part, width) in enumerate(zip(initial or (), self._widths(), strict=False)):
            shaped("initial", float32("initial", part), (texts, width))
            if not part.flags.c_contiguous:
                raise InputError("initial must be contiguous arrays")
            parts[i] = address(part) if width else None
        return parts
