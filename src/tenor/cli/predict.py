"""``tenor predict``: texts → labels."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_columns, add_device, add_model, loaded
from tenor.cli.output import one_line, print_json, print_table, printable, show, terminal_width, wants_json
from tenor.errors import InputError
from tenor.report.monospaced import columns

if TYPE_CHECKING:
    from tenor import Prediction, TextClassifier

_FILE_TEXTS = 1024
_PIPE_TEXTS = 256
"""Fewer at a time: who writes into a pipe may be waiting for answers."""
_LABEL_COLUMNS = 24
_CUT = " (cut)"


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "predict",
        help=summary,
        description="Label texts: those given, those of a file, or a line of standard input each.",
        epilog='examples: tenor predict "This film is terrible" · '
        "tenor predict -m reviews-model -f new.csv > labels.jsonl",
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="a text; - is standard input")
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="texts: a line each, or a CSV, TSV or JSONL column"
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines on a terminal too")
    parser.add_argument(
        "--labels-only",
        action="store_true",
        help="print the label of each text, a line each, and nothing else",
    )
    add_model(parser)
    add_device(parser)
    add_columns(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Classify in chunks, so that a file of any length takes the same memory."""
    texts = _texts(args)
    classifier = loaded(args)
    if args.json and args.labels_only:
        raise InputError("--json prints whole records and --labels-only labels alone; leave one of them out")
    show_chunk = _show_labels if args.labels_only else _show_json if wants_json(args.json) else _show_table
    together = _PIPE_TEXTS if args.file in (None, "-") else _FILE_TEXTS
    while chunk := list(itertools.islice(texts, together)):
        show_chunk(classifier, chunk)
        sys.stdout.flush()  # the next command of a pipe need not wait for the end
    return 0


def _show_labels(classifier: TextClassifier, texts: list[str]) -> None:
    from tenor.prediction import label_ids

    lines = [printable(label) for label in classifier.labels]
    for label_id in label_ids(classifier.predict_logits(texts)).tolist():
        show(lines[label_id])


def _show_json(classifier: TextClassifier, texts: list[str]) -> None:
    for text, prediction in zip(texts, classifier.predict(texts), strict=True):
        print_json({"text": text} | prediction.to_dict())


def _show_table(classifier: TextClassifier, texts: list[str]) -> None:
    found = classifier.predict(texts)
    widest = max(columns(one_line(label, _LABEL_COLUMNS)) for label in classifier.labels)
    rows = [_row(text, prediction, widest) for text, prediction in zip(texts, found, strict=True)]
    print_table(rows)


def _row(text: str, prediction: Prediction, widest: int) -> list[str]:
    """Label, padded so that all chunks line up, score and beginning of the text."""
    label = one_line(prediction.label or "", _LABEL_COLUMNS)
    label += " " * (widest - columns(label))
    cut = _CUT if prediction.truncated else ""
    left = terminal_width() - widest - len("  0.000  ") - len(cut)
    return [label, f"{prediction.score:.3f}", one_line(text, left) + cut]


def _texts(args: argparse.Namespace) -> Iterator[str]:
    given: list[str] = args.texts
    if bool(given) == bool(args.file):
        raise InputError('give texts, or a file with -f: tenor predict "a text"')
    if "-" in given and len(given) > 1:
        raise InputError("- reads the texts from standard input and stands alone; leave out the others")
    if args.file or given == ["-"]:
        from tenor.data import read_texts

        return read_texts(args.file or "-", args.text_column, args.encoding)
    for text in given:
        refuse_path(text, "predict")
    return iter(given)


def refuse_path(text: str, verb: str) -> None:
    """Refuse a file or folder where a text is meant: its name would be classified.

    Raises:
        InputError: the text is the path of something that exists.
    """
    if any(c.isspace() for c in text) or len(text) > 1000 or "\0" in text or not os.path.exists(text):
        return
    if Path(text).is_dir():
        raise InputError(
            f"{text} is a folder, not a text; to read with this model: tenor {verb} -m {text} TEXT"
        )
    raise InputError(
        f"{text} is a file, not a text; for the texts in it: tenor {verb} -f {text}"
        if verb == "predict"
        else f"{text} is a file, not a text; for the text in it: tenor {verb} - < {text}"
    )
