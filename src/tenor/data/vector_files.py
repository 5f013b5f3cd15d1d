"""A file of word vectors → words and rows, a block at a time, whatever its size.

Text, as GloVe, word2vec and fastText (``.vec``) write it, and word2vec's binary form; both also in
``.gz`` and ``.zip``.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from tenor.data.decoding import check_file
from tenor.errors import DataError

Floats = npt.NDArray[np.float32]

_BLOCK_LINES = 4096
_SAMPLE_LINES = 1000
_PEEK_BYTES = 1 << 16
_WORD_LIMIT_BYTES = 4096
_WIDTH_LIMIT = 100_000
_FASTTEXT_MODEL = (793_712_314).to_bytes(4, "little")  # the number that begins fastText's own .bin
_ENDINGS = (".txt", ".vec", ".bin")
_EXPECTED = "each line must be a word and its numbers, with spaces between them"
_HEADER = re.compile(rb"\s*(\d{1,18})[ \t]+(\d{1,18})\s*\n?")


class Block(NamedTuple):
    """Some of the rows, in the order of the file."""

    words: list[str]
    matrix: Floats
    """(len(words), E)"""


class _Line(NamedTuple):
    number: int
    word: str
    values: bytes
    """E numbers with spaces between them."""


def read_blocks(path: Path) -> Iterator[Block]:
    """Read vectors; of a word that comes twice, the first vector counts.

    Args:
        path: a file, or one in an archive, as in ``glove.6B.zip/glove.6B.100d.txt``.

    Raises:
        DataError: the file cannot be read, has no vectors, or has a line or a record that is not a
            word and E finite numbers; the message has its number.
    """
    with _opened(path) as stream:
        head = stream.peek(_PEEK_BYTES)
        if head.startswith(_FASTTEXT_MODEL):
            raise DataError(f"{path} is a fastText model, not its vectors; give the .vec file beside it")
        yield from _binary(stream, path) if _is_binary(head) else _text(stream, path)


def archive_of(path: Path) -> Path:
    """The file on the disk that a path leads into: the archive, or the file itself."""
    return path.parent if path.parent.suffix == ".zip" and path.parent.is_file() else path


def _text(stream: Iterable[bytes], path: Path) -> Iterator[Block]:
    lines, width = _begin(stream, path)
    words = _lines(lines, width, path)
    while block := list(islice(words, _BLOCK_LINES)):
        yield Block([line.word for line in block], _parse_block(block, width, path))


def _begin(stream: Iterable[bytes], path: Path) -> tuple[Iterator[tuple[int, bytes]], int]:
    """Numbered lines without a header, and E: that of most of the first lines.

    A header may be absent or wrong, and a word may hold spaces or be nothing but a space, so that
    no single line can be trusted to say what E is.
    """
    lines = enumerate(stream, 1)
    sample = list(islice(lines, _SAMPLE_LINES))
    if sample and _HEADER.fullmatch(sample[0][1]):
        del sample[0]
    if not sample:
        raise DataError(f"{path} has no vectors; {_EXPECTED}")
    number, first = sample[0]
    width = Counter(len(line.split()) for _, line in sample).most_common(1)[0][0] - 1
    if width < 1 or len(first.split()) < 2:
        raise DataError(f"{path}, line {number} has no vector; {_EXPECTED}")
    return chain(sample, lines), width


def _lines(lines: Iterable[tuple[int, bytes]], width: int, path: Path) -> Iterator[_Line]:
    """Lines of words that have not come before, cut at the E-th space from the right."""
    seen: set[str] = set()
    for number, line in lines:
        if b"\t" in line and b" " not in line.strip():
            line = line.replace(b"\t", b" ")
        cut = _cut(line.rstrip(b" \r\n"), width)
        if cut is None:
            raise DataError(f"{path}, line {number} is not a word and {width} numbers; {_EXPECTED}")
        word = _word(cut[0], f"{path}, line {number}")
        if word not in seen:
            seen.add(word)
            yield _Line(number, word, cut[1])


def _cut(line: bytes, width: int) -> tuple[bytes, bytes] | None:
    """Word and numbers of a line; None where there are too few numbers.

    A word may hold spaces, and may be white space only: then the line begins with its numbers.
    """
    fields = line.rsplit(b" ", width)
    if len(fields) > width:
        return fields[0], b" ".join(fields[1:])
    return None


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
    return matrix if matrix.shape == (len(lines), width) and np.isfinite(matrix).all() else None


def _is_binary(head: bytes) -> bool:
    """Whether a header is followed by a word, a space and bytes that are no text of numbers."""
    header = _HEADER.match(head)
    if header is None or not head[: header.end()].endswith(b"\n"):
        return False
    _, space, values = head[header.end() :].lstrip(b"\n").partition(b" ")
    line = values.partition(b"\n")[0]
    if len(line.split()) == int(header[2]):  # of short numbers the first bytes would reach the next line
        values = line
    return bool(space) and re.fullmatch(rb"[-+0-9.eE \t\r\nnaifNAIF]*", values[:16]) is None


def _binary(stream: io.BufferedReader, path: Path) -> Iterator[Block]:
    """word2vec's binary form: a header, then for each word its bytes, a space and E float32."""
    header = _HEADER.fullmatch(stream.readline())
    assert header is not None, "the header was seen"
    count, width = int(header[1]), int(header[2])
    if not 1 <= width <= _WIDTH_LIMIT:
        raise DataError(f"{path} says that its vectors are {width:,} wide; fetch the file again")
    seen: set[str] = set()
    for start in range(1, count + 1, _BLOCK_LINES):
        numbers = range(start, min(start + _BLOCK_LINES, count + 1))
        records = [_record(stream, width, f"{path}, word {n:,} of {count:,}") for n in numbers]
        new = [record for record in records if not (record[0] in seen or seen.add(record[0]))]  # type: ignore[func-returns-value]
        matrix = np.frombuffer(b"".join(values for _, values in new), dtype="<f4").reshape(-1, width)
        if not np.isfinite(matrix).all():
            place = start + int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
            raise DataError(f"{path}: a number near word {place:,} is not finite; fetch the file again")
        if new:
            yield Block([word for word, _ in new], matrix.astype(np.float32))


