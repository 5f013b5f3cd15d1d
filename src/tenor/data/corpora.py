"""The name of a corpus → its examples, read from the official archive without unpacking it."""

from __future__ import annotations

import gzip
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenor.config import closest
from tenor.data.decoding import StrPath, hash_file
from tenor.data.examples import Dataset, Example, build_dataset
from tenor.errors import DataError

FOLDS = 10
"""Parts of a corpus without an official test split; one of them is the test split."""

Splits = dict[str, list[Example]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus that Tenor knows by name."""

    file: str
    """Name of its archive."""
    url: str
    """Where its makers publish the archive."""
    sha256: Mapping[str, str]
    """Hash of each archive known to be sound → which one it is, and its size."""
    read: Callable[[Path, int], Splits]
    """Archive and fold → splits."""
    has_folds: bool
    """Whether a fold is held out, as the corpus has no test split of its own."""


def read_corpus(name: str, *, data_dir: StrPath | None = None, fold: int = 0) -> Dataset:
    """Read a named corpus.

    Args:
        name: a key of ``CORPORA``.
        data_dir: the only folder to look in; its archive is taken as it is. None looks in the
            folder ``TENOR_DATA``, then ``./data``, then Tenor's cache, for an archive that is known
            to be sound.
        fold: which of the ten folds is the test split, from 0 to 9; for sentence-polarity only.

    Raises:
        DataError: no such corpus or fold, or the archive is not there, is damaged, or is another
            than the one known by this name.
    """
    if name not in CORPORA:
        known = ", ".join(CORPORA)
        raise DataError(f"there is no corpus {name!r}{closest(name, CORPORA)}; there are {known}")
    corpus = CORPORA[name]
    if not 0 <= fold < (FOLDS if corpus.has_folds else 1):
        own = f"{name} has a test split of its own; leave fold out"
        raise DataError(f"fold is {fold}; " + ("it must be 0 to 9" if corpus.has_folds else own))
    path = find_archive(name, data_dir)
    sha256 = hash_file(path)
    if data_dir is None and sha256 not in corpus.sha256:
        raise DataError(
            f"{path} is not an archive that Tenor knows: its SHA-256 is {sha256}.\n"
            f"Fetch it again from {corpus.url}, "
            f"or, to take it as it is, add --data-dir {path.parent}"
        )
    return build_dataset(corpus.read(path, fold), name=name, sha256=sha256, source=corpus.file)


def find_archive(name: str, data_dir: StrPath | None = None) -> Path:
    """Where a corpus's archive is; see ``read_corpus`` for where it is looked for.

    Raises:
        DataError: it is in none of the places; the message has its address and where to put it.
    """
    corpus = CORPORA[name]
    places = search_places(data_dir)
    for place in places:
        if (place / corpus.file).is_file():
            return place / corpus.file
    looked = ", ".join(map(str, places))
    target = places[-1] / corpus.file
    raise DataError(
        f"the corpus {name} is not on this computer (looked for {corpus.file} in {looked}).\n"
        f"Fetch {corpus.url}\nand save it as {target}"
    )


def search_places(data_dir: StrPath | None = None) -> list[Path]:
    """Folders that may hold archives, in the order in which they are looked in."""
    if data_dir is not None:
        return [Path(data_dir)]
    named = os.environ.get("TENOR_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [*([Path(named)] if named else []), Path("data"), Path(cache) / "tenor"]


def read_imdb(path: Path, fold: int = 0, *, per_label: int = 12_500) -> Splits:
    """Read the Large Movie Review Dataset in one pass over its archive.

    Each split has its negative reviews, then its positive ones, in order of their numbers.

    Source:
        Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis".
    """
    del fold  # it has a test split of its own
    wanted = re.compile(r"(?:\./)?aclImdb/(train|test)/(neg|pos)/(\d+)_\d+\.txt")
    reviews: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, data in _members(path, wanted):
        split, label, number = wanted.fullmatch(name).groups()  # type: ignore[union-attr]
        reviews.setdefault((split, label), []).append((int(number), _decode(data)))
    splits: Splits = {"train": [], "test": []}
    for split, examples in splits.items():
        for folder, label in (("neg", "negative"), ("pos", "positive")):
            found = sorted(reviews.get((split, folder), []))
            _check_count(path, f"aclImdb/{split}/{folder}", len(found), per_label)
            examples += [Example(text=text, label=label) for _, text in found]
    return splits


def read_sentence_polarity(path: Path, fold: int = 0, *, per_label: int = 5_331) -> Splits:
    """Read the sentence polarity dataset v1.0; sentence i of a label belongs to fold i % 10.

    It has no official split; its authors report ten-fold cross-validation and do not say how the
    folds were drawn. The official files are in Windows-1252, some copies in UTF-8: both are read.

    Source:
        Pang and Lee 2005, "Seeing stars".
    """
    wanted = re.compile(r"(?:.*/)?rt-polarity\.(neg|pos)")
    files = {name.rsplit(".")[-1]: _decode(data) for name, data in _members(path, wanted)}
    splits: Splits = {"train": [], "test": []}
    for suffix, label in (("neg", "negative"), ("pos", "positive")):
        sentences = [line.strip() for line in files.get(suffix, "").split("\n") if line.strip()]
        _check_count(path, f"rt-polarity.{suffix}", len(sentences), per_label)
        for i, sentence in enumerate(sentences):
            split = "test" if i % FOLDS == fold else "train"
            splits[split].append(Example(text=sentence, label=label))
    return splits


def _members(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the archive's files with such names, in one pass."""
    try:
        with gzip.open(path) as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in archive:
                    file = archive.extractfile(member) if wanted.fullmatch(member.name) else None
                    if file is not None:
                        yield member.name, file.read()
            while unpacked.read(1 << 20):  # to its end, where gzip compares the checksum
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path} is damaged or no tar.gz archive ({error}); fetch it again") from error


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("windows-1252", errors="replace")


def _check_count(path: Path, part: str, found: int, expected: int) -> None:
    if found != expected:
        raise DataError(
            f"{path} has {found:,} texts in {part} where there should be {expected:,}; fetch it again"
        )


CORPORA = {
    "imdb": Corpus(
        file="aclImdb_v1.tar.gz",
        url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        sha256={
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe": (
                "official, 84,125,825 bytes"
            ),
            "b9013fc7dc8fdb07a9bef48f0baa11f9f6d1f548134b1475f165d8f0fd1bd4e9": (
                "the same texts without the bag-of-words files, 56,743,795 bytes"
            ),
        },
        read=read_imdb,
        has_folds=False,
    ),
    "sentence-polarity": Corpus(
        file="rt-polaritydata.tar.gz",
        url="https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
        sha256={
            "a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9": ("official, 487,770 bytes"),
            "6a85d0f49c9e48409ed7586d302809a1f7a96fdf39deb7254493c0685cca5527": (
                "in UTF-8, as Tenor's repository ships it, 487,514 bytes"
            ),
        },
        read=read_sentence_polarity,
        has_folds=True,
    ),
}
"""Corpora by name."""
