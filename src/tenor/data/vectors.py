"""A file of word vectors in text form (GloVe, word2vec, fastText) → words and a matrix."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from tenor.data.decoding import StrPath, check_file
from tenor.errors import DataError

_BLOCK_LINES = 4096
_EXPECTED = "each line must be a word and its numbers, with spaces between them"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """Words and their vectors, in the order of the file: the most frequent first, as a rule."""

    words: tuple[str, ...]
    """(V) each word once."""
    matrix: Floats
    """(V, E) the vector of each word."""


class _Line(NamedTuple):
    number: int
    word: str
    values: bytes
    """E numbers with spaces between them."""


def read_vectors(path: StrPath, wanted: Collection[str] | None = None) -> WordVectors:
    """Read word vectors: a word, then E numbers a line; a first line ``V E`` is passed over.

    A word may contain spaces. Of a word that comes twice, the first vector counts.

    Args:
        path: a text file, one in ``.gz``, or one in a ``.zip``: that with the archive's own name,
            or its only one, or, as in ``glove.6B.zip/glove.6B.100d.txt``, the one that is named.
        wanted: words to read; None reads all. None of them found gives a matrix (0, E).

    Raises:
        DataError: the file cannot be read or has no vectors, or a line does not end in E finite
            numbers; the message has the line number.
    """
    file = Path(path)
    with _opened(file) as stream:
        lines, width = _begin(stream, file)
        chosen = _lines(lines, width, None if wanted is None else set(wanted), file)
        return _collect(chosen, width, file)


def _begin(stream: Iterable[bytes], path: Path) -> tuple[Iterator[tuple[int, bytes]], int]:
    """Numbered lines without a header, and E as the first of them has it."""
    lines = enumerate(stream, 1)
    for number, line in lines:
        fields = line.split()
        if number == 1 and re.fullmatch(rb"\d+ \d+", b" ".join(fields)):
            continue
        if len(fields) > 1:
            return chain([(number, line)], lines), len(fields) - 1
        raise DataError(f"{path}, line {number} has no vector; {_EXPECTED}")
    raise DataError(f"{path} has no vectors; {_EXPECTED}")


def _lines(
    lines: Iterable[tuple[int, bytes]], width: int, wanted: set[str] | None, path: Path
) -> Iterator[_Line]:
    """The lines of wanted words, each word once, cut at the E-th space from the right."""
    seen: set[str] = set()
    for number, line in lines:
        spelt, values = _cut(line.rstrip(b" \r\n"), width)
        if not spelt:
            raise DataError(f"{path}, line {number} is not a word and {width} numbers; {_EXPECTED}")
        word = _word(spelt, number, path)
        if word not in seen and (wanted is None or word in wanted):
            seen.add(word)
            yield _Line(number, word, values)


def _cut(line: bytes, width: int) -> tuple[bytes, bytes]:
    """Word and numbers of a line; no word where there are too few numbers."""
    spaces = line.count(b" ")
    if spaces > width:
        word, *values = line.rsplit(b" ", width)
        return word, b" ".join(values)
    word, _, numbers = line.partition(b" ")
    return (word if spaces == width else b""), numbers


def _collect(lines: Iterator[_Line], width: int, path: Path) -> WordVectors:
    words: list[str] = []
    blocks = [np.empty((0, width), dtype=np.float32)]
    while block := list(islice(lines, _BLOCK_LINES)):
        words += [line.word for line in block]
        blocks.append(_parse_block(block, width, path))
    return WordVectors(words=tuple(words), matrix=np.concatenate(blocks))


def _parse_block(block: list[_Line], width: int, path: Path) -> Floats:
    """(len(block), E) numbers; parsed all at once, and line by line only to find a bad one."""
    matrix = _parse([line.values for line in block], width)
    if matrix is not None:
        return matrix
    bad = next(line for line in block if _parse([line.values], width) is None)
    raise DataError(f"{path}, line {bad.number} does not end in {width} numbers; {_EXPECTED}")


def _parse(lines: list[bytes], width: int) -> Floats | None:
    """(len(lines), E) numbers, or None where a line has others than E finite ones."""
    try:
        matrix = np.loadtxt(lines, dtype=np.float32, comments=None, ndmin=2)
    except ValueError:
        return None
    return matrix if matrix.shape[1] == width and np.isfinite(matrix).all() else None


def _word(word: bytes, number: int, path: Path) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}, line {number}: the word {word!r} is not UTF-8; convert the file") from error


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    archive = path.parent if path.parent.suffix == ".zip" and path.parent.is_file() else path
    check_file(archive)
    try:
        if archive.suffix == ".zip":
            with (
                zipfile.ZipFile(archive) as opened,
                opened.open(_member(opened, archive, path)) as stream,
            ):
                yield io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20)  # its own readline is slow
        else:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{archive} cannot be read to its end ({error}); fetch it again") from error


def _member(opened: zipfile.ZipFile, archive: Path, path: Path) -> str:
    """Which file of the archive is meant."""
    names = [name for name in opened.namelist() if name.endswith((".txt", ".vec"))]
    asked = path.name if path != archive else archive.stem + ".txt"
    if asked in names:
        return asked
    if len(names) == 1 and path == archive:
        return names[0]
    first = f"{archive}/{names[0]}" if names else "another file"
    raise DataError(f"{archive} has no {asked}; it has {', '.join(names) or 'no vectors'}; name one: {first}")
