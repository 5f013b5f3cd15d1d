"""What a model thought after each word: the record that ``TextClassifier.read`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tenor.cells import State
from tenor.errors import InputError
from tenor.ngrams import NgramState
from tenor.pooling import Memory
from tenor.section import listed
from tenor.tokenizer import Token


@dataclass(frozen=True, kw_only=True)
class ReadWord:
    """One word and what the model thought once it had read it."""

    token: Token
    """The word, with its place in the original text."""
    known: bool
    """Whether the word is in the vocabulary."""
    probabilities: dict[str, float]
    """Label → probability after this word."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text read word by word."""

    text: str
    before: dict[str, float]
    """Label → probability before any word."""
    words: tuple[ReadWord, ...]
    """In the order of reading; empty for a text without words."""
    truncated: bool
    """Whether the text was longer than the model reads."""

    @property
    def label(self) -> str:
        """The label after the last word, as ``predict`` gives it (but for exact ties)."""
        after = self.words[-1].probabilities if self.words else self.before
        return max(reversed(after), key=lambda label: after[label])

    def effects(self, label: str) -> list[float]:
        """Change of a label's probability as each word was read.

        They add up to the final probability minus the one before any word. Order matters: a word
        is credited given what came before it.

        Raises:
            InputError: the model has no such label.
        """
        if label not in self.before:
            raise InputError(f"no label {label!r}; there are {listed(self.before)}")
        curve = [self.before[label], *(word.probabilities[label] for word in self.words)]
        return [after - before for before, after in zip(curve, curve[1:], strict=False)]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        return {
            "text": self.text,
            "label": self.label,
            "before": self.before,
            "words": [
                {
                    "token": word.token.text,
                    "start": word.token.start,
                    "end": word.token.end,
                    "known": word.known,
                    "probabilities": word.probabilities,
                }
                for word in self.words
            ],
            "truncated": self.truncated,
        }


class ReadingState(NamedTuple):
    """All that reading on needs to know of the words so far; never changed, so it can be kept."""

    layers: list[list[State]]
    """For each layer and direction the recurrent state, (1, H) arrays."""
    memory: list[Memory] | None
    """What each pooling remembers; None before the first word."""
    ngrams: NgramState | None
    """What is known of its n-grams; None where the model scores none."""
    probabilities: dict[str, float]
    """Label → probability after the words so far."""
