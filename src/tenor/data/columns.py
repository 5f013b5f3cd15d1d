"""Names and first rows of a table → which column holds the text, and which the label."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tenor.errors import DataError
from tenor.section import closest, listed

# fmt: off
TEXT_NAMES = (
    "text", "review", "sentence", "comment", "content", "body", "message", "tweet", "document",
    "reviewtext", "reviewbody", "commenttext", "phrase", "utterance", "question", "description",
    "headline", "title",
)
"""What text columns are called, the surest names first."""
LABEL_NAMES = (
    "label", "sentiment", "class", "category", "target", "rating", "stars", "polarity", "labels",
    "score", "intent", "topic", "emotion",
)
"""What label columns are called, the surest names first."""
# fmt: on
_LONGEST_NAME = 5
"""Words of a column's name, where the file has two: the longer questions of a form stand beside more."""
_ROWS_A_VALUE = 4
"""Rows of one label, at the least, where no name says which column has them."""
_TIMES_AS_MANY = 4
"""Values that any other column has, or else none is surely the labels'."""


class Asked(NamedTuple):
    """What the caller said about a table; None leaves it to Tenor."""

    text_column: str | None = None
    label_column: str | None = None
    encoding: str | None = None


ANYTHING = Asked()


class Columns(NamedTuple):
    """Names of the two columns; the label's is None where nothing says which it is."""

    text: str
    label: str | None


def has_header(first: Sequence[str], rows: Sequence[Sequence[str]], asked: Asked) -> bool:
    """Whether the first row names the columns.

    It does not where its cells look like data: a value that comes again below, a number, of two cells a
    sentence as well. One cell is a name only where the name is a usual one.
    """
    cells = [cell.strip() for cell in first]
    usual = [_normal(cell) in (*TEXT_NAMES, *LABEL_NAMES) for cell in cells]
    by_name = {name for name in asked[:2] if name and not name.isdecimal()}
    if all(usual) or by_name & set(cells):
        return True
    if len(cells) > 2:
        return any(usual) or not _is_like(cells, rows)
    if len(cells) == 1:  # one word above sentences
        return " " not in cells[0] and bool(rows) and all(" " in row[0].strip() for row in rows)
    if any(_comes_again(first, rows, column) for column in range(len(first))):
        return False
    return any(usual) or not any(_is_value(cell) for cell in cells)


def has_usual_names(cells: Sequence[str]) -> bool:
    """Whether one of the cells is what text columns are called, and another what label columns are."""
    names = {_normal(cell) for cell in cells}
    return not names.isdisjoint(TEXT_NAMES) and not names.isdisjoint(LABEL_NAMES)


def choose_columns(
    names: Sequence[str],
    rows: Sequence[Mapping[str, object]],
    asked: Asked,
    place: str,
    *,
    named: bool,
) -> Columns:
    """Pick the columns: as asked, else by their names, else by how long their texts are.

    Of several columns without names, that of the longest cells is the text, and the one that has by far the
    fewest values the label: so lie, among others, the corpora of Zhang, Zhao & LeCun (2015).

    Raises:
        DataError: a column that was asked for is not there, both are the same, or nothing says
            which column holds the text.
    """
    text = _asked_for(asked.text_column, names, "--text-column", place)
    label = _asked_for(asked.label_column, names, "--label-column", place)
    if text is not None and text == label:
        raise DataError(f"{place}: column {text!r} cannot be both the text and the label")
    text = text or _usual(TEXT_NAMES, [name for name in names if name != label])
    label = label or _usual(LABEL_NAMES, [name for name in names if name != text])
    free = [name for name in names if name not in (text, label)]
    if text is None and label is None and len(free) == 2:
        free.sort(key=_mean_lengths(rows, free).__getitem__)
    if text is None and len(names) <= 2 and free:
        text = free.pop()
    if label is None and len(names) == 2 and free:
        label = free.pop()
    if not named and len(names) > 2:
        text, label = _by_their_cells(rows, text, label, free)
    if text is None:
        raise DataError(
            f"{place}: which column holds the text? It has columns {listed(names, 20)}; "
            "say --text-column NAME, or add a first line that names the columns if there is none"
        )
    return Columns(text, label)


