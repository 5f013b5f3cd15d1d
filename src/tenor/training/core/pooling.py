"""What layers made of texts in → pooled vectors, and the way back from their gradients.

The same poolings as ``tenor.pooling``, over whole texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenor.cells import Floats
from tenor.native.training import LayerPass, multiply

Offsets = npt.NDArray[np.int64]

_ENDS = {"last": ("final", "final"), "last_word": ("final", "start")}
"""Which end of its reading the forward and the backward direction give."""


class Pooling:
    """The poolings of one network, joined in the order of its configuration."""

    def __init__(self, names: tuple[str, ...], weights: Mapping[str, Floats]) -> None:
        self._names = names
        self._weights = weights
        self.needs_states, self.needs_total, self.needs_largest = (
            name in names for name in ("attention", "mean", "max")
        )

    def pool(self, passes: Sequence[LayerPass], states: Floats | None, offsets: Offsets) -> Floats:
        """(B, P) from the last layer's directions, and its states (N, S) where ``needs_states``."""
        parts: list[Floats] = []
        for name in self._names:
            if name == "attention":
                assert states is not None
                self._attention = _Attention(self._weights, states, offsets)
                parts.append(self._attention.pooled)
            else:
                parts += [part for one in _ends_of(name) for part in self._parts(one, passes, offsets)]
        return np.concatenate(parts, axis=1)

    def back(
        self, passes: Sequence[LayerPass], d_pooled: Floats, offsets: Offsets, gradients: dict[str, Floats]
    ) -> Floats | None:
        """Give each direction the gradients of what was taken of it.

        Returns:
            (N, S) gradients of the states; None where the poolings take none.
        """
        at, size, d_states = 0, sum(one.hidden for one in passes), None
        for name in self._names:
            for one in _ends_of(name):
                d = d_pooled[:, at : at + size]
                at += size
                if name == "attention":
                    d_states = self._attention.back(d, gradients)
                else:
                    self._give(one, passes, d, offsets)
        return d_states

    def _parts(self, name: str, passes: Sequence[LayerPass], offsets: Offsets) -> list[Floats]:
        if name == "mean":
            return [one.total / _lengths(offsets) for one in passes if one.total is not None]
        if name == "max":
            return [one.largest for one in passes if one.largest is not None]
        ends = ("start", "final") if name == "first" else _ENDS[name]
        return [getattr(one, end) for one, end in zip(passes, ends, strict=False)]

    def _give(self, name: str, passes: Sequence[LayerPass], d: Floats, offsets: Offsets) -> None:
        parts = np.split(d, len(passes), axis=1)
        ends = ("start", "final") if name == "first" else _ENDS.get(name, ())
        for direction, (one, part) in enumerate(zip(passes, parts, strict=True)):
            if name == "mean":
                one.add_gradient("total", np.asarray(part / _lengths(offsets), part.dtype))
            elif name == "max":
                one.add_gradient("largest", part)
            else:
                one.add_gradient(ends[direction], part)


class _Attention:
    """Attention over the words of each text (Yang et al. 2016, 2.2), and its gradients."""

    def __init__(self, weights: Mapping[str, Floats], states: Floats, offsets: Offsets) -> None:
        self._weights, self._states = weights, states
        self._texts = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        self._begins = offsets[:-1][np.diff(offsets) > 0]
        self._filled = np.flatnonzero(np.diff(offsets))
        self._shape = (len(offsets) - 1, states.shape[1])
        self._key = np.tanh(multiply(states, weights["attention.weight"].T, weights["attention.bias"]))
        scores = multiply(self._key, weights["attention.context"][:, None])[:, 0]
        top = self._each(np.maximum, scores[:, None])[self._texts, 0]
        raised = np.exp(scores - top)
        mass = self._each(np.add, raised[:, None])[self._texts, 0]
        self._share = raised / mass  # (N,)
        self.pooled = self._each(np.add, states * self._share[:, None])

    def back(self, d_pooled: Floats, gradients: dict[str, Floats]) -> Floats:
        """(N, S) gradients of the states; those of the weights go into ``gradients``."""
        share, key, weight = self._share, self._key, self._weights["attention.weight"]
        d_text = d_pooled[self._texts]
        d_share = (d_text * self._states).sum(1)
        mean = self._each(np.add, (share * d_share)[:, None])[self._texts, 0]
        d_scores = share * (d_share - mean)
        d_key = d_scores[:, None] * self._weights["attention.context"] * (1 - key * key)
        gradients["attention.context"] = multiply(key.T, d_scores[:, None])[:, 0]
        gradients["attention.weight"] = multiply(d_key.T, self._states)
        gradients["attention.bias"] = d_key.sum(0)
        d_states: Floats = d_text * share[:, None]
        return multiply(d_key, weight, out=d_states, add=True)

    def _each(self, combine: np.ufunc, rows: Floats) -> Floats:
        """(B, W) the rows of each text combined; zeros of an empty one."""
        found = np.zeros((self._shape[0], rows.shape[1]), rows.dtype)
        if len(self._begins):
            found[self._filled] = combine.reduceat(rows, self._begins, axis=0)
        return found


def _ends_of(name: str) -> tuple[str, ...]:
    """``first_last`` is two parts, each of all directions."""
    return ("first", "last_word") if name == "first_last" else (name,)


def _lengths(offsets: Offsets) -> Floats:
    return np.maximum(np.diff(offsets), 1).astype(np.float32)[:, None]
