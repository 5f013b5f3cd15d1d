"""Texts or ids in → logits: a whole model in the compiled core, in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tenor.native import library
from tenor.native.arrays import Floats, Offsets, TokenIds, address, float32, listed, shaped
from tenor.native.layer import PreparedLayer
from tenor.native.text import PreparedReader

POOLINGS = ("last", "last_word", "first_last", "mean", "max")
"""Those that the core knows, in the order of ``tenor.h``."""


class PreparedModel(library.Owner):
    """A reader, layers, poolings and a head, put together. Safe for several threads at once."""

    def __init__(
        self,
        layers: Sequence[Sequence[PreparedLayer]],
        poolings: Sequence[str],
        weights: Mapping[str, Floats],
        *,
        ngram_order: int = 1,
        char_ngrams: int = 0,
        reader: PreparedReader | None = None,
    ) -> None:
        """Put a model together.

        Args:
            layers: by depth and direction; the lowest know their words' vectors.
            poolings: some of ``POOLINGS``; none where pooling is not done here, and then only
                ``head`` may be called.
            weights: float32, those of the head among them, by their names in the model folder.
            ngram_order: the most words of an n-gram.
            char_ngrams: the most characters of one of characters; 0 for none.
            reader: of texts; None where texts are given as ids.

        Raises:
            NativeError: there is no compiled core, or too little memory.
        """
        head = [
            np.ascontiguousarray(weights[name])
            for name in ("head.weight", "head.bias", "head.hidden.weight", "head.hidden.bias")
            if name in weights
        ]
        hidden = head[2:]
        none = np.empty(0, np.float32)
        ngrams = np.ascontiguousarray(weights.get("ngrams.weight", none))
        owners = weights.get("ngrams.owners", none).astype(np.uint8)
        handles = np.array([one.handle.value for row in layers for one in row], np.uintp)
        kinds = np.array([POOLINGS.index(name) for name in poolings], np.int32)
        settings = library.ModelSettings(
            reader=None if reader is None else reader.handle,
            layers=handles.ctypes.data,
            depth=len(layers),
            directions=len(layers[0]),
            poolings=address(kinds),
            pooling_count=len(kinds),
            pooled=(hidden or head)[0].shape[1],
            hidden_weight=address(hidden[0]) if hidden else None,
            hidden_bias=address(hidden[1]) if hidden else None,
            hidden=len(hidden[0]) if hidden else 0,
            weight=address(head[0]),
            bias=address(head[1]),
            logits=len(head[1]),
            ngrams=address(ngrams) if len(ngrams) else None,
            owners=address(owners),
            ngram_rows=len(ngrams),
            ngram_order=ngram_order,
            char_ngrams=char_ngrams,
        )
        self._pooled, self._logits = settings.pooled, len(head[1])
        self._used = (layers, reader, ngrams, owners)  # for as long as the model lives
        self._reader = reader
        super().__init__("model", None, ctypes.byref(settings))

    def read(self, texts: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Logits (B, C) of texts, and (B,) whether each was longer than is read."""
        assert self._reader is not None
        found = np.empty((len(texts), self._logits), np.float32)
        truncated = self._reader.read(
            texts,
            lambda given, _: int(
                self._core.tenor_model_read(self.handle, ctypes.byref(given), address(found))
            ),
        )
        return found, truncated

    def read_ids(self, token_ids: TokenIds, offsets: Offsets) -> Floats:
        """Logits (B, C) of texts given as ids (N,), each from its offset (B+1,) on.

        Among them characters, with ``char_ngrams``, as ``tenor.spelled`` has them.

        Raises:
            InputError: an id that is none of the words', or offsets that do not rise from 0 to N.
        """
        ids = np.ascontiguousarray(token_ids, np.int32)
        offsets = listed(offsets, ids)
        found = np.empty((len(offsets) - 1, self._logits), np.float32)
        library.check(
            self._core.tenor_model_read_ids(
                self.handle, address(ids), address(offsets), len(found), address(found)
            )
        )
        return found

    def head(self, pooled: Floats) -> Floats:
        """Logits (B, C) of pooled vectors (B, P), without what n-grams add.

        Raises:
            InputError: other types or shapes.
        """
        shaped("pooled", float32("pooled", pooled), (len(pooled), self._pooled))
        pooled = np.ascontiguousarray(pooled)
        found = np.empty((len(pooled), self._logits), np.float32)
        library.check(self._core.tenor_model_head(self.handle, address(pooled), len(pooled), address(found)))
        return found