def need_label(
    columns: Columns, names: Sequence[str], place: str, nameless: Mapping[str, object] | None = None
) -> str:
    """The label's column; ``nameless`` is the first row of a table whose columns have no names.

    Raises:
        DataError: there is none.
    """
    if columns.label is not None:
        return columns.label
    if len(names) == 1:
        raise DataError(f"{place} has one column, {names[0]!r}; a text and a label are needed on each line")
    if nameless is not None:
        begins = ", ".join(f"{name}: {reprlib.repr(value)}" for name, value in nameless.items())
        raise DataError(
            f"{place}: which column holds the label? None has a name, and the first row is {begins}; "
            "say --label-column NUMBER"
        )
    raise DataError(
        f"{place}: which column holds the label? It has columns {listed(names, 20)}; say --label-column NAME"
    )


def _asked_for(name: str | None, names: Sequence[str], flag: str, place: str) -> str | None:
    if name is None or name in names:
        return name
    raise DataError(
        f"{place} has no column {name!r}{closest(name, names)}; it has columns {listed(names, 20)}; "
        f"say {flag} NAME"
    )


def _usual(usual: Sequence[str], names: Sequence[str]) -> str | None:
    """The first usual name that is among the names, as the table spells it."""
    spelt = {_normal(name): name for name in reversed(names)}
    return next((spelt[name] for name in usual if name in spelt), None)


def _mean_lengths(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> dict[str, int]:
    """Characters in each column; as all have the same rows, the sum ranks as the mean does."""
    return {name: sum(len(str(row.get(name, ""))) for row in rows) for name in names}


def _by_their_cells(
    rows: Sequence[Mapping[str, object]], text: str | None, label: str | None, free: list[str]
) -> Columns:
    """Of columns without names those of the text and the label, as far as they are not given."""
    text = text or max(free, key=_mean_lengths(rows, free).__getitem__)
    values = {name: {row.get(name, "") for row in rows} for name in free if name != text}
    counts = {
        name: len(found)
        for name, found in values.items()
        if "" not in found and len(found) * _ROWS_A_VALUE <= len(rows)
    }
    varied = {name: count for name, count in counts.items() if count > 1} or counts
    ranked = sorted(varied, key=varied.__getitem__)
    is_sure = bool(ranked) and all(varied[ranked[0]] * _TIMES_AS_MANY <= varied[name] for name in ranked[1:])
    return Columns(text, label or (ranked[0] if is_sure else None))


def _is_like(cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a row of several cells is like those below: has a number above numbers, or what comes again."""
    others = [[value.strip() for value in row] for row in rows]
    below = zip(*(row for row in others if len(row) == len(cells) and row != cells), strict=True)
    columns = [(cell, values) for cell, values in zip(cells, below, strict=False) if cell]
    above_numbers = [_is_number(cell) for cell, values in columns if all(map(_is_number, values))]
    if above_numbers:
        return all(above_numbers)
    return any(cell in values for cell, values in columns)


def _comes_again(first: Sequence[str], rows: Sequence[Sequence[str]], column: int) -> bool:
    return any(row[column] == first[column] for row in rows if column < len(row))


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, a sentence or nothing: not a column's name."""
    is_sentence = len(cell.split()) > _LONGEST_NAME or (" " in cell and cell[-1] in ".!")
    return not cell or _is_number(cell) or is_sentence


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?\d+(\.\d+)?", cell))


def _normal(name: str) -> str:
    """``Review_Text``, ``reviewText`` and ``review text`` are one name."""
    return re.sub(r"[\W_]", "", name).lower()