def _record(stream: io.BufferedReader, width: int, place: str) -> tuple[str, bytes]:
    word = bytearray()
    while (byte := stream.read(1)) != b" ":
        if not byte or len(word) > _WORD_LIMIT_BYTES:
            raise DataError(f"{place} has no end: the file was cut or is not word2vec's; fetch it again")
        word += byte
    values = stream.read(4 * width)
    if len(values) < 4 * width:
        raise DataError(f"{place} lacks numbers: the file was cut; fetch it again")
    return _word(bytes(word).lstrip(b"\n"), place), values


def _word(word: bytes, place: str) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: the word {word!r} is not UTF-8; convert the file") from error


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    archive = archive_of(path)
    check_file(archive)
    try:
        if archive.suffix == ".zip":
            with (
                zipfile.ZipFile(archive) as opened,
                opened.open(_member(opened, archive, path)) as stream,
            ):
                yield _buffered(stream)  # its own readline is slow
        elif path.suffix == ".gz":
            with gzip.open(path) as unpacked:
                yield _buffered(unpacked)
        else:
            with path.open("rb", buffering=0) as stream:
                yield _buffered(stream)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise DataError(f"{archive} cannot be read to its end ({error}); fetch it again") from error


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20)


def _member(opened: zipfile.ZipFile, archive: Path, path: Path) -> str:
    """Which file of the archive is meant: the one named, that of the archive's name, or the only one."""
    names = [name for name in opened.namelist() if name.endswith(_ENDINGS)]
    asked = [path.name] if path != archive else [archive.stem + end for end in ("", *_ENDINGS)]
    found = next((name for name in asked if name in names), None)
    if found is not None:
        return found
    if len(names) == 1 and path == archive:
        return names[0]
    wanted = path.name if path != archive else archive.stem + ".txt"
    first = f"{archive}/{names[0]}" if names else "another file"
    raise DataError(
        f"{archive} has no {wanted}; it has {', '.join(names) or 'no vectors'}; name one: {first}"
    )
