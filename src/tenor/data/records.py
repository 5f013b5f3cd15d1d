"""The lines of a CSV, TSV or JSON-lines file → its records, each with its line number."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Literal, NamedTuple

from tenor.data.columns import Asked, has_header, has_usual_names
from tenor.data.decoding import LINE_LIMIT_BYTES, plain_suffix, read_lines
from tenor.errors import DataError

_SAMPLE_ROWS = 1000
_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}

_MARKS = ",;\t|"
"""What separates fields, the likeliest first."""
_LONGEST_HEADER = 10_000
_ONE_A_LINE = 'write one object a line, such as {"text": "...", "label": "..."}'

_DECODER = json.JSONDecoder()
_SPACES = re.compile(r"[ \t\r\n]*")

Row = tuple[int, list[str]]
Quoting = Literal[0, 3]  # csv.QUOTE_MINIMAL, csv.QUOTE_NONE


class Record(NamedTuple):
    """One row of a table: the number of its first line, and its values by column."""

    line: int
    values: Mapping[str, object]


class Table(NamedTuple):
    """A table that is being read."""

    has_header: bool
    """Whether its first row names its columns."""

    names: tuple[str, ...]
    """Columns in order: of the header, else ``"1"``, ``"2"``, …, or the keys of the objects."""
    sample: list[Record]
    """The first records, to choose columns by."""
    records: Iterator[Record]
    """All records, those of the sample included."""


def table_format(path: Path) -> str | None:
    """``csv``, ``tsv`` or ``jsonl`` by the file's ending; None for any other."""
    return _FORMATS.get(plain_suffix(path))


def sniff_format(path: Path, encoding: str | None) -> str | None:
    """The format by the file's ending, else by its first line; None where neither tells."""
    first = next((line for line in read_lines(path, encoding) if line.strip()), "")
    if first.startswith("__label__"):
        return "fasttext"
    guess = "jsonl" if first.startswith(("{", "[{")) or first.strip() == "[" else None
    guess = guess or ("tsv" if "\t" in first else "csv" if names_columns(first) else None)
    return table_format(path) or guess


def names_columns(line: str) -> bool:
    """Whether a line is a header that names a text and a label, as people usually name them."""
    return len(line) < _LONGEST_HEADER and any(has_usual_names(line.split(mark)) for mark in _MARKS)


