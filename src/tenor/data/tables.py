"""Files and folders of labelled texts → examples; files of texts → texts."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tenor.data.columns import ANYTHING, Asked, choose_columns, need_label
from tenor.data.decoding import StrPath, check_file, cut, decode_lines, holds_model, read_lines
from tenor.data.examples import SPLITS, Example, spelt
from tenor.data.records import names_columns, read_table, sniff_format, table_format
from tenor.errors import DataError

_FORMATS = "CSV, TSV, JSON lines, or lines of the form: __label__NAME text"
_UNLABELLED = "unsup"  # aclImdb/train has 50,000 reviews without a label beside its labels' folders


def read_examples(path: StrPath, asked: Asked = ANYTHING) -> tuple[Example, ...]:
    """Read a file of labelled texts: CSV, TSV, JSON lines or fastText's, also gzipped.

    Raises:
        DataError: the file is not there, is no such file, or has a line that cannot be read; the
            message names the file, the line and what to do.
    """
    file = Path(path)
    check_file(file)
    if not file.is_file():
        raise DataError(f"{file} is a pipe or a device; save its texts in a file first")
    kind = sniff_format(file, asked.encoding)
    if kind is None:
        raise DataError(f"{file} has no labels that Tenor can see; write the texts as {_FORMATS}")
    examples = _read_fasttext(file, asked) if kind == "fasttext" else _read_labelled(file, kind, asked)
    return tuple(examples)


def read_folder(path: StrPath, encoding: str | None = None) -> dict[str, tuple[Example, ...]]:
    """Read a folder of ``label/*.txt``, or of ``train/label/*.txt`` and ``test/label/*.txt``.

    Labels and files come in alphabetical order; hidden files and a label ``unsup``, which is
    where the IMDB corpus keeps its unlabelled reviews, are left out.

    Raises:
        DataError: the folder has another shape, or a file of it cannot be read.
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
        example = Example(text=text, label=spelt(file.parent.name))
        splits.setdefault(_split_of(file, folder), []).append(example)
    return {split: tuple(examples) for split, examples in splits.items()}


def folder_files(folder: Path) -> list[Path]:
    """The texts of a folder of folders, in the order in which they are read."""
    roots = [folder / split for split in SPLITS if (folder / split).is_dir()]
    if folder / "train" not in roots:
        roots = [folder]
    found = [file for root in roots for file in sorted(root.glob("*/*.txt"))]
    return [
        f
        for f in found
        if not f.name.startswith(".")
        and not f.parent.name.startswith(".")
        and f.parent.name != _UNLABELLED
        and not f.is_dir()
    ]


def read_texts(
    path_or_dash: StrPath, text_column: str | None = None, encoding: str | None = None
) -> Iterator[str]:
    r"""Read texts one at a time, in constant memory; ``-`` reads standard input.

    A CSV, TSV or JSON-lines file gives its text column, as does a JSON array, which is read whole. Any
    other file, and standard input, gives a text a line, empty ones too, without the ``\n`` or
    ``\r\n`` that ends it and, where the first begins with ``__label__``, without labels of fastText's
    form. ``.gz`` files are unpacked on the way.

    Raises:
        DataError: as for ``read_examples``; what is wrong with the file as a whole is raised at
            once, what is wrong with a line when it is reached.
    """
    if path_or_dash == "-":
        return _unlabelled(map(cut, decode_lines(_standard_input(), encoding, "standard input")))
    path = Path(path_or_dash)
    check_file(path)
    kind = table_format(path) or (_with_header(path, encoding) if path.is_file() else None)
    if kind is None:
        return _unlabelled(map(cut, read_lines(path, encoding)))
    return _read_column(path, kind, Asked(text_column, None, encoding))


def _with_header(path: Path, encoding: str | None) -> str | None:
    """The format of a table whose name does not tell it, but whose first line names its columns."""
    if not names_columns(next(read_lines(path, encoding), "")):
        return None
    kind = sniff_format(path, encoding)
    return kind if kind in ("csv", "tsv") else None


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise DataError("standard input is closed; name a file, or pipe texts in")
    buffer = sys.stdin.buffer
    return buffer if isinstance(buffer, io.BufferedReader) else io.BufferedReader(buffer)  # type: ignore[arg-type]


def _read_column(path: Path, kind: str, asked: Asked) -> Iterator[str]:
    table = read_table(path, kind, asked)
    columns = choose_columns(table.names, [record.values for record in table.sample], asked, str(path))
    return (_text(record.values, columns.text, f"{path}, line {record.line}") for record in table.records)


def _read_labelled(path: Path, kind: str, asked: Asked) -> Iterator[Example]:
    table = read_table(path, kind, asked)
    columns = choose_columns(table.names, [record.values for record in table.sample], asked, str(path))
    label_column = need_label(columns, table.names, str(path))
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
        yield Example(text=text, label=spelt(label))


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
        raise DataError(f"{place}: {column!r} is {value!r}, not a text; put it between quotes")
    return value


def _label(values: Mapping[str, object], column: str, place: str) -> str:
    value = _value(values, column, place)
    if isinstance(value, bool):
        value = str(value).lower()
    if value is None or value != value or not str(value).strip():
        raise DataError(f"{place}: the label, {column!r}, is empty; fill it in or remove the line")
    if not isinstance(value, str | int | float):
        raise DataError(f"{place}: the label, {column!r}, is {value!r}; it must be one word, text or number")
    return spelt(str(value).strip())


def _value(values: Mapping[str, object], column: str, place: str) -> object:
    if column not in values:
        there = ", ".join(map(repr, values)) or "nothing"
        raise DataError(f"{place} has no {column!r}, only {there}; add it")
    return values[column]


def _split_of(file: Path, folder: Path) -> str:
    parts = file.relative_to(folder).parts
    return parts[0] if len(parts) == 3 else "train"
