"""Texts in → their token ids, in the compiled core; by the rules of ``tenor.tokenizer``.

What Unicode says of a character the core is told by Python, 256 characters at a time, when it
first meets one of them: so both know the same version of it.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tenor.batching import offsets_of
from tenor.config import TokenizerConfig
from tenor.native import library
from tenor.native.arrays import Offsets, TokenIds
from tenor.tokenizer import TAG_NAMES, kinds_of, lowered, normal, origins
from tenor.vocabulary import Vocabulary

_PAGE, _PAGES = 256, 0x110000 // 256
_NEED_PAGE = 8  # tenor_result
_CASED, _CASE_IGNORED = 32, 64
_KEEP = {"start": 0, "end": 1, "both": 2}


class Indexed(NamedTuple):
    """Texts as ids."""

    token_ids: npt.NDArray[np.int32]
    """(N,) of all texts, end to end."""
    offsets: npt.NDArray[np.int64]
    """(B+1,) where each text begins."""
    truncated: npt.NDArray[np.bool_]
    """(B,) whether a text was longer than is read."""


class Pieces(NamedTuple):
    """The tokens of one text."""

    token_ids: npt.NDArray[np.int32]
    """(T,)"""
    starts: npt.NDArray[np.int64]
    """(T,) where each begins, in characters."""
    ends: npt.NDArray[np.int64]
    """(T,) where it ends, exclusive."""


class PreparedReader(library.Owner):
    """A tokenizer and a vocabulary, ready to read. Safe for several threads at once."""

    def __init__(self, config: TokenizerConfig, vocabulary: Vocabulary, *, spells: bool = False) -> None:
        """Copy the words.

        Args:
            config: ``split`` must not be ``"spacy"``.
            vocabulary: its special tokens are what no text can spell.
            spells: whether ``encode`` spells unknown words out.

        Raises:
            NativeError: there is no compiled core, or too little memory.
        """
        assert config.split != "spacy"
        frame = vocabulary.config
        words, offsets = _laid_out(vocabulary)
        before, after = (
            np.array([] if token is None else [vocabulary.special_id(token)], np.int32)
            for token in (frame.start_token, frame.end_token)
        )
        filled = frame.fill_to is not None
        settings = library.ReaderSettings(
            split_spaces=config.split == "spaces",
            lowercase=config.lowercase,
            delete_punctuation=config.punctuation == "delete",
            tags=" ".join(sorted(TAG_NAMES)).encode() if config.strip_html else None,
            max_tokens=config.max_tokens or 0,
            keep=_KEEP[config.keep],
            words=words,
            word_offsets=offsets.ctypes.data,
            count=len(vocabulary),
            unknown_id=vocabulary.unknown_id,
            before=before.ctypes.data,
            after=after.ctypes.data,
            before_count=len(before),
            after_count=len(after),
            fill_to=frame.fill_to or 0,
            fill_id=vocabulary.special_id(frame.fill_token) if filled else 0,
            spells=spells,
        )
        super().__init__("reader", ctypes.byref(settings))
        self._learn(np.ones(1, np.uint8))

    def encode(self, texts: Sequence[str]) -> Indexed:
        """All that is read of texts, as ids."""
        offsets = np.empty(len(texts) + 1, np.int64)
        token_ids = np.empty(0, np.int32)

        def fill(given: library.Texts, size: int) -> int:
            nonlocal token_ids
            if given.token_ids is None:
                token_ids = np.empty(self._core.tenor_reader_room(self.handle, size, given.texts), np.int32)
                given.token_ids, given.offsets = token_ids.ctypes.data, offsets.ctypes.data
            return int(self._core.tenor_reader_encode(self.handle, ctypes.byref(given)))

        truncated = self.read(texts, fill)
        return Indexed(token_ids[: offsets[-1]], offsets, truncated)

    def number(self, texts: Sequence[str], words: NumberedWords) -> tuple[TokenIds, Offsets]:
        """The numbers (N,) of all tokens of B texts, untruncated, and (B+1,) where each text begins."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        token_ids = np.empty(0, np.int32)
        done = ctypes.c_int64(0)

        def fill(given: library.Texts, size: int) -> int:
            nonlocal token_ids
            if given.token_ids is None:
                token_ids = np.empty(size, np.int32)
                given.token_ids, given.offsets = token_ids.ctypes.data, offsets.ctypes.data
            number = self._core.tenor_words_number
            return int(number(words.handle, self.handle, ctypes.byref(given), ctypes.byref(done)))

        self.read(texts, fill)
        return token_ids[: offsets[-1]], offsets

    def read(self, texts: Sequence[str], fill: Callable[[library.Texts, int], int]) -> npt.NDArray[np.bool_]:
        """Lay texts out for the core, and have them read as often as it needs to know of characters.

        Args:
            texts: B of them.
            fill: given them and their size in bytes, reads them, and gives the core's result.

        Returns:
            (B,) whether each was longer than is read.
        """
        encoded = [normal(text).encode() for text in texts]
        text_offsets = offsets_of(encoded)
        truncated = np.empty(len(encoded), np.bool_)
        pages = np.empty(_PAGES, np.uint8)
        given = library.Texts(
            bytes=b"".join(encoded),
            text_offsets=text_offsets.ctypes.data,
            texts=len(encoded),
            truncated=truncated.ctypes.data,
            pages=pages.ctypes.data,
        )
        while (result := fill(given, int(text_offsets[-1]))) == _NEED_PAGE:
            self._learn(pages)
        library.check(result)
        return truncated

    def tokenize(self, text: str) -> Pieces:
        """Every token of a text with its place: those of ``Tokenizer.tokenize``."""
        readable = normal(text)
        encoded = readable.encode()
        token_ids = np.empty(len(encoded), np.int32)
        places = np.empty((2, len(encoded)), np.int64)
        pages = np.empty(_PAGES, np.uint8)
        given = library.Pieces(
            bytes=encoded,
            size=len(encoded),
            token_ids=token_ids.ctypes.data,
            starts=places[0].ctypes.data,
            ends=places[1].ctypes.data,
            pages=pages.ctypes.data,
        )
        while (result := self._core.tenor_reader_tokenize(self.handle, ctypes.byref(given))) == _NEED_PAGE:
            self._learn(pages)
        library.check(result)
        starts, ends = places[:, : given.count]
        if readable != text:
            begin_of, end_of = map(np.array, origins(text))
            starts, ends = begin_of[starts], end_of[ends - 1]
        return Pieces(token_ids[: given.count], starts, ends)

    def _learn(self, wanted: npt.NDArray[np.uint8]) -> None:
        """Tell the core of pages (TENOR_PAGES,), those that are not 0."""
        for page in np.flatnonzero(wanted).tolist():
            kinds, lower = _page(page)
            library.check(
                self._core.tenor_reader_learn(self.handle, page, kinds.ctypes.data, lower.ctypes.data)
            )


