"""Inputs of a recurrent layer in → its states, and the gradients of its weights and inputs, in the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.config import ModelConfig
from tenor.native import Gating
from tenor.native.training import Arithmetic, LayerPass, multiply, number_type

Room = Callable[[str, tuple[int, ...]], Floats]
"""Gives an array for a purpose, whose numbers are arbitrary."""

WEIGHTS = ("weight_ih", "weight_previous", "weight_hh", "bias_ih", "bias_hh")
"""Of a layer and direction, in order, as far as its cell has them."""


class Form(NamedTuple):
    """What a layer does with its weights."""

    cell: str
    hidden: int
    """H"""
    activation: str = "tanh"
    """Of an rnn or linear cell."""
    gating: Gating = Gating()
    """Of a linear cell."""
    truncate: int | None = None
    """Words of a window that gradients of states do not leave; None is no window."""
    precision: Arithmetic = "float32"
    """Of products."""

    @classmethod
    def of(cls, config: ModelConfig, depth: int, truncate: int | None, precision: Arithmetic) -> Form:
        """A layer of a network."""
        hidden, gating = config.hidden_sizes[depth], Gating.of(config)
        return cls(config.cell, hidden, config.activation, gating, truncate, precision)


class Wanted(NamedTuple):
    """What is wanted of a reading beside the last states and the first."""

    states: Floats | None = None
    """(N, D*H) to be filled."""
    totals: bool = False
    largest: bool = False
    kept: Sequence[Floats] | None = None
    """(N, ``kept_width``) of each direction, to be filled; None leaves it with the learner."""


class CoreLayer:
    """One layer while it is learnt, its directions side by side."""

    def __init__(  # noqa: PLR0913 - all that a reading needs, by name
        self,
        form: Form,
        weights: Sequence[Mapping[str, Floats]],
        x: Floats,
        offsets: npt.NDArray[np.int64],
        *,
        row_of: npt.NDArray[np.int32] | None = None,
        wanted: Wanted,
        only_back: bool = False,
        room: Callable[[int, str, tuple[int, ...]], Floats] | None = None,
    ) -> None:
        """Make ready what a learner then reads, as ``passes``.

        Args:
            form: of the layer.
            weights: of each direction, by the names in ``WEIGHTS``.
            x: (U, I) vectors of known words.
            offsets: (B+1,) where each text begins.
            row_of: (N,) which known word each word is; None where each is its own.
            wanted: what the reading is for.
            only_back: whether it was read before, as ``wanted.kept`` has it.
            room: gives a direction's arrays; None makes them.
        """
        self.form, self.weights, self.x = form, weights, x
        self._kind = number_type(form.precision)
        self._multiply = partial(multiply, precision=form.precision)
        self._room = room or (lambda _, __, shape: np.empty(shape, self._kind))
        self._only_back = only_back
        self.passes = [
            self._pass(direction, offsets, row_of, wanted, partial(self._room, direction))
            for direction in range(len(weights))
        ]
        """By direction."""

    def _pass(
        self,
        direction: int,
        offsets: npt.NDArray[np.int64],
        row_of: npt.NDArray[np.int32] | None,
        wanted: Wanted,
        room: Room,
    ) -> LayerPass:
        form, weights, x = self.form, self.weights[direction], self.x
        size = form.hidden
        bias, state_bias = self._biases(weights)
        given = weights.get("weight_previous")
        # A gated layer makes shares of its words' vectors itself, step by step.
        by_vector = row_of is None and form.cell != "linear"
        shares = None if by_vector else self._product(x, weights["weight_ih"], partial(room, "shares"), bias)
        columns = slice(direction * size, (direction + 1) * size)
        return LayerPass(
            cell=form.cell,
            activation=form.activation,
            reverse=direction == 1,
            hidden=size,
            offsets=offsets,
            shares=shares,
            row_of=row_of,
            gating=form.gating,
            given=None if given is None else self._product(x, given, partial(room, "given")),
            x=x if by_vector else None,
            weight_ih=weights["weight_ih"] if by_vector else None,
            bias=bias if by_vector else None,
            weight_hh=weights.get("weight_hh"),
            precision=form.precision,
            state_bias=state_bias,
            truncate=form.truncate,
            sums=wanted.totals,
            searches=wanted.largest,
            states=None if wanted.states is None else wanted.states[:, columns],
            room=room,
            kept=None if wanted.kept is None else wanted.kept[direction],
        )

    def _biases(self, weights: Mapping[str, Floats]) -> tuple[Floats | None, Floats | None]:
        """What is added to a word's share, and beside the state in a GRU's new gate."""
        of_input, of_state, size = weights.get("bias_ih"), weights.get("bias_hh"), self.form.hidden
        state_bias = None
        if self.form.cell == "gru" and of_state is not None:
            state_bias = np.ascontiguousarray(of_state[2 * size :])
            of_state = np.concatenate([of_state[: 2 * size], np.zeros(size, self._kind)])
        given = [bias for bias in (of_input, of_state) if bias is not None]
        return (sum(given[1:], start=given[0]) if given else None), state_bias

    def _product(
        self,
        x: Floats,
        weight: Floats,
        room: Callable[[tuple[int, ...]], Floats],
        bias: Floats | None = None,
    ) -> Floats:
        out = room((len(x), len(weight)))
        return out if self._only_back else self._multiply(x, weight.T, bias, out=out)

    def take(self, d_states: Sequence[Floats]) -> None:
        """Take the gradients (N, D*H) of the states, parts of a sum, before a learner goes back."""
        for direction, one in enumerate(self.passes):
            columns = slice(direction * one.hidden, (direction + 1) * one.hidden)
            one.d_states = [part[:, columns] for part in d_states]

    def gradients(self) -> tuple[list[Floats], list[dict[str, Floats]]]:
        """After a learner went back: of x (U, I), as parts of a sum, and of each direction's weights."""
        parts: list[Floats] = []
        found = []
        for direction, (one, weights) in enumerate(zip(self.passes, self.weights, strict=True)):
            of_weights = _of_gated(one)
            if one.d_x is not None:
                parts.append(one.d_x)
            if one.d_shares is not None:
                if not parts:
                    parts.append(self._room(0, "d_x", self.x.shape))
                of_weights["weight_ih"] = self._multiply(one.d_shares.T, self.x)
                if "bias_ih" not in of_weights:
                    of_weights["bias_ih"] = one.d_shares.sum(0)
                self._multiply(one.d_shares, weights["weight_ih"], out=parts[0], add=direction > 0)
            if one.d_given is not None:
                of_weights["weight_previous"] = self._multiply(one.d_given.T, self.x)
                self._multiply(one.d_given, weights["weight_previous"], out=parts[0], add=True)
            found.append({name: of_weights[name] for name in weights})
        return parts, found


def _of_gated(one: LayerPass) -> dict[str, Floats]:
    """Gradients that a gated layer adds up itself, by the names of its weights."""
    named = {"weight_ih": one.d_weight_ih, "weight_hh": one.d_weight_hh}
    found = {name: gradient for name, gradient in named.items() if gradient is not None}
    if one.d_bias is not None:
        found["bias_ih"] = found["bias_hh"] = one.d_bias
        if one.d_state_bias is not None:
            found["bias_hh"] = np.concatenate([one.d_bias[: -one.hidden], one.d_state_bias])
    return found
