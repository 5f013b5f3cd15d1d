"""Texts as tokens → word vectors learnt from them alone, by skip-gram with negative sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tenor.data.vectors import WordVectors
from tenor.errors import DataError, UnsupportedError


@dataclass(frozen=True, kw_only=True)
class SkipGram:
    """How vectors are learnt.

    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases".
    """

    size: int = 100
    """E: width of a vector."""
    window: int = 5
    """Words on either side that a word is to foretell."""
    negative: int = 5
    """Words drawn at random for each right one."""
    min_count: int = 2
    """Words seen fewer times get no vector."""
    epochs: int = 10
    """Passes over the texts."""
    seed: int = 0
    """Where all random choices come from."""


def learn_vectors(
    texts: Iterable[list[str]], settings: SkipGram, *, on_epoch: Callable[[int], object] | None = None
) -> WordVectors:
    """Learn vectors with gensim, on one thread: the same texts and seed give the same vectors.

    Args:
        texts: the tokens of each text.
        settings: how.
        on_epoch: called with the number of each pass once it is done.

    Returns:
        The words, most frequent first.

    Raises:
        UnsupportedError: gensim is not installed.
        DataError: no word comes ``min_count`` times.
    """
    try:
        from gensim.models import Word2Vec
        from gensim.models.callbacks import CallbackAny2Vec
    except ImportError as error:
        raise UnsupportedError(
            "learning word vectors needs gensim, which is not installed; type: pip install 'tenor[skipgram]'"
        ) from error

    class Told(CallbackAny2Vec):  # type: ignore[misc]
        """Counts the passes."""

        def __init__(self) -> None:
            self.done = 0

        def on_epoch_end(self, model: object) -> None:
            """One pass more."""
            del model
            self.done += 1
            if on_epoch is not None:
                on_epoch(self.done)

    sentences = [tokens for tokens in texts if tokens]
    if not sentences:
        raise DataError("there is no text with a word in it to learn from; check the file and its column")
    model = Word2Vec(
        vector_size=settings.size, window=settings.window, negative=settings.negative, sg=1, workers=1,
        min_count=settings.min_count, epochs=settings.epochs, seed=settings.seed,
    )  # fmt: skip
    model.build_vocab(sentences)
    if not len(model.wv):
        raise DataError(
            f"no word of the {len(sentences):,} texts comes {settings.min_count} times; set --min-count 1"
        )
    model.train(sentences, total_examples=model.corpus_count, epochs=model.epochs, callbacks=[Told()])
    return WordVectors(words=tuple(model.wv.index_to_key), matrix=np.asarray(model.wv.vectors, np.float32))


def spell_vectors(vectors: WordVectors) -> str:
    """The lines of a ``.vec`` file: ``V E``, then a word and its numbers a line."""
    lines = [f"{len(vectors.words)} {vectors.matrix.shape[1]}"]
    for word, row in zip(vectors.words, vectors.matrix, strict=True):
        lines.append(" ".join([word, *(f"{number:.6g}" for number in row)]))
    return "\n".join(lines) + "\n"


def neighbours(vectors: WordVectors, word: str, count: int) -> list[tuple[str, float]]:
    """The words whose vectors point most nearly the same way, with the cosine, 1 for the same.

    Raises:
        DataError: the word has no vector, or a vector of zeros.
    """
    if word not in vectors.words:
        from tenor.section import closest

        raise DataError(
            f"{word!r} has no vector{closest(word, vectors.words)}; there are {len(vectors.words):,}"
        )
    lengths = np.linalg.norm(vectors.matrix, axis=1)
    place = vectors.words.index(word)
    if not lengths[place]:
        raise DataError(f"the vector of {word!r} is all zeros, which points nowhere")
    cosines = (vectors.matrix @ vectors.matrix[place]) / np.maximum(lengths, 1e-30) / lengths[place]
    order = [other for other in np.argsort(-cosines, kind="stable") if other != place][:count]
    return [(vectors.words[other], float(cosines[other])) for other in order]
