"""What the caller names (a corpus, a file, a folder) → a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tenor.data.columns import Asked
from tenor.data.corpora import CORPORA, Choices, read_corpus
from tenor.data.decoding import StrPath, hash_file
from tenor.data.examples import Dataset, Example, build_dataset
from tenor.data.fetching import Report
from tenor.data.tables import folder_files, read_examples, read_folder
from tenor.errors import DataError
from tenor.section import closest


def load(source: StrPath, **options: Any) -> Dataset:
    """Read labelled texts from wherever they are.

    Args:
        source: the name of a corpus, else a file (see ``read_examples``) or folder (see
            ``read_folder``). A file with a corpus's name is ``./imdb``.
        **options: the fields of ``Source``.

    Raises:
        DataError: nothing is there, or it cannot be read as labelled texts.
    """
    return Source(name=source, **options).read()


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where labelled texts are, and how to read them: enough to read them again."""

    name: StrPath
    """A corpus, as a string, or a file or folder."""
    data_dir: StrPath | None = None
    """The folder that has the corpus's archive; None looks in the usual places."""
    text_column: str | None = None
    """Column of the texts; None finds it by its name or by how long its texts are."""
    label_column: str | None = None
    """Column of the labels; None finds it likewise."""
    encoding: str | None = None
    """How the files' bytes spell characters; None reads UTF-8, or UTF-16 by its mark."""
    fold: int | None = None
    """Which tenth of a corpus without a test split is its test split, 0 to 9; None is 0."""
    num_labels: int | None = None
    """Of sst: 2, 3 or 5; None is 5."""
    phrases: bool = False
    """Of sst: train on every phrase of the training sentences as well."""
    test: StrPath | None = None
    """File of the test split; None takes what the source has, if anything."""
    validation: StrPath | None = None
    """File of the validation split; None likewise."""

    def read(self, report: Report | None = None) -> Dataset:
        """Read the texts; a corpus that is not on this computer is fetched.

        Args:
            report: called as bytes are fetched.

        Raises:
            DataError: nothing is there, or it cannot be read as labelled texts.
        """
        asked = Asked(self.text_column, self.label_column, self.encoding)
        choices = Choices(self.fold, self.num_labels, self.phrases)
        if self._corpus is not None:
            dataset = read_corpus(self._corpus, data_dir=self.data_dir, choices=choices, report=report)
        elif choices != Choices():
            named = next(name for name, value in choices._asdict().items() if value not in (None, False))
            raise DataError(f"{named} is a choice of corpora, and {self.name} is none; leave it out")
        else:
            dataset = _read_path(Path(self.name), asked)
        extra = {"validation": self.validation, "test": self.test}
        dataset = _with_splits(dataset, {s: Path(p) for s, p in extra.items() if p is not None}, asked)
        return replace(dataset, origin=self)

    def absolute(self) -> Source:
        """The same, from whatever folder it is read."""
        return replace(
            self,
            name=self._corpus or str(Path(self.name).absolute()),
            data_dir=_absolute(self.data_dir),
            test=_absolute(self.test),
            validation=_absolute(self.validation),
        )

    @property
    def _corpus(self) -> str | None:
        return self.name if isinstance(self.name, str) and self.name in CORPORA else None


def _absolute(path: StrPath | None) -> str | None:
    return None if path is None else str(Path(path).absolute())


def _read_path(path: Path, asked: Asked) -> Dataset:
    if path.is_dir():
        splits: Mapping[str, tuple[Example, ...]] = read_folder(path, asked.encoding)
        sha256 = _hash_folder(path)
        return build_dataset(splits, name=path.resolve().name, sha256=sha256, source=path.resolve().name)
    if not path.exists():
        near = [*CORPORA, *(p.name for p in path.parent.glob("*"))]
        raise DataError(
            f"{str(path)!r} is neither a file nor a corpus{closest(path.name, near)}; "
            f"give a file of labelled texts or one of {', '.join(CORPORA)}"
        )
    splits = {"train": read_examples(path, asked)}
    return build_dataset(splits, name=path.name.partition(".")[0], sha256=hash_file(path), source=path.name)


def _with_splits(dataset: Dataset, paths: Mapping[str, Path], asked: Asked) -> Dataset:
    splits = dict(dataset.splits)
    hashes = {"train": dataset.sha256}
    for split, path in paths.items():
        if split in splits:
            raise DataError(f"{dataset.source} has a {split} split already; leave {path} out")
        splits[split] = read_examples(path, asked)
        hashes[split] = hash_file(path)
    if not paths:
        return dataset
    return build_dataset(
        splits,
        name=dataset.name,
        sha256=_hash_all(hashes),
        source=", ".join([dataset.source, *(path.name for path in paths.values())]),
    )


def _hash_folder(folder: Path) -> str:
    return _hash_all({f.relative_to(folder).as_posix(): hash_file(f) for f in folder_files(folder)})


def _hash_all(hashes: Mapping[str, str]) -> str:
    """SHA-256 of a list as ``sha256sum`` prints it: a hash, two spaces and a name a line."""
    listed = "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items())
    return hashlib.sha256(listed.encode()).hexdigest()
