"""A model's weights in → the same with fewer bits, and the numbers that are stored of them.

Precision belongs to the model folder, never to the machine. Loading gives float32 numbers that lie
on the grid of their precision, so rounding them again changes nothing: whatever computes with
whole numbers finds the stored ones again.

* ``float32``: as trained.
* ``bf16``: each weight rounded to 8 significant bits.
* ``int8``: each row of a matrix in whole numbers of -127 to 127 times a scale of its own, scores of
  n-grams as in bf16. A layer's products with states that lie in -1 to 1, its own and those of the
  layer below, are sums of whole numbers too.

In both of the latter the gates of a linear recurrence that see one word are rounded to 11
significant bits, as the table of a first layer keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from tenor.config import Precision
from tenor.errors import InputError

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

STATE_STEPS = 127
"""In which a state of 0 to 1 is counted where its product is of whole numbers."""
MOST_UNITS = 4096
"""Hidden units of a layer: their products with whole numbers are far from an int32's end."""

_MOST = 127
_SMALLEST = 1e-30
"""Rows without a larger weight become zeros: their scale would be no normal float."""
_SCALE = ".scale"
_NEVER_WHOLE = ("ngrams.weight",)
"""Tables whose rows are too short for a scale each, and too different for one: rounded as in bf16."""
_BYTES = ("ngrams.owners",)
"""Whole numbers of 0 to 255, stored as such in every precision."""
_LARGEST_HALF = 65504

Floats = npt.NDArray[np.floating[Any]]
Stored = Mapping[str, npt.NDArray[Any]]


def rounded(weights: Mapping[str, Floats], precision: Precision) -> dict[str, Floats]:
    """Weights on the grid of a precision, float32 still; those that lie there do not change."""
    return restored(stored(weights, precision), precision)


def stored(weights: Mapping[str, Floats], precision: Precision) -> dict[str, npt.NDArray[Any]]:
    """What a model folder holds: bf16 as the upper halves of floats, uint16; whole numbers as int8.

    Raises:
        InputError: the weights are not float32, and the precision is another.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    for name, weight in weights.items():
        if name in _BYTES:
            found[name] = weight.astype(np.uint8)
            continue
        if precision == "float32":
            found[name] = weight
            continue
        if weight.dtype != np.float32:
            raise InputError(f"{name} is {weight.dtype}; only float32 weights can be stored as {precision}")
        if precision == "bf16" or name in _NEVER_WHOLE:
            found[name] = _upper_halves(weight)
        elif weight.ndim == 2:
            found[name], found[name + _SCALE] = whole_numbers(weight)
        else:
            found[name] = weight
    return found


def restored(arrays: Stored, precision: Precision) -> dict[str, Floats]:
    """The weights of which these arrays are stored.

    Raises:
        InputError: they are not of the types that the precision stores.
    """
    found: dict[str, Floats] = {}
    floats = np.float64 if any(array.dtype == np.float64 for array in arrays.values()) else np.float32
    for name, array in arrays.items():
        scale = arrays.get(name + _SCALE)
        if name in _BYTES and array.dtype == np.uint8:
            found[name] = array.astype(floats)
        elif array.dtype == np.uint16 and (
            precision == "bf16" or (precision == "int8" and name in _NEVER_WHOLE)
        ):
            found[name] = (array.astype(np.uint32) << 16).view(np.float32)
        elif precision == "int8" and array.dtype == np.int8 and array.ndim == 2 and scale is not None:
            _check_scale(name, scale, len(array))
            found[name] = array.astype(np.float32) * scale[:, None]
        elif precision == "int8" and name.endswith(_SCALE) and name[: -len(_SCALE)] in arrays:
            continue
        elif array.dtype in (np.float32, np.float64) and precision != "bf16":
            found[name] = array
        else:
            raise InputError(f"{name} is {array.dtype} of the shape {array.shape}, which is not {precision}")
    return found


def whole_numbers(rows: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Rows (R, K) as whole numbers of -127 to 127, and what 1 stands for in each row (R,).

    A scale has 17 significant bits, so that 127 times it is a float, and rows that were made of
    whole numbers give the same ones again.
    """
    largest = np.abs(rows).max(axis=1, initial=0)
    bits = (largest / np.float32(_MOST)).view(np.uint32)
    scale = ((bits + 0x7F) & ~np.uint32(0x7F)).view(np.float32)
    scale[largest < _SMALLEST] = 1
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def rounded_state(h: Floats) -> Floats:
    """A recurrent state of -1 to 1 as its product with whole numbers takes it."""
    found: Floats = (np.rint(h.clip(-1, 1) * STATE_STEPS) / STATE_STEPS).astype(h.dtype)
    return found


def half(x: Floats) -> Floats:
    """With 11 significant bits (IEEE 754 binary16), the largest numbers in place of larger ones."""
    return x.clip(-_LARGEST_HALF, _LARGEST_HALF).astype(np.float16).astype(x.dtype)


def _check_scale(name: str, scale: npt.NDArray[Any], rows: int) -> None:
    if scale.dtype != np.float32 or scale.shape != (rows,):
        raise InputError(f"{name}{_SCALE} is {scale.dtype} {scale.shape}, not float32 ({rows},)")


def _upper_halves(weight: Floats) -> npt.NDArray[np.uint16]:
    """The bf16 nearest to each weight, the even one of two."""
    bits = weight.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
