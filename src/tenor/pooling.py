"""What the last layer made of texts in → one vector a text, or one after every word.

A pooling is a fold: a start, and one step a word. Layers keep the folds that most poolings need
while they read, in the same order, so reading word by word and pooling a whole text give the same
bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import Walk
from tenor.cells import Floats, rows_matmul
from tenor.encoder import Encoded, Summary

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
    whole: Callable[[Sequence[Summary], Floats], Floats] | None = None
    """(the last layer's summaries by direction, lengths (B, 1)) → (B, P) of whole texts; None where
    the states themselves are needed."""
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


def _ends(summaries: Sequence[Summary]) -> tuple[Floats, Floats]:
    """(B, S) states at the first and at the last word of each text."""
    forward, *backward = summaries
    first = [forward.start, *(summary.final.h for summary in backward)]
    last = [forward.final.h, *(summary.start for summary in backward)]
    return np.concatenate(first, axis=1), np.concatenate(last, axis=1)


def _whole_last(summaries: Sequence[Summary], lengths: Floats) -> Floats:
    return np.concatenate([summary.final.h for summary in summaries], axis=1)


def _whole_last_word(summaries: Sequence[Summary], lengths: Floats) -> Floats:
    return _ends(summaries)[1]


def _whole_first_last(summaries: Sequence[Summary], lengths: Floats) -> Floats:
    return np.concatenate(_ends(summaries), axis=1)


def _whole_mean(summaries: Sequence[Summary], lengths: Floats) -> Floats:
    total = np.concatenate([summary.total for summary in summaries], axis=1)
    return np.asarray(total / np.maximum(lengths, 1))


def _whole_max(summaries: Sequence[Summary], lengths: Floats) -> Floats:
    return np.concatenate([summary.largest for summary in summaries], axis=1)


POOLINGS: dict[str, Pooling] = {
    "last": Pooling(_only, _last_more, lambda memory: memory[0], _whole_last),
    "last_word": Pooling(_only, _last_more, lambda memory: memory[0], _whole_last_word),
    "first_last": Pooling(
        lambda h, weights: (h, h),
        lambda memory, h, weights: (memory[0], h),
        lambda memory: np.concatenate(memory, axis=1),
        _whole_first_last,
        width=2,
    ),
    "mean": Pooling(_mean_first, _mean_more, lambda memory: memory[0] / memory[1], _whole_mean),
    "max": Pooling(_only, _max_more, lambda memory: memory[0], _whole_max),
    # Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", 2.2
    "attention": Pooling(_attention_first, _attention_more, lambda memory: memory[0] / memory[1]),
}
"""Every pooling by its name. Word by word, ``last`` of a backward direction is handled in ``Pooler``;
``last_word`` takes what that direction has at the last word, which is the first that it reads."""


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
        self.needs_states = any(pooling.whole is None for pooling in self.poolings)
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

    def pool(self, encoded: Encoded, offsets: npt.NDArray[np.int64]) -> Floats:
        """Pool whole texts.

        Args:
            encoded: what the layers made of them, with states where ``needs_states``.
            offsets: (B+1,) where each text begins.

        Returns:
            (B, P); an empty text has a vector of zeros.
        """
        summaries = encoded.summaries[-1]
        lengths = np.diff(offsets)[:, None].astype(summaries[0].start.dtype)
        return np.concatenate(
            [
                pooling.whole(summaries, lengths)
                if pooling.whole
                else self._fold(pooling, _states(encoded), offsets)
                for pooling in self.poolings
            ],
            axis=1,
        )

    def _fold(self, pooling: Pooling, states: Floats, offsets: npt.NDArray[np.int64]) -> Floats:
        """(B, P) of one pooling, from the states (N, S) of all texts."""
        walk = Walk(offsets)
        pooled = np.zeros((len(offsets) - 1, states.shape[1] * pooling.width), states.dtype)
        memory: Memory = ()
        before = 0
        for indices in walk.steps():
            active = len(indices)
            if not before:
                memory = pooling.first(states[indices], self._weights)
            else:
                if active < before:
                    pooled[active:before] = pooling.vector(tuple(part[active:] for part in memory))
                    memory = tuple(part[:active] for part in memory)
                memory = pooling.more(memory, states[indices], self._weights)
            before = active
        if before:
            pooled[:before] = pooling.vector(memory)
        return walk.restore(pooled)

    def prefixes(self, states: Floats) -> Iterator[Floats]:
        """(1, P) after each word of one text with states (T, S)."""
        memory: list[Memory] | None = None
        for t in range(len(states)):
            memory = self.step(memory, states[t : t + 1])
            yield self.vector(memory)


def _states(encoded: Encoded) -> Floats:
    assert encoded.states is not None
    return encoded.states
