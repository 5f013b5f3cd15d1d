"""Arrays in → addresses for the core, once they are what it expects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tenor.errors import InputError

Floats = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]
TokenIds = npt.NDArray[np.int32]


def float32(name: str, array: Floats) -> Floats:
    """The array, if it is one of float32.

    Raises:
        InputError: it is not.
    """
    return of_type(name, array, np.dtype(np.float32))


def of_type(name: str, array: npt.NDArray[Any], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """The array, if it is one of such numbers.

    Raises:
        InputError: it is not.
    """
    if not isinstance(array, np.ndarray) or array.dtype != kind:
        found = getattr(array, "dtype", type(array).__name__)
        raise InputError(f"{name} must be a {kind} array, got {found}; use astype(np.{kind})")
    return array


def shaped(name: str, array: Floats, shape: tuple[int, ...]) -> None:
    """Refuse an array of another shape."""
    if array.shape != shape:
        raise InputError(f"{name} must have the shape {shape}, got {array.shape}")


def listed(offsets: Offsets, items: npt.NDArray[Any]) -> Offsets:
    """Offsets (N+1,) of lists of items (M,), contiguous, if the last one ends with the items.

    Raises:
        InputError: they are no int64 or do not fit; whether they rise is for the core to see.
    """
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets) or offsets[-1] != len(items):
        raise InputError(
            f"offsets must rise from 0 to {len(items):,}, int64 and of one dimension; got {offsets.dtype} "
            f"{offsets.shape}{f', which ends with {offsets.flat[-1]}' if offsets.size else ''}"
        )
    return np.ascontiguousarray(offsets)


def writable(name: str, array: Floats, shape: tuple[int, int]) -> None:
    """Refuse an array of rows that cannot be filled where it is."""
    shaped(name, array, shape)
    if not array.flags.writeable or rows_of(array) is not array:
        raise InputError(f"{name} must be writable, its rows in order and contiguous")


def rows_of(array: Floats) -> Floats:
    """The array, copied unless each row (N, W) is contiguous and rows do not overlap."""
    step, item = array.strides
    rows, width = array.shape
    inside = width < 2 or item == array.itemsize
    apart = rows < 2 or (step >= width * array.itemsize and step % array.itemsize == 0)
    return array if inside and apart else np.ascontiguousarray(array)


def stride_of(array: Floats) -> int:
    """Floats from one row to the next; a single row's stride has no meaning in NumPy."""
    return array.strides[0] // array.itemsize if len(array) > 1 else array.shape[1]


def address(array: npt.NDArray[np.float32 | np.int32 | np.int64 | np.uint8]) -> int:
    """Where the array's numbers begin."""
    return array.ctypes.data


def address_if_any(array: npt.NDArray[Any] | None) -> int | None:
    """The same; None where there is none."""
    return None if array is None else address(array)


def encoded(isa: str | None) -> bytes | None:
    """The name of an instruction set, as C takes it."""
    return None if isa is None else isa.encode()
