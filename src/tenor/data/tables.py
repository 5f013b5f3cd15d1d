"""Files and folders of labelled texts → examples; files of texts → texts."""

from __future__ import annotations

import io
import json
import re
import reprlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tenor.data.columns import ANYTHING, Asked, Columns, choose_columns, need_label
from tenor.data.decoding import StrPath, check_file, cut, decode_lines, holds_model, read_lines
from tenor.data.examples import SPLITS, Example, normal_label
from tenor.data.records import Table, names_columns, read_table, sniff_format, table_format
from tenor.errors import DataError

_FORMATS = "CSV, TSV, JSON lines, or lines of the form: __label__NAME text"
_UNLABELLED = "unsup"  # aclImdb/train has 50,000 reviews without a label beside its labels' folders
_NO_TEXTS = ("thumbs.db", "desktop.ini")
_NO_LABELS = ("__macosx", _UNLABELLED)
"""Names of files and folders that systems leave beside what is the user's, in lower case."""


def read_examples(path: StrPath, asked: Asked = ANYTHING) -> tuple[Example, ...]:
    """Read a file of labelled texts: CSV, TSV, JSON lines or fastText's, also gzipped.

    Raises:
        DataError: the file is not there, is no such file, or has a line that cannot be read; the
            message names the file, the line and what to do.
    """
    file = Path(path)
    kind = _labelled_format(file, asked)
    examples = _read_fasttext(file, asked) if kind == "fasttext" else _read_labelled(file, kind, asked)
    return tuple(examples)


class Layout(NamedTuple):
    """How a file of labelled texts was understood."""

    format: str
    """``csv``, ``tsv``, ``jsonl`` or ``fasttext``."""
    has_header: bool
    """Whether its first row names its columns; if not, they are numbered from 1."""
    text_column: str | None
    label_column: str | None


def layout(path: StrPath, asked: Asked = ANYTHING) -> Layout:
    """How ``read_examples`` understands a file, of which it has seen the beginning.

    Raises:
        DataError: as ``read_examples``.
    """
    file = Path(path)
    kind = _labelled_format(file, asked)
    if kind == "fasttext":
        return Layout(kind, has_header=False, text_column=None, label_column=None)
    table, columns = _opened(file, kind, asked)
    return Layout(kind, table.has_header, columns.text, columns.label)


def _labelled_format(file: Path, asked: Asked) -> str:
    check_file(file)
    if not file.is_file():
        raise DataError(f"{file} is a pipe or a device; save its texts in a file first")
    kind = sniff_format(file, asked.encoding)
    if kind is None:
        raise DataError(f"{file} has no labels that Tenor can see; write the texts as {_FORMATS}")
    return kind


def read_folder(path: StrPath, encoding: str | None = None) -> dict[str, tuple[Example, ...]]:
    """Read a folder of ``label/*.txt``, or of ``train/label/*.txt`` and ``test/label/*.txt``.

    Labels and files come in alphabetical order. Where no file ends in ``.txt``, all of them are texts, unless
    there are tables among them. Hidden files and a label ``unsup``, which is where the IMDB corpus keeps
    its unlabelled reviews, are left out.

    Raises:
        DataError: the folder has another shape, a file of it cannot be read, or some of its files
            look like texts and others do not.
    """
    folder = Path(path)
    if holds_model(folder):
        raise DataError(f"{folder} is a model folder, not texts; give a file or folder of texts in its place")
    files = folder_files(folder)
    if not files:
        raise DataError(
            f"{folder} has no texts at {folder / 'LABEL'}/*.txt or {folder / 'train' / 'LABEL'}/*.txt; "
            f"arrange them so, or give one file: {_FORMATS}"
        )
    splits: dict[str, list[Example]] = {}
    for file in files:
        text = cut("".join(read_lines(file, encoding)))
        example = Example(text=text, label=normal_label(file.parent.name))
        splits.setdefault(_split_of(file, folder), []).append(example)
    return {split: tuple(examples) for split, examples in splits.items()}


def folder_files(folder: Path) -> list[Path]:
    """The texts of a folder of folders, in the order in which they are read.

    Raises:
        DataError: as ``read_folder``.
    """
    roots = [folder / split for split in SPLITS if (folder / split).is_dir()]
    if folder / "train" not in roots:
        roots = [folder]
    found = [
        file
        for root in roots
        for file in sorted(root.glob("*/*"))
        if not file.name.startswith(".")
        and not file.parent.name.startswith(".")
        and file.name.lower() not in _NO_TEXTS
        and file.parent.name.lower() not in _NO_LABELS
    ]
    files = [file for file in found if not file.is_dir()]
    texts = [file for file in files if file.suffix.lower() == ".txt"]
    strange = sorted({*found} - {*texts})
    if texts and strange:
        raise DataError(
            f"{folder} has {len(texts):,} files of texts, whose names end in .txt, and beside them "
            f"{len(strange):,} others, such as {strange[0]}; give all texts that ending, move the rest away"
        )
    for file in files:
        if not file.is_file():
            raise DataError(f"{file} is a pipe or a device, or links to nothing; move it away")
    is_other = len(files) < len(found) or any(map(table_format, files))
    return texts if texts or is_other else files