class NumberedWords(library.Owner):
    """The different words of texts, numbered by ``PreparedReader.number`` as they first come."""

    def __init__(self) -> None:
        super().__init__("words")

    def spelled(self) -> list[str]:
        """All words so far in the order of their numbers."""
        text, places, count = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int64()
        self._core.tenor_words_spelled(
            self.handle, ctypes.byref(text), ctypes.byref(places), ctypes.byref(count)
        )
        assert places.value is not None
        offsets = (ctypes.c_int64 * (count.value + 1)).from_address(places.value)[:]
        laid = ctypes.string_at(text.value, offsets[-1]) if text.value else b""
        return [laid[begin:end].decode() for begin, end in itertools.pairwise(offsets)]


def _laid_out(vocabulary: Vocabulary) -> tuple[bytes, npt.NDArray[np.int64]]:
    """Words end to end in UTF-8, and where each begins (V+1,); special tokens are empty.

    All at once, since a start should not wait for 25,000 of them: no word has a line break in it.
    """
    words = list(vocabulary.tokens)
    for special in vocabulary.config.special_tokens:
        words[vocabulary.special_id(special)] = ""
    lines = "\n".join(words).encode(errors="surrogatepass")
    breaks = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
    begins = breaks - np.arange(len(breaks))
    laid = lines.replace(b"\n", b"")
    return laid, np.concatenate([[0], begins, [len(laid)]]).astype(np.int64)


@functools.cache
def _page(page: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Kinds (256,) and lower-case forms (256, 3) of 256 characters."""
    kinds, lower = np.zeros(_PAGE, np.uint8), np.zeros((_PAGE, 3), np.int32)
    for row, code in enumerate(range(page * _PAGE, (page + 1) * _PAGE)):
        character = chr(code)
        kinds[row] = kinds_of(character) | _case(character)
        small = [ord(c) for c in lowered(character)]
        lower[row, : len(small)] = small
    return kinds, lower


def _case(character: str) -> int:
    """What ``str.lower`` makes of a sigma tells how it takes the character before it."""
    alone = f"{character}\u03a3".lower().endswith("\u03c2")
    after_a_letter = f"A{character}\u03a3".lower().endswith("\u03c2")
    return _CASED if alone else _CASE_IGNORED if after_a_letter else 0
