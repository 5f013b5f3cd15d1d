"""Texts in → one ragged batch of token ids: in the compiled core where it can, else in Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tenor.batching import Batch, join
from tenor.config import TokenizerConfig
from tenor.native.text import PreparedReader
from tenor.tokenizer import Tokenizer
from tenor.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class IndexedTexts:
    """What is read of texts."""

    batch: Batch
    """Their token ids, unknown words spelled out if they are to be."""
    truncated: npt.NDArray[np.bool_]
    """(B,) whether a text was longer than the model reads."""


class Indexer:
    """A tokenizer and a vocabulary, prepared for what computes here. Same ids either way."""

    def __init__(
        self, config: TokenizerConfig, vocabulary: Vocabulary, *, spells: bool, in_core: bool
    ) -> None:
        """Take them.

        Args:
            config: of the tokenizer.
            vocabulary: the words that have ids.
            spells: whether unknown words are spelled out.
            in_core: asks for the compiled core, which cannot split with spaCy.
        """
        self._tokenizer = Tokenizer(config)
        self._vocabulary = vocabulary
        self.ids_of = vocabulary.spell if spells else vocabulary.encode
        """Tokens → ids."""
        can = in_core and config.split != "spacy"
        self.reader = PreparedReader(config, vocabulary, spells=spells) if can else None
        """What reads texts in the core, if it does."""

    def index(self, texts: Sequence[str]) -> IndexedTexts:
        """All that is read of B texts: the tokens kept, between what the vocabulary adds."""
        if self.reader is not None:
            token_ids, offsets, truncated = self.reader.encode(texts)
            return IndexedTexts(batch=Batch(token_ids=token_ids, offsets=offsets), truncated=truncated)
        read, truncated = [], np.zeros(len(texts), np.bool_)
        for row, text in enumerate(texts):
            tokens = self._tokenizer.tokens(text)
            kept = self._tokenizer.truncate(tokens)
            read.append(self._vocabulary.frame(self.ids_of(kept)))
            truncated[row] = len(kept) < len(tokens)
        return IndexedTexts(batch=join(read), truncated=truncated)