def read_table(path: Path, kind: str, asked: Asked) -> Table:
    """Open a table in constant memory, whatever its size.

    Raises:
        DataError: as for ``read_lines``; or the table has no rows, two columns of one name, a row
            of another width than its header, a quote that does not end, or a line that is no
            JSON object. The message has the line number.
    """
    table = _read_objects(path, asked) if kind == "jsonl" else _read_rows(path, kind, asked)
    if not table.sample:
        raise DataError(f"{path} has no rows below its header; give a file with texts in it")
    twice = next((name for name in table.names if name and table.names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path} has two columns called {twice!r}; rename one")
    return table


def _read_rows(path: Path, kind: str, asked: Asked) -> Table:
    delimiter = _delimiter(path, kind, asked.encoding)
    quoting = _quoting(path, delimiter, asked.encoding)
    rows = _split(path, delimiter, quoting, asked.encoding)
    head = list(islice(rows, _SAMPLE_ROWS))
    if not head:
        raise DataError(f"{path} has no rows; give a file with texts in it")
    first, below = head[0][1], [row for _, row in head[1:]]
    header = first if has_header(first, below, asked) else None
    names = tuple(name.strip() for name in header or map(str, range(1, len(first) + 1)))
    if header is not None:
        del head[0]
    sample = list(_named(iter(head), names, header, path))
    return Table(header is not None, names, sample, chain(sample, _named(rows, names, header, path)))


def _split(path: Path, delimiter: str, quoting: Quoting, encoding: str | None) -> Iterator[Row]:
    csv.field_size_limit(LINE_LIMIT_BYTES)  # a setting of the process: there is no other way
    lines = read_lines(path, encoding)
    first = next(lines, "")
    skipped = int(_separator(first) is not None)
    rows = lines if skipped else chain([first], lines)
    reader = csv.reader(rows, delimiter=delimiter, quoting=quoting, strict=True)
    line = 1 + skipped
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        cure = (
            f"a text with quotes, line breaks or {delimiter!r} in it must stand between double quotes, and "
            "each quote inside it be doubled"
        )
        if "new-line character" in str(error):
            raise DataError(
                f"{path}, line {line} has a carriage return that ends no line; save the file with Unix or "
                f"Windows line ends, or, if it belongs to a text: {cure}"
            ) from error
        raise DataError(f"{path}, line {line}: {error}; {cure}") from error


def _named(
    rows: Iterator[Row], names: Sequence[str], header: list[str] | None, path: Path
) -> Iterator[Record]:
    for line, row in rows:
        if len(row) < len(names) or any(row[len(names) :]):
            raise DataError(
                f"{path}, line {line} has {len(row)} fields where the first line has {len(names)}; "
                "put texts with commas, tabs or line breaks between double quotes"
            )
        if row == header:
            raise DataError(f"{path}, line {line} repeats the header; remove that line")
        yield Record(line, dict(zip(names, row, strict=False)))


def _delimiter(path: Path, kind: str, encoding: str | None) -> str:
    """What separates the fields: the mark that parts all first rows into as many fields.

    Where several do, prose is told from a separator by the space that follows its commas.
    """
    lines = list(islice(read_lines(path, encoding), _SAMPLE_ROWS))
    said = _separator(lines[0]) if lines else None
    if said is not None:
        return said
    order = sorted(_MARKS, key=lambda mark: mark != "\t") if kind == "tsv" else _MARKS
    present = [mark for mark in order if mark in lines[0]] if lines else []
    even = {mark: _spaces_after(lines, mark) for mark in present}
    even = {mark: spaces for mark, spaces in even.items() if spaces is not None}
    return min(even, key=lambda mark: even[mark] or 0) if even else (present or [order[0]])[0]


def _separator(line: str) -> str | None:
    """What the first line of a table says that separates its fields, as spreadsheets write it."""
    found = re.fullmatch(r"\"?sep=(.)\"?\s*", line)
    return found[1] if found else None


def _spaces_after(lines: list[str], mark: str) -> int | None:
    """How many fields but the first begin with a space; None where rows differ in their fields."""
    csv.field_size_limit(LINE_LIMIT_BYTES)
    try:
        rows = [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:  # told with its line when the rows are read in earnest
        return None
    if len(lines) == _SAMPLE_ROWS:
        rows.pop()  # it may be cut
    if len({len(row) for row in rows}) != 1:
        return None
    return sum(field.startswith(" ") for row in rows for field in row[1:])


def _quoting(path: Path, delimiter: str, encoding: str | None) -> Quoting:
    """Whether double quotes enclose fields: always, but in tab-separated files that say otherwise.

    Many of those never quote, and a text that begins with a quote is only that. Their rows come
    out wrong when quotes are minded, which one pass over the file shows.
    """
    if delimiter != "\t":
        return csv.QUOTE_MINIMAL
    try:
        widths = {len(row) for _, row in _split(path, delimiter, csv.QUOTE_MINIMAL, encoding)}
    except DataError as error:
        if not isinstance(error.__cause__, csv.Error):
            raise
        return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL if len(widths) == 1 else csv.QUOTE_NONE


def _read_objects(path: Path, asked: Asked) -> Table:
    records = _objects(path, asked.encoding)
    sample = list(islice(records, _SAMPLE_ROWS))
    names = dict.fromkeys(name for record in sample for name in record.values)
    return Table(True, tuple(names), sample, chain(sample, records))


def _objects(path: Path, encoding: str | None) -> Iterator[Record]:
    lines = enumerate(read_lines(path, encoding), 1)
    for number, line in lines:
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            yield from _items(line + "".join(rest for _, rest in lines), number, path)
            return
        value, end = _parse(line, _past_spaces(line, 0), f"{path}, line {number}")
        if line[end:].strip():
            raise DataError(
                f"{path}, line {number} is not JSON (something follows the object); {_ONE_A_LINE}"
            )
        yield Record(number, value)


def _items(array: str, line: int, path: Path) -> Iterator[Record]:
    """The objects of one array, as some programs write tables; ``line`` is where it begins."""
    place, counted = array.index("[") + 1, 0
    while True:
        place = _past_spaces(array, place)
        line, counted = line + array.count("\n", counted, place), place
        if array[place : place + 1] == "]":
            break
        value, place = _parse(array, place, f"{path}, line {line}")
        yield Record(line, value)
        place = _past_spaces(array, place)
        if array[place : place + 1] not in (",", "]"):
            raise DataError(f"{path}: its array ends abruptly after line {line}; fetch it again")
        place += array[place] == ","
    if array[place + 1 :].strip():
        raise DataError(f"{path}, line {line}: something follows the array; {_ONE_A_LINE}")


def _past_spaces(text: str, place: int) -> int:
    found = _SPACES.match(text, place)
    return place if found is None else found.end()


def _parse(text: str, place: int, where: str) -> tuple[dict[str, object], int]:
    """The object that begins at a place, and where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, place)
        if "\\u" in text[place:end]:
            json.dumps(value, ensure_ascii=False).encode()  # refuses half a surrogate pair
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):x}"
        raise DataError(
            f"{where} has {half}, half of a character; write the other half too, or none"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)  # without a place within the line, which is no file's
        raise DataError(f"{where} is not JSON ({reason}); {_ONE_A_LINE}") from error
    if not isinstance(value, dict):
        raise DataError(f"{where} is not a JSON object; {_ONE_A_LINE}")
    return value, end
