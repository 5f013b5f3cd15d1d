"""``tenor inspect``: a model folder → what it is and where it comes from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenor.cli.options import Subparsers
from tenor.cli.output import print_json, print_table, show, wants_json

if TYPE_CHECKING:
    from tenor import TextClassifier


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "inspect",
        help=summary,
        description="Verify a model folder and show its settings, weights, data and metrics.",
        epilog='example: tenor inspect reviews-model --shapes "a text" "another, longer text"',
    )
    parser.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL",
        help="model folder; without it, the film-review model inside the package",
    )  # fmt: skip
    parser.add_argument(
        "--shapes", nargs="+", metavar="TEXT", help="show the shape at each stage on the way of these texts"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    return parser


def run(args: argparse.Namespace) -> int:
    """Load the folder, which verifies it, and print its record."""
    from tenor import TextClassifier
    from tenor.report.network import network_parts

    classifier = TextClassifier.load(args.model)
    if args.shapes:
        return _print_shapes(classifier, args.shapes, as_json=wants_json(args.json))
    model = classifier.model
    record: dict[str, Any] = {
        "labels": list(model.labels),
        "num_weights": model.num_weights,
        "vocab_size": len(model.vocabulary),
        "runtime": classifier.runtime,
        "precision": model.precision,
        "tokenizer": model.tokenizer.to_dict(),
        "vocabulary": model.vocabulary.config.to_dict(),
        "model": model.config.to_dict(),
        **model.record,
        "parts": [part._asdict() for part in network_parts(model)],
        "weights": {name: list(weight.shape) for name, weight in sorted(model.weights.items())},
    }
    if wants_json(args.json):
        print_json(record)
        return 0
    for name, value in record.items():
        if name == "parts":
            show("\nparts")
            print_table([["", "", "weights", "keeps padding out"], *map(_part, value)])
        elif isinstance(value, dict):
            show(f"\n{name}")
            print_table([[f"  {key}", _cell(inner)] for key, inner in value.items()])
        else:
            print_table([[f"{name:12}", _cell(value)]])
    return 0


def _part(part: dict[str, Any]) -> list[str]:
    kept = "yes" if part["keeps_padding_out"] else "no"
    return [f"  {part['name']}", part["detail"], f"{part['weights']:,}", kept]


def _print_shapes(classifier: TextClassifier, texts: list[str], *, as_json: bool) -> int:
    from tenor.report.shapes import stages

    found = stages(classifier, texts)
    if as_json:
        for stage in found:
            print_json(stage._asdict())
        return 0
    rows = [["", "axes", "shape", "in a padded batch"]]
    rows += [[stage.name, stage.axes, str(stage.shape), str(stage.padded or stage.shape)] for stage in found]
    print_table(rows)
    return 0


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