def read_texts(
    path_or_dash: StrPath, text_column: str | None = None, encoding: str | None = None
) -> Iterator[str]:
    r"""Read texts one at a time, in constant memory; ``-`` reads standard input.

    A CSV, TSV or JSON-lines file gives its text column, as does a JSON array, which is read whole. Of
    standard input, pipes and files of other names the first line tells: a JSON object, or the names of
    a table's columns. Anything else gives a text a line, empty ones too, without the ``\n`` or ``\r\n``
    that ends it and, where the first begins with ``__label__``, without labels of fastText's form.
    Gzipped files are unpacked on the way. A table that comes through a pipe is kept in a temporary file.

    Raises:
        DataError: as for ``read_examples``; what is wrong with the file as a whole is raised at
            once, what is wrong with a line when it is reached.
    """
    asked = Asked(text_column, None, encoding)
    if path_or_dash == "-":
        lines = decode_lines(_standard_input(), encoding, "standard input")
        return _read_stream(lines, "standard input", asked)
    path = Path(path_or_dash)
    check_file(path)
    if not path.is_file():
        return _read_stream(read_lines(path, encoding), str(path), asked)
    kind = table_format(path) or _told_format(next(read_lines(path, encoding), ""))
    if kind is None:
        return _unlabelled(map(cut, read_lines(path, encoding)))
    return _read_column(path, kind, asked)


def _told_format(line: str) -> str | None:
    """The format of a table by its first line; None where that may as well be a text."""
    if names_columns(line):
        return "tsv" if "\t" in line else "csv"
    if line.startswith("{"):
        try:
            return "jsonl" if isinstance(json.loads(line), dict) else None
        except (ValueError, RecursionError):
            return None
    return None


def _read_stream(lines: Iterator[str], place: str, asked: Asked) -> Iterator[str]:
    """Texts of what can be read once."""
    first = next(lines, None)
    if first is None:
        return
    kind, lines = _told_format(first), chain([first], lines)
    if kind is None:
        yield from _unlabelled(map(cut, lines))
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "table"
        with copy.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        try:
            yield from _read_column(copy, kind, asked._replace(encoding=None))
        except DataError as error:
            raise DataError(str(error).replace(str(copy), place)) from error


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise DataError("standard input is closed; name a file, or pipe texts in")
    buffer = sys.stdin.buffer
    return buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(buffer)  # type: ignore[arg-type]


def _opened(path: Path, kind: str, asked: Asked) -> tuple[Table, Columns]:
    """A table, and which of its columns are read."""
    table = read_table(path, kind, asked)
    rows = [record.values for record in table.sample]
    return table, choose_columns(table.names, rows, asked, str(path), named=table.has_header)


def _read_column(path: Path, kind: str, asked: Asked) -> Iterator[str]:
    table, columns = _opened(path, kind, asked)
    return (_text(record.values, columns.text, f"{path}, line {record.line}") for record in table.records)


def _read_labelled(path: Path, kind: str, asked: Asked) -> Iterator[Example]:
    table, columns = _opened(path, kind, asked)
    first_row = None if table.has_header else table.sample[0].values
    label_column = need_label(columns, table.names, str(path), first_row)
    for record in table.records:
        place = f"{path}, line {record.line}"
        text = _text(record.values, columns.text, place)
        yield Example(text=text, label=_label(record.values, label_column, place))


def _read_fasttext(path: Path, asked: Asked) -> Iterator[Example]:
    for number, line in enumerate(read_lines(path, asked.encoding), 1):
        if not line.strip():
            continue
        found = re.fullmatch(r"__label__([^ \t]+)(?:[ \t]+(.*))?", cut(line), re.DOTALL)
        if found is None:
            raise DataError(f"{path}, line {number} does not begin with __label__NAME; add its label")
        label, text = found[1], found[2] or ""
        if text.startswith("__label__"):
            raise DataError(f"{path}, line {number} has two labels; Tenor learns one per text, keep one")
        yield Example(text=text, label=normal_label(label))


def _unlabelled(lines: Iterator[str]) -> Iterator[str]:
    """The texts of lines, without the labels of lines such as fastText trains on."""
    labelled: bool | None = None
    for line in lines:
        if labelled is None and line.strip():
            labelled = line.startswith("__label__")
        yield re.sub(r"\A(?:__label__[^ \t]+[ \t]*)+", "", line) if labelled else line


def _text(values: Mapping[str, object], column: str, place: str) -> str:
    value = _value(values, column, place)
    if value is None:
        raise DataError(f"{place}: the text, {column!r}, is null; fill it in or remove the line")
    if not isinstance(value, str):
        is_flat = not isinstance(value, dict | list)
        cure = "put it between quotes" if is_flat else "write one record a text, without records inside it"
        raise DataError(f"{place}: {column!r} is {reprlib.repr(value)}, not a text; {cure}")
    return value


def _label(values: Mapping[str, object], column: str, place: str) -> str:
    value = _value(values, column, place)
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None or value != value or not str(value).strip():
        raise DataError(f"{place}: the label, {column!r}, is empty; fill it in or remove the line")
    if not isinstance(value, str | int | float):
        raise DataError(
            f"{place}: the label, {column!r}, is {reprlib.repr(value)}; it must be one word, text or number"
        )
    return normal_label(str(value))


def _value(values: Mapping[str, object], column: str, place: str) -> object:
    if column not in values:
        there = ", ".join(map(repr, values)) or "nothing"
        raise DataError(f"{place} has no {column!r}, only {there}; add it")
    return values[column]


def _split_of(file: Path, folder: Path) -> str:
    parts = file.relative_to(folder).parts
    return parts[0] if len(parts) == 3 else "train"
