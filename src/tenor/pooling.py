"""States of the last layer in → one vector a text, or one after every word.

A pooling is a fold: a start, and one step a word. Reading word by word and pooling a whole text
are therefore the same computation, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import Walk
from tenor.cells import Floats, rows_matmul

Memory = tuple[Floats, ...]
"""What a pooling remembers of the words so far: arrays (B, …)."""


class Pooling(NamedTuple):
    """One way to make a vector out of states h (B, S), where S = D*H."""

    first: Callable[[Floats, Mapping[str, Floats]], Memory]
    """(h of the first word, weights) → memory."""
    more: Callable[[Memory, Floats, Mapping[str, Floats]], Memory]
    """(memory, h of the next word, weights) → memory."""
    vector: Callable[[Memory], Floats]
    """memory → (B, P) the vector of the words so far."""
    width: int = 1
    """P / S."""


def _last_more(memory: Memory, h: Floats, weights: Mapping[str, Floats]) -> Memory:
    return (h,)


def _mean_first(h: Floats, weights: Mapping[str, Floats]) -> Memory:
    return h, np.ones((len(h), 1), h.dtype)


def _mean_more(memory: Memory, h: Floats, weights: Mapping[str, Floats]) -> Memory:
    total, count = memory
    return total + h, count + 1


def _max_more(memory: Memory, h: Floats, weights: Mapping[str, Floats]) -> Memory:
    return (np.maximum(memory[0], h),)


def _attention_score(h: Floats, weights: Mapping[str, Floats]) -> Floats:
    """(B, 1) how much a state is looked at, before the softmax."""
    key = np.tanh(rows_matmul(h, weights["attention.weight"]) + weights["attention.bias"])
    return rows_matmul(key, weights["attention.context"][None])


def _attention_first(h: Floats, weights: Mapping[str, Floats]) -> Memory:
    score = _attention_score(h, weights)
    return h, np.ones_like(score), score


def _attention_more(memory: Memory, h: Floats, weights: Mapping[str, Floats]) -> Memory:
    """The softmax kept up word by word: sums relative to the highest score so far."""
    total, mass, highest = memory
    score = _attention_score(h, weights)
    top = np.maximum(highest, score)
    fade, weight = np.exp(highest - top), np.exp(score - top)
    return total * fade + h * weight, mass * fade + weight, top


def _only(h: Floats, weights: Mapping[str, Floats]) -> Memory:
    return (h,)


POOLINGS: dict[str, Pooling] = {
    "last": Pooling(_only, _last_more, lambda memory: memory[0]),
    "last_word": Pooling(_only, _last_more, lambda memory: memory[0]),
    "first_last": Pooling(
        lambda h, weights: (h, h),
        lambda memory, h, weights: (memory[0], h),
        lambda memory: np.concatenate(memory, axis=1),
        width=2,
    ),
    "mean": Pooling(_mean_first, _mean_more, lambda memory: memory[0] / memory[1]),
    "max": Pooling(_only, _max_more, lambda memory: memory[0]),
    # Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", 2.2
    "attention": Pooling(_attention_first, _attention_more, lambda memory: memory[0] / memory[1]),
}
"""Every pooling by its name. ``last`` of a backward direction is handled in ``Pooler``; ``last_word`` takes
what that direction has at the last word, which is the first that it reads."""


class Pooler:
    """The poolings of one model, joined in the order of its configuration."""

    def __init__(
        self, names: tuple[str, ...], state_size: int, directions: int, weights: Mapping[str, Floats]
    ) -> None:
        """Take names of poolings, S = D*H and D, and the weights, where attention finds its own."""
        self.poolings = [POOLINGS[name] for name in names]
        self._weights = weights
        self._turns_back = [name == "last" and directions == 2 for name in names]
        self._half = state_size // directions
        self.width = state_size * sum(pooling.width for pooling in self.poolings)

    def step(self, memory: list[Memory] | None, h: Floats) -> list[Memory]:
        """Take in one more word's states h (B, S); ``memory`` None before the first."""
        if memory is None:
            return [pooling.first(h, self._weights) for pooling in self.poolings]
        more = []
        for pooling, kept, turns_back in zip(self.poolings, memory, self._turns_back, strict=True):
            seen = h
            if turns_back:  # the backward direction read the first word last
                seen = np.concatenate([h[:, : self._half], kept[0][:, self._half :]], axis=1)
            more.append(pooling.more(kept, seen, self._weights))
        return more

    def vector(self, memory: list[Memory]) -> Floats:
        """(B, P) the pooled vector of the words so far."""
        parts = [pooling.vector(m) for pooling, m in zip(self.poolings, memory, strict=True)]
        return np.concatenate(parts, axis=1)

    def pool(self, states: Floats, offsets: npt.NDArray[np.int64]) -> Floats:
        """Pool whole texts.

        Args:
            states: (N, S) of all texts, end to end.
            offsets: (B+1,) where each text begins.

        Returns:
            (B, P); an empty text has a vector of zeros.
        """
        walk = Walk(offsets)
        pooled = np.zeros((len(offsets) - 1, self.width), states.dtype)
        memory: list[Memory] | None = None
        for indices in walk.steps():
            if memory is not None and len(indices) < len(memory[0][0]):
                pooled[len(indices) : len(memory[0][0])] = self.vector(
                    [tuple(part[len(indices) :] for part in kept) for kept in memory]
                )
                memory = [tuple(part[: len(indices)] for part in kept) for kept in memory]
            memory = self.step(memory, states[indices])
        if memory is not None:
            pooled[: len(memory[0][0])] = self.vector(memory)
        return walk.restore(pooled)

    def prefixes(self, states: Floats) -> Iterator[Floats]:
        """(1, P) after each word of one text with states (T, S)."""
        memory: list[Memory] | None = None
        for t in range(len(states)):
            memory = self.step(memory, states[t : t + 1])
            yield self.vector(memory)
