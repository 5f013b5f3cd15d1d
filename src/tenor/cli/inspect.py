"""``tenor inspect``: a model folder → what it is and where it comes from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tenor.cli.options import Subparsers
from tenor.cli.output import print_json, print_table, show, wants_json


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "inspect",
        help=summary,
        description="Verify a model folder and show its settings, weights, data and metrics.",
        epilog="example: tenor inspect reviews-model",
    )
    parser.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL",
        help="model folder; without it, the film-review model inside the package",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    return parser


def run(args: argparse.Namespace) -> int:
    """Load the folder, which verifies it, and print its record."""
    from tenor import TextClassifier

    classifier = TextClassifier.load(args.model)
    model = classifier.model
    record: dict[str, Any] = {
        "labels": list(model.labels),
        "num_weights": model.num_weights,
        "vocab_size": len(model.vocabulary),
        "runtime": classifier.runtime,
        "tokenizer": model.tokenizer.to_dict(),
        "vocabulary": model.vocabulary.config.to_dict(),
        "model": model.config.to_dict(),
        **model.record,
        "weights": {name: list(weight.shape) for name, weight in sorted(model.weights.items())},
    }
    if wants_json(args.json):
        print_json(record)
        return 0
    for name, value in record.items():
        if isinstance(value, dict):
            show(f"\n{name}")
            print_table([[f"  {key}", _cell(inner)] for key, inner in value.items()])
        else:
            print_table([[f"{name:12}", _cell(value)]])
    return 0


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
