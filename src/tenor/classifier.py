"""Texts in → labels, probabilities, or what the model thought after each word."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenor import artifact
from tenor.batching import Batch, Ids, join
from tenor.cells import Floats, State
from tenor.encoder import Runtime, computes_in_core
from tenor.errors import ArtifactError, InputError, UnsupportedError
from tenor.indexing import Indexer
from tenor.model import Model
from tenor.prediction import Prediction, predictions, probabilities
from tenor.reading import Reading, ReadingState, ReadWord
from tenor.scorer import Scorer
from tenor.spelled import words_of
from tenor.tokenizer import Token, Tokenizer

PRETRAINED = Path(__file__).parent / "pretrained" / "imdb"
"""The model inside the package: English film reviews, ``negative`` or ``positive``."""

_SELF_TEST_TEXT = "This film is not bad: it is the best I have seen this year."
_SELF_TEST_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """A text as the last recurrent layer sees it."""

    tokens: tuple[Token, ...]
    """T tokens that were read."""
    token_ids: tuple[int, ...]
    """Their T ids."""
    states: Floats
    """(T, D*H) state after every word, directions side by side."""
    final_states: list[list[State]]
    """For each layer and direction the state, (1, H) arrays, after the last word it read."""


class TextClassifier:
    """A trained model, ready to read. Holds nothing of the texts it was given.

    Calls are safe from several threads at once. A result depends on the text and the model
    alone: not on the other texts of a call, their order, or the number of threads.
    """

    def __init__(
        self,
        model: Model,
        *,
        runtime: Runtime = "auto",
        network: Callable[[Batch], Floats] | None = None,
    ) -> None:
        """Prepare a model.

        Args:
            model: settings, vocabulary, labels and weights.
            runtime: ``"native"`` computes in the compiled core, ``"numpy"`` in the reference;
                ``"auto"`` takes the core for what it can compute.
            network: computes whole texts instead: logits (B, C), without what n-grams add. See
                ``tenor.training.on_gpu``.

        Raises:
            UnsupportedError: ``"native"`` was asked for and cannot compute this model.
        """
        self.model, self._runtime, self._network = model, runtime, network
        self.labels = model.labels
        self.tokenizer = Tokenizer(model.tokenizer)
        in_core = computes_in_core(model.weights, runtime)
        self._indexer = Indexer(
            model.tokenizer, model.vocabulary, spells=model.config.spells, in_core=in_core
        )
        self._scorer = Scorer(
            model.config,
            model.weights,
            precision=model.precision,
            runtime=runtime,
            reader=self._indexer.reader,
            network=network,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, *, runtime: Runtime = "auto") -> TextClassifier:
        """Load a model folder; without a path, the model inside the package.

        Raises:
            ArtifactError: the folder is not there, damaged, or computes other probabilities here
                than where it was saved.
        """
        folder = PRETRAINED if path is None else Path(path)
        model, test = artifact.read(folder)
        with np.errstate(all="ignore"):  # what overflows fails the test
            classifier = cls(model, runtime=runtime)
            found = classifier.predict_proba([test.text])[0]
        if len(found) != len(test.probabilities) or not np.allclose(
            found, test.probabilities, rtol=0, atol=_SELF_TEST_TOLERANCE
        ):
            raise ArtifactError(
                f"{folder} fails its self-test: {test.text!r} gives {reprlib.repr(found.tolist())}, and "
                f"gave {reprlib.repr(test.probabilities)} (manifest.json) when it was saved; copy the "
                "folder again"
            )
        return classifier

    def __reduce__(self) -> tuple[Callable[[Model], TextClassifier], tuple[Model]]:
        """For ``pickle`` and ``copy``: the model, prepared anew where it is taken up."""
        return partial(type(self), runtime=self._runtime, network=self._network), (self.model,)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write a model folder: whole, or not at all.

        Raises:
            ArtifactError: a folder is there and ``force`` is false, or writing failed.
        """
        artifact.write(self.model, path, self.self_test(), force=force)

    def self_test(self) -> artifact.SelfTest:
        """What a model folder keeps to see, when it is loaded, that it still computes the same."""
        found = self.predict_proba([_SELF_TEST_TEXT])[0].tolist()
        return artifact.SelfTest(_SELF_TEST_TEXT, found)

    @property
    def runtime(self) -> str:
        """What computes the recurrent layers: ``"native"`` or ``"numpy"``."""
        return self._scorer.encoder.runtime

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Classify texts: tokens → ids → batch → word vectors → states → logits → labels.

        A text without words gets the label that the model holds before reading: the same for all
        of them, however they are empty.

        Raises:
            InputError: ``texts`` is not a list of strings.
        """
        scores, truncated = self._read(texts)
        return predictions(scores, self.labels, truncated.tolist())

    def predict_proba(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probabilities (B, C) of texts; columns in the order of ``labels``, rows sum to 1."""
        return probabilities(self.predict_logits(texts))

    def predict_logits(self, texts: Sequence[str]) -> Floats:
        """Logits (B, C) of texts, or (B, 1) of a two-label model with one logit."""
        return self._read(texts)[0]

    def read(self, text: str) -> Reading:
        """Say what the model thought after each word.

        A one-directional model reads the text once. A bidirectional one has to read each of the
        T beginnings of the text anew: T / 2 times the work of ``predict``.

        Raises:
            InputError: ``text`` is not a string.
        """
        tokens, token_ids, truncated = self._tokens(text)
        if self.model.config.bidirectional:
            # Its beginnings are views: lists would take T * T / 2 places.
            ends = [*np.flatnonzero(token_ids >= 0).tolist(), len(token_ids)]
            scores = self.logits_of([token_ids[:end] for end in ends])
        else:
            scores = self._scorer.prefix_logits(join([token_ids]))
        before, *after = self._named(scores)
        return Reading(
            text=text,
            before=before,
            words=tuple(
                ReadWord(token=token, known=self._is_known(token), probabilities=p)
                for token, p in zip(tokens, after, strict=True)
            ),
            truncated=truncated,
        )

    def encode(self, text: str) -> Encoding:
        """The recurrent states of a text: after every word, and each layer's last.

        Raises:
            InputError: ``text`` is not a string.
        """
        tokens, token_ids, _ = self._tokens(text)
        words = words_of(join([token_ids]))
        encoded = self._scorer.encoder.encode(words.token_ids, words.offsets)
        assert encoded.states is not None
        return Encoding(
            tokens=tuple(tokens),
            token_ids=tuple(words.token_ids.tolist()),
            states=encoded.states,
            final_states=encoded.final_states,
        )

    def begin(self) -> ReadingState:
        """The state before any word, for ``step``.

        Raises:
            UnsupportedError: the model is bidirectional, or fills texts up.
        """
        if self.model.config.bidirectional:
            raise UnsupportedError(
                "a bidirectional model reads from the end as well, so it cannot be fed word by "
                "word; use read(text), or train one with bidirectional = false"
            )
        config = self.model.vocabulary.config
        if config.fill_to is not None:
            raise UnsupportedError(
                f"this model fills texts up to {config.fill_to} tokens, so it cannot be fed word by word; "
                "use read(text)"
            )
        zeros = self._scorer.encoder.zero_states(1)
        before = self._named(self.logits_of([[]]))[0]
        state = ReadingState(zeros, None, self._scorer.begin_ngrams(), before)
        return state if config.start_token is None else self._step_special(state, config.start_token)

    def end(self, state: ReadingState) -> ReadingState:
        """Read the end of the text, for which some models have a token of their own.

        Returns:
            The state with which ``predict`` answers; of a model without such a token, the same.
        """
        token = self.model.vocabulary.config.end_token
        return state if token is None else self._step_special(state, token)

    def step(self, state: ReadingState, word: str) -> ReadingState:
        """Read one more word.

        Args:
            state: from ``begin`` or an earlier ``step``; not changed, so it can be continued from
                again.
            word: one token, such as ``"great"`` or ``"!"``.

        Returns:
            The new state, with the label probabilities after this word. After the words of a text,
            and its ``end``, they are those of ``read(text)`` and ``predict([text])``, to the bit.

        Raises:
            InputError: the word is no token or several.
        """
        tokens = self.tokenizer.tokens(_string(word))
        if len(tokens) != 1:
            raise InputError(
                f"step reads one token at a time, and {word!r} has {len(tokens)}: {tokens}; call "
                "it once for each"
            )
        return self._step_ids(state, self._indexer.ids_of(tokens))

    def _step_special(self, state: ReadingState, special: str) -> ReadingState:
        return self._step_ids(state, [self.model.vocabulary.special_id(special)])

    def _step_ids(self, state: ReadingState, token_ids: list[int]) -> ReadingState:
        """Read one word, its characters after it if it is spelled out."""
        ids, offsets = np.array(token_ids, np.int32), np.array([0, 1])
        encoded = self._scorer.encoder.encode(ids[:1], offsets, initial=state.layers)
        assert encoded.states is not None
        memory = self._scorer.pooler.step(state.memory, encoded.states)
        scores, ngrams = self._scorer.step(memory, state.ngrams, ids)
        return ReadingState(encoded.final_states, memory, ngrams, self._named(scores)[0])

    def _read(self, texts: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Logits (B, C) of texts, and (B,) whether each was longer than the model reads."""
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            one = isinstance(texts, str)
            cure = "predict([text])" if one else "predict(list(texts)), or texts.tolist() of an array"
            raise InputError(f"texts is a {type(texts).__name__}; it must be a list of strings: {cure}")
        for text in texts:
            _string(text)
        if self._scorer.whole is not None and self._indexer.reader is not None:
            return self._scorer.whole.read(texts)
        indexed = self._indexer.index(texts)
        return self._scorer.logits(indexed.batch), indexed.truncated

    def _tokens(self, text: str) -> tuple[list[Token], npt.NDArray[np.int32], bool]:
        """All that is read of a text; tokens that are not of the text have no width in it.

        Returns:
            Its T tokens; their ids, unknown words spelled out if the model scores their parts; and
            whether the text was longer.
        """
        vocabulary = self.model.vocabulary
        tokens = self.tokenizer.tokenize(_string(text))
        kept = self.tokenizer.truncate(tokens)
        ids = self._indexer.ids_of(token.text for token in kept)
        token_ids = np.array(vocabulary.frame(ids), np.int32)
        words = token_ids[token_ids >= 0].tolist()
        begins = vocabulary.config.start_token is not None
        added = [Token(vocabulary.tokens[i], len(text), len(text)) for i in words[begins + len(kept) :]]
        start = [Token(vocabulary.tokens[i], 0, 0) for i in words[:begins]]
        return [*start, *kept, *added], token_ids, len(kept) < len(tokens)

    def _is_known(self, token: Token) -> bool:
        return token.start == token.end or token.text in self.model.vocabulary

    def logits_of(self, token_ids: Sequence[Ids]) -> Floats:
        """Logits (B, C) of B texts given as token ids, among them characters as ``tenor.spelled`` says."""
        return self._scorer.logits(join(token_ids))

    def _named(self, scores: Floats) -> list[dict[str, float]]:
        rows = probabilities(scores).tolist()
        return [dict(zip(self.labels, row, strict=True)) for row in rows]


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"a text is {text!r}, of type {type(text).__name__}; it must be a string")
    return text
