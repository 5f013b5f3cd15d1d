"""Arrays in → products, gradients and updates in the compiled core: what training needs of it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from tenor.errors import InputError
from tenor.native import library
from tenor.native.arrays import (
    Floats,
    Offsets,
    TokenIds,
    address,
    address_if_any,
    float32,
    listed,
    of_type,
    shaped,
    stride_of,
    writable,
)
from tenor.native.layer import Gating

Arithmetic = Literal["float32", "bf16", "float64"]
"""How products are computed. "bf16" rounds both factors, not the sums: the same bits everywhere, and fast
where the processor has AMX or AVX-512's bf16. "float64" takes and gives float64 in place of float32, for
gradients to be checked; it is slow."""

_IN_C = {"float32": 0, "bf16": 1, "float64": 3}
"""``tenor_precision``."""


def number_type(precision: Arithmetic) -> np.dtype[Any]:
    """Of the arrays beside such products."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


def multiply(
    a: Floats,
    b: Floats,
    bias: Floats | None = None,
    *,
    out: Floats | None = None,
    add: bool = False,
    precision: Arithmetic | None = None,
) -> Floats:
    """The product (M, N) of matrices (M, K) and (K, N), which may be views laid out any way.

    Args:
        a: the left one.
        b: the right one.
        bias: (N,) to be added to every row.
        out: where to put it; its columns side by side. None makes an array.
        add: add it to what ``out`` holds.
        precision: how; None is of the type of a, float32 or float64.

    Raises:
        InputError: the shapes or types do not fit.
    """
    precision = precision or ("float64" if a.dtype == np.float64 else "float32")
    kind, rows, columns = number_type(precision), a.shape[0], b.shape[1]
    if out is None:
        out = np.empty((rows, columns), kind)
    of_type("a", a, kind)
    shaped("b", of_type("b", b, kind), (a.shape[1], columns))
    writable("out", of_type("out", out, kind), (rows, columns))
    if bias is not None:
        shaped("bias", of_type("bias", bias, kind), (columns,))
        bias = np.ascontiguousarray(bias)
    product = library.Product(
        a=a.ctypes.data,
        a_row=a.strides[0] // a.itemsize,
        a_column=a.strides[1] // a.itemsize,
        b=b.ctypes.data,
        b_row=b.strides[0] // b.itemsize,
        b_column=b.strides[1] // b.itemsize,
        bias=address_if_any(bias),
        c=out.ctypes.data,
        c_row=stride_of(out),
        m=rows,
        k=a.shape[1],
        n=columns,
        add=add,
        precision=_IN_C[precision],
    )
    library.check(library.core().tenor_multiply(ctypes.byref(product)))
    return out


class Learnt:
    """A weight and what Adam remembers of its gradients, to be changed where they lie."""

    def __init__(self, weight: Floats, mean: Floats, square: Floats) -> None:
        """Take arrays of one shape, contiguous.

        Args:
            weight: (V, W), or of one dimension.
            mean: of the gradients so far.
            square: of their squares.

        Raises:
            InputError: they do not fit, or cannot be changed.
        """
        self.weight, self.mean, self.square = weight, mean, square
        self.addresses: dict[str, int] = {}
        """By name: they stay, and an update needs them of every weight."""
        for name, array in (("weight", weight), ("mean", mean), ("square", square)):
            _in_place(name, array)
            shaped(name, array, weight.shape)
            self.addresses[name] = address(array)


