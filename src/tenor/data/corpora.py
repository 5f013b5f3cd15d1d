"""The name of a corpus → its examples, read from the official archive without unpacking it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tenor.data.archives import read_members
from tenor.data.decoding import StrPath, hash_file
from tenor.data.examples import Dataset, Example, build_dataset
from tenor.data.fetching import Report, data_folders, fetch
from tenor.data.published import PUBLISHED
from tenor.data.trees import read_trees
from tenor.errors import DataError
from tenor.section import closest

FOLDS = 10
"""Parts of a corpus without an official test split; one of them is the test split."""

Splits = dict[str, list[Example]]


class Choices(NamedTuple):
    """What of a corpus is read; None takes what is usual."""

    fold: int | None = None
    """Which tenth of a corpus without a test split is its test split, 0 to 9; None is 0."""
    num_labels: int | None = None
    """Of sst: 2 (without the neutral sentences), 3 or 5; None is 5."""
    phrases: bool = False
    """Of sst: train on every phrase of the training sentences as well."""


_USUAL = Choices()


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus that Tenor knows by name."""

    file: str
    """Name of its archive, a key of ``PUBLISHED``."""
    read: Callable[[Path, Choices], Splits]
    """Archive and choices → splits."""
    choices: tuple[str, ...] = ()
    """Which of the choices it gives."""
    labels: Callable[[Choices], tuple[str, ...]] | None = None
    """Labels in their order; None sorts them."""


def read_corpus(
    name: str,
    *,
    data_dir: StrPath | None = None,
    choices: Choices = _USUAL,
    report: Report | None = None,
) -> Dataset:
    """Read a named corpus; where it is not on this computer it is fetched into the cache.

    Args:
        name: a key of ``CORPORA``.
        data_dir: the only folder to look in; its archive is taken as it is, and nothing is
            fetched. None looks in the folder ``TENOR_DATA``, then ``./data``, then Tenor's cache,
            for an archive that is known to be sound.
        choices: what of it is read.
        report: called as bytes are fetched.

    Raises:
        DataError: no such corpus or choice, or the archive cannot be had, is damaged, or is
            another than the one known by this name.
    """
    corpus = _corpus(name)
    _check_choices(name, corpus, choices)
    path = _checked_archive(name, data_dir, report)
    return build_dataset(
        corpus.read(path, choices),
        name=f"sst-{_num_labels(choices)}" if name == "sst" else name,
        sha256=hash_file(path),
        source=corpus.file,
        labels=corpus.labels(choices) if corpus.labels else None,
    )


def read_unlabelled(name: str, *, data_dir: StrPath | None = None, report: Report | None = None) -> list[str]:
    """Read the texts that a corpus has beside its labelled ones: imdb's 50,000 unlabelled reviews.

    Args:
        name: ``imdb``.
        data_dir: as for ``read_corpus``.
        report: likewise.

    Raises:
        DataError: the corpus has none; or as for ``read_corpus``.
    """
    _corpus(name)
    if name != "imdb":
        raise DataError(f"{name} has no unlabelled texts; imdb has")
    return _read_unsupervised(_checked_archive(name, data_dir, report))


def find_archive(name: str, data_dir: StrPath | None = None) -> Path | None:
    """Where a corpus's archive is, as ``read_corpus`` looks for it; None where it is not."""
    file = CORPORA[name].file
    return next((place / file for place in data_folders(data_dir) if (place / file).is_file()), None)


def _corpus(name: str) -> Corpus:
    if name not in CORPORA:
        known = ", ".join(CORPORA)
        raise DataError(f"there is no corpus {name!r}{closest(name, CORPORA)}; there are {known}")
    return CORPORA[name]


def _check_choices(name: str, corpus: Corpus, choices: Choices) -> None:
    for choice, value in choices._asdict().items():
        if value not in (None, False) and choice not in corpus.choices:
            owners = ", ".join(other for other, known in CORPORA.items() if choice in known.choices)
            raise DataError(f"{name} has no choice of {choice}, only {owners} has; leave it out")
    if choices.fold is not None and not 0 <= choices.fold < FOLDS:
        raise DataError(f"fold is {choices.fold}; it must be 0 to {FOLDS - 1}")
    if choices.num_labels not in (None, 2, 3, 5):
        raise DataError(f"num_labels is {choices.num_labels}; it must be 2, 3 or 5")


def _checked_archive(name: str, data_dir: StrPath | None, report: Report | None) -> Path:
    """The archive, known to be sound, or from the folder that the caller named."""
    file = CORPORA[name].file
    found = find_archive(name, data_dir)
    if found is None and data_dir is not None:
        raise DataError(
            f"{Path(data_dir)} has no {file}, the archive of {name}; put it there (it is published at "
            f"{PUBLISHED[file].url}), or leave --data-dir out"
        )
    if found is None:
        return fetch(file, PUBLISHED[file], report)
    if data_dir is None and not PUBLISHED[file].knows(sha256 := hash_file(found)):
        raise DataError(
            f"{found} is not an archive that Tenor knows: its SHA-256 is {sha256}.\n"
            f"Remove it, so that it is fetched from {PUBLISHED[file].url}, "
            f"or, to take it as it is, add --data-dir {found.parent}"
        )
    return found


