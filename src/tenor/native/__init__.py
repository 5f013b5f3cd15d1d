"""Word vectors in → hidden states: the compiled core, where there is one.

Its C interface is ``tenor.h``. The library is loaded on first use; what it computes is what
``tenor.cells`` says, to 1e-5, and its bits are the same for a text alone or in any batch, for any
number of threads and on every instruction set.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenor.errors import InputError
from tenor.native import library

__all__ = ["PreparedLSTM", "Status", "activation", "is_available", "set_threads", "status"]

Floats = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known of the compiled core."""

    available: bool
    """Whether it computes; else NumPy does."""
    isa: str | None
    """The instruction set in use; ``TENOR_ISA`` forces one."""
    isas: tuple[str, ...]
    """Those this processor has, slowest first."""
    threads: int
    """Threads a call may use; at first ``TENOR_THREADS``, else every processor. 1 without core."""
    library: str | None
    """The file."""
    reason: str | None
    """None, or why it is not available and what to type."""


def is_available() -> bool:
    """Whether the compiled core is installed and runs here."""
    return library.load().core is not None


def status() -> Status:
    """What is known of the compiled core: which it is, or why there is none."""
    loaded = library.load()
    core = loaded.core
    return Status(
        available=core is not None,
        isa=core.tenor_isa().decode() if core else None,
        isas=tuple(core.tenor_isas().decode().split()) if core else (),
        threads=core.tenor_threads() if core else 1,
        library=loaded.path,
        reason=loaded.reason,
    )


def set_threads(count: int) -> None:
    """Let each call use up to this many threads; changes speed only, never a result.

    Raises:
        InputError: not from 1 to 1024.
        NativeError: there is no compiled core.
    """
    if not 1 <= count <= 1024:
        raise InputError(f"threads must be from 1 to 1024, got {count}")
    library.check(library.core().tenor_set_threads(count))


def activation(name: str, x: Floats, *, isa: str | None = None) -> Floats:
    """``exp``, ``sigmoid`` or ``tanh`` of x, of any shape, as the core computes it (≤ 2 ulp).

    Raises:
        InputError: another name, or an instruction set that is not in ``status().isas``.
        NativeError: there is no compiled core.
    """
    x = np.ascontiguousarray(_float32("x", x))
    y = np.empty_like(x)
    library.check(library.core().tenor_activation(_encoded(isa), name.encode(), _at(x), _at(y), x.size))
    return y