class Adam(NamedTuple):
    """Settings of Adam that stay the same, as PyTorch has them.

    Source: Kingma & Ba 2015, algorithm 1, as ``torch.optim.Adam`` computes it.
    """

    weight_decay: float = 0.0
    decoupled: bool = False
    """Whether the decay is AdamW's."""
    betas: tuple[float, float] = (0.9, 0.999)
    """How much of either average stays."""
    epsilon: float = 1e-8

    def step(self, number: int, rate: float) -> tuple[float, float, float]:
        """What is a step's own, of its number, from 1, and learning rate: ``tenor_adam_step``."""
        shrink = 1.0 - rate * self.weight_decay if self.decoupled else 1.0
        mean, square = (1 - beta**number for beta in self.betas)
        return rate / mean, shrink, square**-0.5

    def learn(
        self,
        learnt: Learnt,
        gradient: Floats,
        step: tuple[float, float, float],
        *,
        row_ids: TokenIds | None = None,
        scale: float = 1.0,
    ) -> None:
        """One step.

        Args:
            learnt: the weight.
            gradient: (rows, W) or as weight.
            step: what ``self.step`` says of it.
            row_ids: (rows,) which rows of the weight the gradient's are, each once; None for all. The
                others stay as they are, until they catch up.
            scale: what the gradient is multiplied with first.

        Raises:
            InputError: the gradient is not float32, or does not fit the weight.
        """
        given, _kept = self._arguments(learnt, row_ids, np.array([step]))
        shaped("gradient", float32("gradient", gradient), (given.rows, *learnt.weight.shape[1:]))
        gradient = np.ascontiguousarray(gradient)
        library.check(library.core().tenor_adam_learn(ctypes.byref(given), address(gradient), scale))

    def catch_up(
        self,
        learnt: Learnt,
        made: TokenIds,
        steps: Floats,
        row_ids: TokenIds | None = None,
    ) -> None:
        """Have rows make the steps that they still have to make, without a gradient: to the same bits.

        Args:
            learnt: the weight.
            made: (V,) how many of the steps each row has made; of these rows, all of them then.
            steps: (S, 3) what ``self.step`` says of each.
            row_ids: (rows,) which, each once; None for all.
        """
        given, _kept = self._arguments(learnt, row_ids, steps)
        library.check(library.core().tenor_adam_catch_up(ctypes.byref(given), address(made)))

    def _arguments(
        self,
        learnt: Learnt,
        row_ids: TokenIds | None,
        steps: Floats,
    ) -> tuple[library.Adam, Floats]:
        """``tenor_adam`` of ``tenor.h``, and what must live as long."""
        own = np.ascontiguousarray(steps, np.float32)
        given = library.Adam(
            **learnt.addresses,
            row_ids=address_if_any(row_ids),
            rows=len(learnt.weight) if row_ids is None else len(row_ids),
            width=learnt.weight.size // max(len(learnt.weight), 1),
            decay=0.0 if self.decoupled else self.weight_decay,
            fresh1=1 - self.betas[0],
            beta2=self.betas[1],
            fresh2=1 - self.betas[1],
            epsilon=self.epsilon,
            steps=address(own),
            count=len(own),
        )
        return given, own


def drop(
    x: Floats,
    *,
    share: float,
    seed: int,
    ids: TokenIds | None = None,
    row_share: float = 0.0,
    row_seed: int = 0,
) -> None:
    """Zero a share of the elements and of the rows of x (rows, W), in place, and scale up the rest.

    What goes is a function of the seeds, of what a row is known by and of the column, so that a
    gradient is given back to the same elements by a second call.

    Args:
        x: rows; contiguous.
        share: of the elements, below 1.
        seed: 32 bits.
        ids: (rows,) what each row is known by; None for its number.
        row_share: of the rows.
        row_seed: 32 bits.
    """
    _in_place("x", x)
    wanted = library.Dropout(
        x=address(x),
        ids=address_if_any(ids),
        rows=len(x),
        width=x.shape[1],
        row_share=row_share,
        share=share,
        row_seed=row_seed,
        seed=seed,
    )
    library.check(library.core().tenor_drop(ctypes.byref(wanted)))


def sums_of_rows(rows: Floats, items: TokenIds, offsets: Offsets, shares: Floats | None = None) -> Floats:
    """(N, W) for each of N lists of numbers of rows the sum of shares of these rows.

    Args:
        rows: (K, W).
        items: (M,) numbers of rows, of all lists.
        offsets: (N+1,) where each list begins.
        shares: (M,) how much of each; None for all of it.

    Raises:
        InputError: other types, sizes or numbers than these.
    """
    rows = np.ascontiguousarray(float32("rows", rows))
    items = np.ascontiguousarray(of_type("items", items, np.dtype(np.int32)))
    offsets = listed(offsets, items)
    if shares is not None:
        shaped("shares", float32("shares", shares), items.shape)
        shares = np.ascontiguousarray(shares)
    sums = np.empty((len(offsets) - 1, rows.shape[1]), np.float32)
    lists = library.RowLists(
        rows=address(rows),
        count=len(rows),
        width=rows.shape[1],
        items=address(items),
        shares=address_if_any(shares),
        offsets=address(offsets),
        lists=len(sums),
        sums=address(sums),
    )
    library.check(library.core().tenor_sum_lists(ctypes.byref(lists)))
    return sums


