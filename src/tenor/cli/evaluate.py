"""``tenor evaluate``: a model and labelled texts → how often it is right."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_data
from tenor.cli.output import print_json, print_table, say, wants_json

if TYPE_CHECKING:
    from tenor import Evaluation
    from tenor.data import Example


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model on labelled texts",
        description="Measure a model on labelled texts: accuracy, loss, and where it errs.",
        epilog="example: tenor evaluate reviews-model more-reviews.csv",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("data", metavar="DATA", help="file, folder or corpus, as for train")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"),
        help="which part of the data of a corpus or folder (default: test if it has one)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    parser.add_argument(
        "--runtime", choices=("auto", "native", "numpy"), default="auto", help=argparse.SUPPRESS
    )
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the data, classify it, print the comparison."""
    from tenor import TextClassifier, evaluate
    from tenor.cli.progress import Counter

    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    split, examples = _examples(args)
    with Counter(f"reading {split} texts", len(examples)) as counter:
        found = evaluate(classifier, examples, on_chunk=counter.add)
    if wants_json(args.json):
        origin = {"model": args.model.name, "data": Path(args.data).name, "split": split}
        print_json(origin | found.to_dict())
    else:
        _print(found, split)
        say(f'next: tenor read -m {args.model} "a text"')
    return 0


def _examples(args: argparse.Namespace) -> tuple[str, Sequence[Example]]:
    """The split asked for; of a file, which has none, everything (one label will do here)."""
    from tenor.data import CORPORA, Asked, load, read_examples
    from tenor.errors import DataError

    if Path(args.data).is_file() and args.data not in CORPORA:
        if args.split:
            raise DataError(f"{args.data} is a file, which has no splits; leave --split out")
        asked = Asked(args.text_column, args.label_column, args.encoding)
        return "all", read_examples(args.data, asked)
    dataset = load(args.data, data_dir=args.data_dir, encoding=args.encoding, fold=args.fold)
    split = args.split or ("test" if "test" in dataset.splits else "train")
    if split not in dataset.splits:
        raise DataError(f"{args.data} has no {split} split; it has {', '.join(dataset.splits)}")
    return split, dataset.splits[split]


def _print(found: Evaluation, split: str) -> None:
    low, high = found.accuracy_interval
    print(f"{found.texts:,} texts ({split})\n")
    print(f"accuracy  {found.accuracy:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    print(f"loss      {found.loss:.4f}")
    print(f"macro F1  {found.macro_f1:.4f}\n")
    head = ["label", "precision", "recall", "F1", "texts"]
    rows = [
        [label, f"{s.precision:.4f}", f"{s.recall:.4f}", f"{s.f1:.4f}", f"{s.texts:,}"]
        for label, s in found.labels.items()
    ]
    print_table([head, *rows])
    print()
    counts = [
        [label, *(f"{n:,}" for n in row)] for label, row in zip(found.labels, found.confusion, strict=True)
    ]
    print_table([["right \\ given", *found.labels], *counts])
