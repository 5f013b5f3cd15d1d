"""``tenor data``: which corpora are here, or what a file holds."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from tenor.cli.options import Subparsers, add_data, layout_of, load_data
from tenor.cli.output import one_line, print_json, print_table, show, terminal_width, wants_json

if TYPE_CHECKING:
    from tenor.data import Dataset, Layout

_SAMPLES = 3
_LABEL_COLUMNS = 24


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "data",
        help=summary,
        description="Show which corpora are here, or how Tenor reads a file of labelled texts: "
        "its splits, labels, lengths and first texts. Nothing is trained.",
        epilog="example: tenor data reviews.csv",
    )
    parser.add_argument("data", nargs="?", metavar="DATA", help="file, folder or corpus")
    parser.add_argument(
        "--unlabelled", action="store_true",
        help="print the unlabelled texts of a corpus (imdb has 50,000) as JSON lines",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """List corpora, or describe one source."""
    if args.data is None:
        return _list_corpora(args)
    if args.unlabelled:
        return _print_unlabelled(args)
    dataset = load_data(args)
    record = _describe(dataset, layout_of(args))
    if wants_json(args.json):
        print_json(record)
        return 0
    _print(dataset, record)
    return 0


def _print(dataset: Dataset, record: dict[str, Any]) -> None:
    splits, read_as = record["splits"], record.get("layout")
    show(one_line(dataset.name, terminal_width()))
    show(f"SHA-256 {dataset.sha256}")
    if read_as is not None and read_as["text_column"] is not None:
        header = "the first line names the columns" if read_as["has_header"] else "no line names the columns"
        names = [one_line(read_as[f"{kind}_column"] or "", _LABEL_COLUMNS) for kind in ("text", "label")]
        told = "" if read_as["format"] == "jsonl" else f"; {header}"
        show(f"{read_as['format']}, texts in {names[0]!r}, labels in {names[1]!r}{told}")
    show()
    rows = [[""], ["texts"], ["characters, median"], ["characters, longest"]]
    rows += [[f"label {one_line(label, _LABEL_COLUMNS)}"] for label in dataset.labels]
    for split, of in splits.items():
        sizes = [of["texts"], of["median_characters"], of["longest_characters"], *of["labels"].values()]
        for row, cell in zip(rows, [split, *(f"{size:,}" for size in sizes)], strict=True):
            row.append(cell)
    print_table(rows, numbers=True)
    for example in dataset.splits["train"][:_SAMPLES]:
        label = one_line(example.label, _LABEL_COLUMNS)
        show(f"\n{label}: {one_line(example.text, terminal_width() * 2 - _LABEL_COLUMNS)}")


def _describe(dataset: Dataset, read_as: Layout | None) -> dict[str, Any]:
    splits = {}
    for split, examples in dataset.splits.items():
        counts = Counter(example.label for example in examples)
        lengths = sorted(len(example.text) for example in examples)
        splits[split] = {
            "texts": len(examples),
            "labels": {label: counts[label] for label in dataset.labels},
            "median_characters": lengths[len(lengths) // 2],
            "longest_characters": lengths[-1],
        }
    return {
        "name": dataset.name, "source": dataset.source, "sha256": dataset.sha256,
        **({} if read_as is None else {"layout": read_as._asdict()}),
        "labels": list(dataset.labels), "splits": splits,
    }  # fmt: skip


def _list_corpora(args: argparse.Namespace) -> int:
    from tenor.data.corpora import CORPORA, find_archive
    from tenor.data.published import PUBLISHED

    for name, corpus in CORPORA.items():
        place, official = find_archive(name, args.data_dir), PUBLISHED[corpus.file]
        if wants_json(args.json):
            there = None if place is None else str(place)
            print_json({"name": name, "file": there, "url": official.url, "size_bytes": official.size_bytes})
        else:
            there = str(
                place or f"fetched when named: {official.size_bytes / 1e6:,.1f} MB from {official.url}"
            )
            print_table([[f"{name:<18}", there]])
    return 0


def _print_unlabelled(args: argparse.Namespace) -> int:
    from tenor.cli.progress import Fetching
    from tenor.data import read_unlabelled

    for text in read_unlabelled(args.data, data_dir=args.data_dir, report=Fetching()):
        print_json({"text": text})
    return 0
