"""A model and labelled texts in → a smaller model, and what that cost."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tenor import artifact
from tenor.classifier import TextClassifier
from tenor.config import Precision
from tenor.data.examples import Example
from tenor.errors import ArtifactError, InputError
from tenor.evaluation import logits_of, targets_of
from tenor.model import Model
from tenor.precision import PRECISIONS
from tenor.prediction import label_ids
from tenor.vocabulary import Vocabulary

MOST_CHANGED: dict[Precision, float] = {"float32": 0.003, "bf16": 0.001, "int8": 0.003}
"""Share of held-out labels that may change, unless more is allowed."""

_NOTE_BYTES = 2_000
"""What the note of the compression takes in a folder, at most."""
_SMALLEST_WORDS = 100

_TITLE = "\n## Made smaller\n\n"

Labels = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """A smaller model, and how it does beside the one that it was made of."""

    model: Model
    size_bytes: int
    """Of its folder."""
    words: int
    """That it knows, special tokens not counted."""
    changed: int
    """Held-out texts that got another label."""
    accuracy: float
    """Share of right labels on the held-out texts, 0 to 1."""


class Compressor:
    """A model, and labelled texts that it was not trained on, to see what it loses."""

    def __init__(
        self,
        classifier: TextClassifier,
        examples: Sequence[Example],
        *,
        name: str,
        on_chunk: Callable[[int], object] | None = None,
    ) -> None:
        """Read the texts with the model as it is.

        Args:
            classifier: the model.
            examples: the held-out texts.
            name: of the texts, for the note in the folder.
            on_chunk: called as texts are read, with their number, here and for each smaller model;
                None calls nothing.

        Raises:
            DataError: there are no texts, or one has a label that the model does not know.
        """
        self.name = name
        self.texts = len(examples)
        self._model = classifier.model
        self._targets = targets_of(classifier, examples)
        self._examples = examples
        self._on_chunk = on_chunk
        self._given = self._labels(classifier)
        self.original = self._measured(classifier, self._given, has_note=False)

    def compressed(self, precision: Precision, *, words: int | None = None) -> Compressed:
        """The model at a precision, with the first so many words of its vocabulary; None keeps all."""
        return self._at(self._model if words is None else with_words(self._model, words), precision)

    def fitting(self, precision: Precision, max_bytes: int) -> Compressed:
        """The model at a precision, with as many words as fit into a folder of so many bytes.

        Where a model without words has too many n-grams, half of their rows go, until it fits.

        Raises:
            InputError: not even a model without either does.
        """
        given = self._model

        def size(words: int) -> int:
            model = with_words(given, words).at(precision)
            return artifact.size_bytes(model, TextClassifier(model).self_test()) + _NOTE_BYTES

        every = num_words(self._model)
        least = size(0)
        while least > max_bytes and given.config.ngrams % 2 == 0 < given.config.ngrams:
            given = with_half_of_the_ngrams(given)
            least = size(0)
        if least > max_bytes:
            raise InputError(
                f"without any word the {precision} model has {least:,} bytes, more than {max_bytes:,}; "
                "allow more, take another precision, or train a smaller one"
            )
        fits = bisect.bisect_right(range(every + 1), max_bytes, key=size) - 1
        return self._at(given if fits == every else with_words(given, fits), precision)

    def curve(self, most: int) -> Iterator[Compressed]:
        """Every precision, with all words, half of them, a quarter: at most so many."""
        every = num_words(self._model)
        counts = [every >> n for n in range(most) if n == 0 or every >> n >= _SMALLEST_WORDS]
        for precision in PRECISIONS:
            for words in counts:
                yield self.compressed(precision, words=words)

    def noted(self, found: Compressed) -> Model:
        """The model with a note of what it was made of and what it lost, in its record and its card."""
        note: dict[str, Any] = {
            "precision": found.model.precision,
            "words": found.words,
            "words_before": self.original.words,
            "held_out": {
                "name": self.name,
                "texts": self.texts,
                "labels_changed": found.changed,
                "accuracy": found.accuracy,
                "accuracy_before": self.original.accuracy,
            },
        }
        section = (
            f"This model is stored as {found.model.precision}, with {found.words:,} of its "
            f"{self.original.words:,} words. Of {self.texts:,} held-out texts {found.changed:,} got "
            f"another label than from the model it was made of; {found.accuracy:.4f} were right, "
            f"{self.original.accuracy:.4f} before. What stands above was measured before.\n"
        )
        record = {**self._model.record, "compressed": note}
        card = self._model.card.partition(_TITLE)[0] + _TITLE + section
        return replace(found.model, record=record, card=card)

    def check(self, found: Compressed, most_changed: float) -> None:
        """Refuse a model that changes more labels than are allowed.

        Raises:
            ArtifactError: it does; the message has the numbers.
        """
        if found.changed <= most_changed * self.texts:
            return
        share = found.changed / self.texts
        raise ArtifactError(
            f"nothing was written: {found.changed:,} of {self.texts:,} held-out labels change ({share:.2%}), "
            f"and {most_changed:.2%} may. With {found.words:,} words in {found.size_bytes / 1e6:.2f} MB the "
            f"accuracy goes from {self.original.accuracy:.4f} to {found.accuracy:.4f}. Take it all the same "
            f"with --max-changed {share + 0.00005:.4f}, or allow a larger size"
        )

    def _at(self, model: Model, precision: Precision) -> Compressed:
        classifier = TextClassifier(model.at(precision))
        return self._measured(classifier, self._labels(classifier), has_note=True)

    def _measured(self, classifier: TextClassifier, labels: Labels, *, has_note: bool) -> Compressed:
        model = classifier.model
        found = Compressed(
            model=model,
            size_bytes=0,
            words=num_words(model),
            changed=int((labels != self._given).sum()),
            accuracy=float((labels == self._targets).mean()),
        )
        written = self.noted(found) if has_note else model
        return replace(found, size_bytes=artifact.size_bytes(written, classifier.self_test()))

    def _labels(self, classifier: TextClassifier) -> Labels:
        return label_ids(logits_of(classifier, self._examples, self._on_chunk))


def num_words(model: Model) -> int:
    """How many words a model knows, special tokens not counted."""
    return len(model.vocabulary) - len(model.vocabulary.config.special_tokens)


def with_words(model: Model, count: int) -> Model:
    """The model with the special tokens and the first words of its vocabulary, the frequent ones."""
    vocabulary = model.vocabulary
    special = set(vocabulary.config.special_tokens)
    words = [token for token in vocabulary.tokens if token not in special][:count]
    kept = special.union(words)
    ids = [i for i, token in enumerate(vocabulary.tokens) if token in kept]
    embedding = model.weights["embedding.weight"][ids]
    return replace(
        model,
        vocabulary=Vocabulary([vocabulary.tokens[i] for i in ids], vocabulary.config),
        weights={**model.weights, "embedding.weight": embedding},
    )


def with_half_of_the_ngrams(model: Model) -> Model:
    """The model with half as many rows of n-grams: of two that fall on one, the one that says more stays."""
    weight = model.weights["ngrams.weight"].reshape(-1, 2, model.weights["ngrams.weight"].shape[1])
    owners = model.weights["ngrams.owners"].reshape(-1, 2)
    said = np.where(owners > 0, np.abs(weight).max(axis=2), -1)
    stays = said.argmax(axis=1)
    rows = np.arange(len(stays))
    return replace(
        model,
        config=replace(model.config, ngrams=len(stays)),
        weights={**model.weights, "ngrams.weight": weight[rows, stays], "ngrams.owners": owners[rows, stays]},
    )