def kept_width(cell: str, gating: Gating, hidden: int) -> int:
    """Floats that a direction of a layer keeps of each word for its way back (``TENOR_KEPT``)."""
    gates = 2 + gating.input_gate + gating.output_gate
    linear = gates * (1 + gating.previous) + gating.skip
    vectors = {"lstm": 6, "gru": 5, "rnn": 3}.get(cell, linear)
    return vectors * (-(-hidden // 64) * 64)


@dataclass(kw_only=True)
class LayerPass:
    """One layer and direction over the texts of a batch: U known words make up the N words of B texts.

    All arrays of numbers are of the ``number_type`` of its precision.
    """

    cell: str
    activation: str
    reverse: bool
    hidden: int
    """H"""
    offsets: Offsets
    """(B+1,)"""
    shares: Floats | None = None
    """(U, G*H) what a word gives to its own gates, biases included; with a skip (U, (G+1)*H)."""
    row_of: TokenIds | None = None
    """(N,) which known word each word is; None where each is its own."""
    gating: Gating | None = None
    """Of a linear cell; None has none of it."""
    given: Floats | None = None
    """(U, G*H) what a word gives to the next one's gates, where these see two."""
    x: Floats | None = None
    """(N, I) the words' vectors, instead of shares, but for a linear cell; the rows may lie apart."""
    weight_ih: Floats | None = None
    """(G*H, I) what makes shares of vectors."""
    bias: Floats | None = None
    """(G*H,) of these shares; None for zeros."""
    weight_hh: Floats | None = None
    """(G*H, H), but for a linear cell."""
    precision: Arithmetic = "float32"
    """Of products with weights, but for a linear cell, which may be ``"float64"`` all the same."""
    state_bias: Floats | None = None
    """(H,) of a GRU's new gate, beside the state; None for zeros."""
    truncate: int | None = None
    """Words of a window that gradients of states do not leave; None is no window."""
    sums: bool = True
    """Whether ``total`` is wanted."""
    searches: bool = True
    """Whether ``largest`` is wanted."""
    states: Floats | None = None
    """(N, H) to be filled, if wanted; the rows may lie apart."""
    d_states: Sequence[Floats] = ()
    """(N, H) gradients, two at most, but for a linear cell one, whose sum counts. Their rows may lie apart,
    all by the same distance."""
    room: Callable[[str, tuple[int, ...]], Floats] | None = None
    """Gives an array for a purpose of this pass, whose numbers are arbitrary; None makes it."""
    kept: Floats | None = None
    """(N, ``kept_width``), of a linear cell (U, …), to be filled for the way back, by any learner; None
    leaves it with this one."""

    def __post_init__(self) -> None:
        texts, words = len(self.offsets) - 1, int(self.offsets[-1])
        kind = number_type(self.precision)
        self.final, self.start = (np.empty((texts, self.hidden), kind) for _ in range(2))
        """(B, H) the states after each text's last word and its first."""
        self.total, self.largest = (
            np.empty((texts, self.hidden), kind) if wanted else None for wanted in (self.sums, self.searches)
        )
        """(B, H) the sum of its states, and the largest of each unit."""
        self.gradients: dict[str, Floats] = {}
        self.d_shares, self.d_given = self._like("d_shares", self.shares), self._like("d_given", self.given)
        self.d_x = self.d_weight_ih = self.d_weight_hh = self.d_bias = self.d_state_bias = None
        if self.x is not None and self.weight_ih is not None:
            self.d_x = self._make("d_x", (words, self.x.shape[1]))
            self.d_weight_ih = self._make("d_weight_ih", self.weight_ih.shape)
        if self.weight_hh is not None:
            self.d_weight_hh = self._make("d_weight_hh", self.weight_hh.shape)
            self.d_bias = self._make("d_bias", (len(self.weight_hh),))
        if self.cell == "gru":
            self.d_state_bias = self._make("d_state_bias", (self.hidden,))

    def _make(self, purpose: str, shape: tuple[int, ...]) -> Floats:
        return self.room(purpose, shape) if self.room else np.empty(shape, number_type(self.precision))

    def _like(self, purpose: str, array: Floats | None) -> Floats | None:
        return None if array is None else self._make(purpose, array.shape)

    def add_gradient(self, name: str, gradient: Floats) -> None:
        """Add to the gradient (B, H) of ``final``, ``start``, ``total`` or ``largest``."""
        known = self.gradients.get(name)
        self.gradients[name] = np.ascontiguousarray(gradient if known is None else known + gradient)

    def arguments(self) -> library.LearningPass:
        """``tenor_learning_pass`` of ``tenor.h``."""
        gating = self.gating or Gating()
        d_states = [*self.d_states, None, None]
        strides = [0 if a is None else stride_of(a) for a in (self.states, d_states[0], self.x)]
        return library.LearningPass(
            cell=self.cell.encode(),
            activation=self.activation.encode(),
            previous=gating.previous,
            input_gate=gating.input_gate,
            output_gate=gating.output_gate,
            skip=gating.skip,
            reverse=self.reverse,
            precision=_IN_C[self.precision],
            hidden=self.hidden,
            inputs=0 if self.x is None else self.x.shape[1],
            known=0 if self.shares is None else len(self.shares),
            words=int(self.offsets[-1]),
            texts=len(self.offsets) - 1,
            truncate=self.truncate or 0,
            weight_hh=address_if_any(self.weight_hh),
            state_bias=address_if_any(self.state_bias),
            shares=address_if_any(self.shares),
            given=address_if_any(self.given),
            row_of=address_if_any(self.row_of),
            x=address_if_any(self.x),
            x_stride=strides[2],
            weight_ih=address_if_any(self.weight_ih),
            bias=address_if_any(self.bias),
            offsets=address(self.offsets),
            states=address_if_any(self.states),
            states_stride=strides[0],
            final_h=address(self.final),
            start_h=address(self.start),
            sum_h=address_if_any(self.total),
            max_h=address_if_any(self.largest),
            d_states=(ctypes.c_void_p * 2)(*map(address_if_any, d_states[:2])),
            d_states_stride=strides[1],
            d_final=address_if_any(self.gradients.get("final")),
            d_start=address_if_any(self.gradients.get("start")),
            d_sum=address_if_any(self.gradients.get("total")),
            d_max=address_if_any(self.gradients.get("largest")),
            d_shares=address_if_any(self.d_shares),
            d_given=address_if_any(self.d_given),
            d_x=address_if_any(self.d_x),
            d_weight_ih=address_if_any(self.d_weight_ih),
            d_weight_hh=address_if_any(self.d_weight_hh),
            d_bias=address_if_any(self.d_bias),
            d_state_bias=address_if_any(self.d_state_bias),
            kept=address_if_any(self.kept),
            kept_size=0 if self.kept is None else self.kept.size,
        )


class Learner(library.Owner):
    """Memory that is used again from one update to the next. For one thread at a time."""

    def __init__(self) -> None:
        super().__init__("learner")

    def known(self, ids: TokenIds, vocab_size: int) -> tuple[TokenIds, TokenIds]:
        """The different ids (U,) among ids (N,), as they first come, and (N,) which of them each is."""
        found, row_of = np.empty_like(ids), np.empty_like(ids)
        count = ctypes.c_int64()
        library.check(
            self._core.tenor_learner_known(
                self.handle,
                address(ids),
                len(ids),
                vocab_size,
                address(found),
                address(row_of),
                ctypes.byref(count),
            )
        )
        return found[: count.value], row_of

    def forward(self, passes: Sequence[LayerPass]) -> None:
        """Fill states and summaries of passes that do not depend on each other."""
        self._call(self._core.tenor_learner_forward, passes)

    def backward(self, passes: Sequence[LayerPass]) -> None:
        """Fill ``d_shares`` to ``d_state_bias`` of the passes that were read last."""
        self._call(self._core.tenor_learner_backward, passes)

    def _call(self, function: ctypes._CFuncPtr, passes: Sequence[LayerPass]) -> None:  # type: ignore[name-defined]
        given = (library.LearningPass * len(passes))(*(one.arguments() for one in passes))
        library.check(function(self.handle, given, len(passes)))


def _in_place(name: str, array: Floats) -> None:
    """Refuse what cannot be changed where it lies."""
    if not float32(name, array).flags.c_contiguous or not array.flags.writeable:
        raise InputError(f"{name} must be contiguous and writable, as it is changed in place")
