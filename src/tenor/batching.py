"""Lists of token ids in → one ragged batch: flat ids and where each text begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = Sequence[int] | npt.NDArray[np.int32]
"""Token ids of one text."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Texts of one forward pass, laid end to end: no padding, so none can be read.

    ``kw_only`` because both arrays hold integers: swapped positionally, nothing would fail.
    """

    token_ids: npt.NDArray[np.int32]
    """(N,) the ids of all texts, one text after the other; N tokens in all."""
    offsets: npt.NDArray[np.int64]
    """(B+1,) where each text begins; text b is ``token_ids[offsets[b]:offsets[b + 1]]``."""


def join(texts: Sequence[Ids]) -> Batch:
    """Lay B lists of token ids end to end. An empty list is an empty text and stays one."""
    offsets = offsets_of(texts)
    token_ids = np.empty(int(offsets[-1]), dtype=np.int32)
    for ids, start, end in zip(texts, offsets[:-1], offsets[1:], strict=True):
        token_ids[start:end] = ids
    return Batch(token_ids=token_ids, offsets=offsets)


def offsets_of(pieces: Sequence[Sized]) -> npt.NDArray[np.int64]:
    """(B+1,) where each of B pieces begins, laid end to end."""
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return offsets


def pick(batch: Batch, texts: Sequence[int]) -> Batch:
    """The given texts of a batch, in the given order."""
    if len(texts) == len(batch.offsets) - 1 == 1:
        return batch  # perhaps a long one, not to be copied
    begins, ends = batch.offsets[:-1][texts].tolist(), batch.offsets[1:][texts].tolist()
    return join([batch.token_ids[begin:end] for begin, end in zip(begins, ends, strict=True)])


def chunks(
    lengths: Sequence[int] | npt.NDArray[np.int64], *, max_texts: int, max_tokens: int
) -> Iterator[list[int]]:
    """Indices of texts that are computed together: of similar length, longest first.

    A chunk holds at most ``max_texts`` texts and ``max_tokens`` tokens, but at least one text.
    Which texts share a chunk changes speed and memory only, never a result.
    """
    chunk: list[int] = []
    tokens = 0
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    for index, length in zip(order.tolist(), np.asarray(lengths)[order].tolist(), strict=True):
        if chunk and (len(chunk) == max_texts or tokens + length > max_tokens):
            yield chunk
            chunk, tokens = [], 0
        chunk.append(index)
        tokens += length
    if chunk:
        yield chunk


class Walk:
    """Reads the texts of a batch in lock-step: position 0 of all, position 1 of those left, ….

    Rows are sorted by length, longest first, so that the texts still being read at position t
    are always the first ones; a text that has ended costs nothing more.
    """

    def __init__(self, offsets: npt.NDArray[np.int64], *, reverse: bool = False) -> None:
        self.lengths = np.diff(offsets)
        self.order = np.argsort(-self.lengths, kind="stable")  # (B,) row → text
        starts, ends = offsets[:-1][self.order], offsets[1:][self.order]
        self._first, self._stride = (ends - 1, -1) if reverse else (starts, 1)
        self._descending = -self.lengths[self.order]

    def steps(self) -> Iterator[npt.NDArray[np.int64]]:
        """For each position the flat indices of its tokens, one for each text still being read."""
        longest = int(-self._descending[0]) if len(self._descending) else 0
        for t in range(longest):
            active = int(np.searchsorted(self._descending, -t, side="left"))
            yield self._first[:active] + self._stride * t

    def restore(self, rows: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Rows (B, …) in the walk's order → in the order of the texts."""
        texts = np.empty_like(rows)
        texts[self.order] = rows
        return texts
