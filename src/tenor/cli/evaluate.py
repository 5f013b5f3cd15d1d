"""``tenor evaluate``: a model and labelled texts → how often it is right."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_data, add_device, add_runtime, add_split, labelled, loaded
from tenor.cli.output import (
    one_line,
    print_json,
    print_table,
    say,
    show,
    table_width,
    terminal_width,
    wants_json,
)

if TYPE_CHECKING:
    from tenor import Evaluation

_LABEL_COLUMNS = 24
_MOST_MISTAKES = 10


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate",
        help=summary,
        description="Measure a model on labelled texts: accuracy, loss, and where it errs.",
        epilog="example: tenor evaluate reviews-model more-reviews.csv",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("data", metavar="DATA", help="file, folder or corpus, as for train")
    add_split(parser)
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_runtime(parser)
    add_device(parser)
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the data, classify it, print the comparison."""
    from tenor import evaluate
    from tenor.cli.progress import Counter

    classifier = loaded(args)
    split, examples = labelled(args)
    with Counter(f"reading {split} texts", len(examples)) as counter:
        found = evaluate(classifier, examples, on_chunk=counter.add)
    if wants_json(args.json):
        origin = {"model": args.model.resolve().name, "data": Path(args.data).resolve().name, "split": split}
        print_json(origin | found.to_dict())
    else:
        _print(found, split)
        say(f'next: tenor read -m {shlex.quote(str(args.model))} "a text"')
    return 0


def _print(found: Evaluation, split: str) -> None:
    low, high = found.accuracy_interval
    show(f"{found.texts:,} texts ({split})\n")
    show(f"accuracy  {found.accuracy:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    show(f"loss      {found.loss:.4f}")
    show(f"macro F1  {found.macro_f1:.4f}\n")
    labels = [one_line(label, _LABEL_COLUMNS) for label in found.labels]
    head = ["label", "precision", "recall", "F1", "texts"]
    rows = [
        [label, f"{s.precision:.4f}", f"{s.recall:.4f}", f"{s.f1:.4f}", f"{s.texts:,}"]
        for label, s in zip(labels, found.labels.values(), strict=True)
    ]
    print_table([head, *rows], numbers=True)
    show()
    counts = [[label, *(f"{n:,}" for n in row)] for label, row in zip(labels, found.confusion, strict=True)]
    table = [["right \\ given", *labels], *counts]
    if table_width(table) > terminal_width():
        table = _mistakes(found, labels)
    if len(table) > 1:
        print_table(table, numbers=True)


def _mistakes(found: Evaluation, labels: Sequence[str]) -> list[list[str]]:
    """The most frequent ones, for more labels than a terminal is wide."""
    counted = [
        (count, right, given)
        for right, row in zip(labels, found.confusion, strict=True)
        for given, count in zip(labels, row, strict=True)
        if count and given is not right
    ]
    counted.sort(key=lambda mistake: -mistake[0])
    rows = [[right, given, f"{count:,}"] for count, right, given in counted[:_MOST_MISTAKES]]
    return [["most often mistaken", "for", "texts"], *rows]