class PreparedLSTM:
    """One layer and direction of an LSTM, its weights packed for the core. Immutable."""

    def __init__(self, weight_ih: Floats, weight_hh: Floats, bias: Floats, *, isa: str | None = None) -> None:
        """Copy the weights.

        Args:
            weight_ih: (4H, E) for the input; gates input, forget, cell, output one below the
                other, as in ``torch.nn.LSTM``.
            weight_hh: (4H, H) for the state.
            bias: (4H,) the sum of PyTorch's two.
            isa: instruction set; None for ``status().isa``.

        Raises:
            InputError: other shapes or not float32, or an instruction set that is not there.
            NativeError: there is no compiled core, or too little memory.
        """
        self.hidden_size = _float32("weight_hh", weight_hh).shape[-1]
        self.input_size = _float32("weight_ih", weight_ih).shape[-1]
        rows = 4 * self.hidden_size
        _shaped("weight_ih", weight_ih, (rows, self.input_size))
        _shaped("weight_hh", weight_hh, (rows, self.hidden_size))
        _shaped("bias", _float32("bias", bias), (rows,))
        if not self.hidden_size or not self.input_size:
            raise InputError("an LSTM needs at least one input and one hidden unit")
        arrays = [np.ascontiguousarray(array) for array in (weight_ih, weight_hh, bias)]
        self._core = library.core()
        self._layer = ctypes.c_void_p()
        library.check(
            self._core.tenor_lstm_create(
                _encoded(isa),
                self.input_size,
                self.hidden_size,
                *(_at(array) for array in arrays),
                ctypes.byref(self._layer),
            )
        )

    def __del__(self) -> None:
        """Give the packed weights back."""
        if getattr(self, "_layer", None):
            self._core.tenor_lstm_destroy(self._layer)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be copied: a copy would give the same memory back twice."""
        raise TypeError("PreparedLSTM cannot be pickled or copied; make it anew from its weights")

    def forward(
        self,
        x: Floats,
        offsets: Offsets,
        *,
        reverse: bool = False,
        initial: tuple[Floats, Floats] | None = None,
        states: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Read whole texts.

        Args:
            x: (N, E) word vectors of all texts, end to end.
            offsets: (B+1,) where each text begins.
            reverse: read each text from its last word to its first.
            initial: h and c, each (B, H), to go on from; None is zeros.
            states: (N, H) filled with h after every word; may be columns of a wider array.
                None where only the final state is wanted.

        Returns:
            h and c, each (B, H), after the last word read; the initial state of a text without
            words.

        Raises:
            InputError: shapes, types or offsets that do not fit.
        """
        words, texts = len(x), len(offsets) - 1
        _shaped("x", _float32("x", x), (words, self.input_size))
        if offsets.dtype != np.int64 or offsets.ndim != 1 or texts < 0:
            raise InputError(f"offsets must be int64 (B+1,), got {offsets.dtype} {offsets.shape}")
        if states is not None:
            _writable(_float32("states", states), (words, self.hidden_size))
            if np.may_share_memory(x, states):
                x = x.copy()
        x, offsets = _rows(x), np.ascontiguousarray(offsets)
        begin = [self._begin(part, texts) for part in initial or ()]
        final = [np.empty((texts, self.hidden_size), np.float32) for _ in "hc"]
        arrays = library.LSTMPass(
            x=_at(x),
            x_stride=_stride(x),
            offsets=_at(offsets),
            texts=texts,
            words=words,
            reverse=reverse,
            initial_h=_at(begin[0]) if begin else None,
            initial_c=_at(begin[1]) if begin else None,
            states=None if states is None else _at(states),
            states_stride=0 if states is None else _stride(states),
            final_h=_at(final[0]),
            final_c=_at(final[1]),
        )
        library.check(self._core.tenor_lstm_forward(self._layer, ctypes.byref(arrays)))
        return final[0], final[1]

    def _begin(self, part: Floats, texts: int) -> Floats:
        _shaped("initial", _float32("initial", part), (texts, self.hidden_size))
        return np.ascontiguousarray(part)


def _float32(name: str, array: Floats) -> Floats:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        kind = getattr(array, "dtype", type(array).__name__)
        raise InputError(f"{name} must be a float32 array, got {kind}; use astype(np.float32)")
    return array


def _shaped(name: str, array: Floats, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InputError(f"{name} must have the shape {shape}, got {array.shape}")


def _writable(states: Floats, shape: tuple[int, int]) -> None:
    _shaped("states", states, shape)
    if not states.flags.writeable or _rows(states) is not states:
        raise InputError("states must be writable, its rows in order and contiguous")


def _rows(array: Floats) -> Floats:
    """The array, copied unless each row (N, W) is contiguous and rows do not overlap."""
    step, item = array.strides
    rows, width = array.shape
    inside = width < 2 or item == array.itemsize
    apart = rows < 2 or (step >= width * array.itemsize and step % array.itemsize == 0)
    return array if inside and apart else np.ascontiguousarray(array)


def _stride(array: Floats) -> int:
    """Floats from one row to the next; a single row's stride has no meaning in NumPy."""
    return array.strides[0] // array.itemsize if len(array) > 1 else array.shape[1]


def _at(array: npt.NDArray[np.float32 | np.int64]) -> int:
    return array.ctypes.data


def _encoded(isa: str | None) -> bytes | None:
    return None if isa is None else isa.encode()
