"""Token ids in → logits: layers, pooling, head and n-grams, in the runtime that computes here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tenor.batching import Batch, chunks, pick
from tenor.cells import Floats
from tenor.config import ModelConfig, Precision
from tenor.encoder import Encoder, Runtime, TokenIds
from tenor.head import logits
from tenor.native import PreparedModel, PreparedReader
from tenor.ngrams import Ngrams, NgramState
from tenor.pooling import Memory, Pooler
from tenor.spelled import words_of

_CHUNK_TEXTS = 512
_CHUNK_TOKENS = 32_768


class Scorer:
    """The network of one model. Stateless between calls."""

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, Floats],
        *,
        precision: Precision = "float32",
        runtime: Runtime = "auto",
        reader: PreparedReader | None = None,
        network: Callable[[Batch], Floats] | None = None,
    ) -> None:
        """Take the weights, on the grid of their precision, by their names in the model folder.

        Args:
            config: shape of the network.
            weights: name → array.
            precision: how exactly is computed.
            runtime: as for ``TextClassifier``.
            reader: of texts in the core, for ``whole``.
            network: as for ``TextClassifier``.

        Raises:
            UnsupportedError: ``runtime="native"`` and the core cannot compute this model.
        """
        self._weights = weights
        self._network = network or self._of_layers
        self._ngrams = Ngrams.of(config, weights)
        self.encoder = Encoder(config, weights, precision=precision, runtime=runtime)
        state_size = config.hidden_sizes[-1] * config.directions
        self.pooler = Pooler(config.pooling, state_size, config.directions, weights)
        self.core: PreparedModel | None = None
        layers = self.encoder.prepared
        if layers is not None:
            poolings = () if self.pooler.needs_states else config.pooling
            self.core = PreparedModel(
                layers,
                poolings,
                weights,
                ngram_order=config.ngram_order,
                char_ngrams=config.char_ngrams if config.spells else 0,
                reader=reader,
            )
        self.whole = None if self.pooler.needs_states or network else self.core
        """The same in one call of the core, the pooling too; None where that cannot be."""

    def logits(self, batch: Batch) -> Floats:
        """Logits (B, C) of texts, computed in chunks of similar length."""
        if self.whole is not None:
            return self.whole.read_ids(batch.token_ids, batch.offsets)
        bias = self._weights["head.bias"]
        found = np.empty((len(batch.offsets) - 1, len(bias)), bias.dtype)
        for chunk in chunks(np.diff(batch.offsets), max_texts=_CHUNK_TEXTS, max_tokens=_CHUNK_TOKENS):
            part = pick(batch, chunk)
            found[chunk] = self._network(words_of(part))
            if self._ngrams is not None:
                found[chunk] += self._ngrams.scores(part)
        return found

    def _of_layers(self, words: Batch) -> Floats:
        """Logits (B, C) without what n-grams add."""
        encoded = self.encoder.encode(words.token_ids, words.offsets, states=self.pooler.needs_states)
        return self.head(self.pooler.pool(encoded, words.offsets))

    def prefix_logits(self, batch: Batch) -> Floats:
        """Logits (T+1, C) after the first 0 … T words of its one text, of a model of one direction."""
        words = words_of(batch)
        states = self.encoder.encode(words.token_ids, words.offsets).states
        assert states is not None
        pooled = [np.zeros((1, self.pooler.width), states.dtype), *self.pooler.prefixes(states)]
        found = self.head(np.concatenate(pooled))
        return found if self._ngrams is None else found + self._ngrams.prefix_scores(batch)

    def head(self, pooled: Floats) -> Floats:
        """Logits (B, C) of pooled vectors (B, P), without what n-grams add."""
        if self.core is not None:
            return self.core.head(pooled)
        return logits(pooled, self._weights)

    def begin_ngrams(self) -> NgramState | None:
        """Of a text before any word; None where the model has no n-grams."""
        return None if self._ngrams is None else self._ngrams.begin()

    def step(
        self, memory: list[Memory], state: NgramState | None, token_ids: TokenIds
    ) -> tuple[Floats, NgramState | None]:
        """Logits (1, C) after one more word, its characters after it, from what the poolings remember."""
        found = self.head(self.pooler.vector(memory))
        if state is None or self._ngrams is None:
            return found, None
        state = self._ngrams.step(state, token_ids)
        return found + self._ngrams.score(state), state
