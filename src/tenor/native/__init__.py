"""Word vectors in → hidden states: the compiled core, where there is one.

Its C interface is ``tenor.h``. The library is loaded on first use; what it computes is what
``tenor.cells`` says, to 1e-5, and its bits are the same for a text alone or in any batch, for any
number of threads and on every instruction set.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

from tenor.config import Precision
from tenor.errors import InputError
from tenor.native import library
from tenor.native.arrays import Floats, address, encoded, float32
from tenor.native.layer import Gating, LayerWeights, Passed, PreparedLayer
from tenor.native.model import PreparedModel
from tenor.native.text import PreparedReader
from tenor.precision import PRECISIONS

__all__ = [
    "Gating",
    "LayerWeights",
    "Passed",
    "PreparedLayer",
    "PreparedModel",
    "PreparedReader",
    "Status",
    "activation",
    "is_available",
    "roof",
    "set_threads",
    "status",
]


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


def roof(
    precision: Precision = "float32",
    *,
    threads: int | None = None,
    isa: str | None = None,
    seconds: float = 0.1,
) -> float:
    """Multiply-adds a second that this machine does at best.

    Args:
        precision: of whole numbers with ``"int8"``, of floats with the others.
        threads: how many; None for as many as a call uses.
        isa: instruction set; None for ``status().isa``.
        seconds: how long to try.

    Raises:
        InputError: threads not from 1 to 1024, or an instruction set that is not there.
        NativeError: there is no compiled core.
    """
    found = ctypes.c_double()
    count = status().threads if threads is None else threads
    kind = PRECISIONS.index(precision)
    library.check(library.core().tenor_roof(encoded(isa), kind, count, seconds, ctypes.byref(found)))
    return found.value


def activation(name: str, x: Floats, *, isa: str | None = None) -> Floats:
    """``sigmoid`` or ``tanh`` of x, of any shape, as the core computes it (≤ 2 ulp).

    Raises:
        InputError: another name, or an instruction set that is not in ``status().isas``.
        NativeError: there is no compiled core.
    """
    x = np.ascontiguousarray(float32("x", x))
    y = np.empty_like(x)
    library.check(
        library.core().tenor_activation(encoded(isa), name.encode(), address(x), address(y), x.size)
    )
    return y