def read_imdb(path: Path, choices: Choices = _USUAL, *, per_label: int = 12_500) -> Splits:
    """Read the Large Movie Review Dataset in one pass over its archive.

    Each split has its negative reviews, then its positive ones, in order of their numbers.

    Source:
        Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis".
    """
    del choices  # it gives none
    wanted = re.compile(r"(?:\./)?aclImdb/(train|test)/(neg|pos)/(\d+)_\d+\.txt")
    reviews: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, data in read_members(path, wanted):
        split, label, number = wanted.fullmatch(name).groups()  # type: ignore[union-attr]
        reviews.setdefault((split, label), []).append((int(number), _decode(data)))
    splits: Splits = {"train": [], "test": []}
    for split, examples in splits.items():
        for folder, label in (("neg", "negative"), ("pos", "positive")):
            found = sorted(reviews.get((split, folder), []))
            _check_count(path, f"aclImdb/{split}/{folder}", len(found), per_label)
            examples += [Example(text=text, label=label) for _, text in found]
    return splits


def _read_unsupervised(path: Path, *, count: int = 50_000) -> list[str]:
    """The reviews of ``train/unsup`` in order of their numbers."""
    wanted = re.compile(r"(?:\./)?aclImdb/train/unsup/(\d+)_0\.txt")
    found = [(name, data) for name, data in read_members(path, wanted)]
    _check_count(path, "aclImdb/train/unsup", len(found), count)
    found.sort(key=lambda member: int(wanted.fullmatch(member[0])[1]))  # type: ignore[index]
    return [_decode(data) for _, data in found]


def read_sst(
    path: Path, choices: Choices = _USUAL, *, sizes: tuple[int, ...] = (8_544, 1_101, 2_210)
) -> Splits:
    """Read the Stanford Sentiment Treebank from its trees: sentences, their leaves joined by spaces.

    With phrases, the training split has every distinct phrase of its sentences once, the sentences
    among them. Two labels leave out what is neutral.

    Source:
        Socher et al. 2013, "Recursive Deep Models for Semantic Compositionality".
    """
    names = _sst_labels(choices)
    wanted = re.compile(r"(?:.*/)?(train|dev|test)\.txt")
    files = {wanted.fullmatch(name)[1]: data for name, data in read_members(path, wanted)}  # type: ignore[index]
    splits: Splits = {}
    for (file, split), expected in zip(_SST_SPLITS.items(), sizes, strict=True):
        trees = read_trees(_decode(files.get(file, b"")), f"{path}, {file}.txt")
        _check_count(path, f"{file}.txt", len(trees), expected)
        whole = choices.phrases and split == "train"
        phrases = [node for tree in trees for node in (tree if whole else tree[:1])]
        splits[split] = [
            Example(text=text, label=names[score])
            for text, score in (dict.fromkeys(phrases) if whole else phrases)
            if names[score]
        ]
    return splits


_SST_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_SST_NAMES = {
    2: ("negative", "negative", "", "positive", "positive"),
    3: ("negative", "negative", "neutral", "positive", "positive"),
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
}
"""Number of labels → the label of each score, 0 to 4; an empty one is left out."""


def _num_labels(choices: Choices) -> int:
    return choices.num_labels or 5


def _sst_labels(choices: Choices) -> tuple[str, ...]:
    return _SST_NAMES[_num_labels(choices)]


def _sst_order(choices: Choices) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in _sst_labels(choices) if name))


def read_sentence_polarity(path: Path, choices: Choices = _USUAL, *, per_label: int = 5_331) -> Splits:
    """Read the sentence polarity dataset v1.0; sentence i of a label belongs to fold i % 10.

    It has no official split; its authors report ten-fold cross-validation and do not say how the
    folds were drawn. The official files are in Windows-1252, some copies in UTF-8: both are read.

    Source:
        Pang and Lee 2005, "Seeing stars".
    """
    wanted = re.compile(r"(?:.*/)?rt-polarity\.(neg|pos)")
    files = {name.rsplit(".")[-1]: _decode(data) for name, data in read_members(path, wanted)}
    splits: Splits = {"train": [], "test": []}
    for suffix, label in (("neg", "negative"), ("pos", "positive")):
        sentences = [line.strip() for line in files.get(suffix, "").split("\n") if line.strip()]
        _check_count(path, f"rt-polarity.{suffix}", len(sentences), per_label)
        for i, sentence in enumerate(sentences):
            split = "test" if i % FOLDS == (choices.fold or 0) else "train"
            splits[split].append(Example(text=sentence, label=label))
    return splits


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
    "imdb": Corpus(file="aclImdb_v1.tar.gz", read=read_imdb),
    "sst": Corpus(
        file="trainDevTestTrees_PTB.zip", read=read_sst, choices=("num_labels", "phrases"), labels=_sst_order
    ),
    "sentence-polarity": Corpus(
        file="rt-polaritydata.tar.gz", read=read_sentence_polarity, choices=("fold",)
    ),
}
"""Corpora by name."""
