"""What the caller names (a corpus, a file, a folder) → a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tenor.config import closest
from tenor.data.columns import Asked
from tenor.data.corpora import CORPORA, read_corpus
from tenor.data.decoding import StrPath, hash_file
from tenor.data.examples import Dataset, Example, build_dataset
from tenor.data.tables import folder_files, read_examples, read_folder
from tenor.errors import DataError


def load(  # noqa: PLR0913 - the options of one sentence on the command line, all but the first by name
    source: StrPath,
    *,
    data_dir: StrPath | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    encoding: str | None = None,
    fold: int = 0,
    test: StrPath | None = None,
    validation: StrPath | None = None,
) -> Dataset:
    """Read labelled texts from wherever they are.

    Args:
        source: the name of a corpus, else a file (see ``read_examples``) or folder (see
            ``read_folder``). A file with a corpus's name is ``./imdb``.
        data_dir: the folder that has the corpus's archive; None looks in the usual places.
        text_column: column of the texts; None finds it by its name or by how long its texts are.
        label_column: column of the labels; None finds it likewise.
        encoding: how the files' bytes spell characters; None reads UTF-8, or UTF-16 by its mark.
        fold: which tenth of a corpus without a test split is its test split.
        test: file of the test split; None takes what the source has, if anything.
        validation: file of the validation split; None likewise.

    Raises:
        DataError: nothing is there, or it cannot be read as labelled texts.
    """
    asked = Asked(text_column, label_column, encoding)
    if str(source) in CORPORA and isinstance(source, str):
        dataset = read_corpus(source, data_dir=data_dir, fold=fold)
    elif fold:
        raise DataError(f"fold is {fold}, but only a corpus without a test split has folds; leave it out")
    else:
        dataset = _read_path(Path(source), asked)
    extra = {"validation": validation, "test": test}
    return _with_splits(dataset, {s: Path(p) for s, p in extra.items() if p is not None}, asked)


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
