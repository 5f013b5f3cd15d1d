"""``tenor benchmark``: how fast a model reads on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_columns, add_model
from tenor.cli.output import print_json, print_table, wants_json
from tenor.errors import InputError

if TYPE_CHECKING:
    from tenor import TextClassifier
    from tenor.speed import Speed

_MOST_TEXTS = 10_000


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "benchmark",
        help=summary,
        description="Measure how fast a model reads here: many texts together, and one at a time.",
        epilog="examples: tenor benchmark · tenor benchmark -m reviews-model -f new.csv --threads 1",
    )
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help=f"texts to read, at most {_MOST_TEXTS:,} of them (default: 200 of 200 known words)",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of the core (default: every processor)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        metavar="S",
        help="how long to measure each of the two (default: 3)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_model(parser)
    add_columns(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Measure, and print what came out."""
    from itertools import islice

    from tenor import TextClassifier, native
    from tenor.data import read_texts
    from tenor.speed import measure, sample_texts

    if not 0 < args.seconds <= 3600:
        raise InputError(f"--seconds is {args.seconds}; it must be above 0 and at most 3600")
    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    if args.threads is not None and classifier.runtime == "native":
        native.set_threads(args.threads)
    if args.file:
        texts = list(islice(read_texts(args.file, args.text_column, args.encoding), _MOST_TEXTS))
    else:
        texts = sample_texts(classifier)
    record = _record(classifier, measure(classifier, texts, seconds=args.seconds))
    if wants_json(args.json):
        print_json(record)
    else:
        print_table([[name, _shown(value)] for name, value in record.items()])
    return 0


def _record(classifier: TextClassifier, speed: Speed) -> dict[str, object]:
    from tenor import native

    status, config = native.status(), classifier.model.config
    in_core = classifier.runtime == "native"
    record: dict[str, object] = {
        "model": f"{config.cell} {' → '.join(map(str, (config.embedding_dim, *config.hidden_sizes)))}"
        + (", both directions" if config.bidirectional else ""),
        "computed by": f"compiled core, {status.isa}, {status.threads} threads" if in_core else "NumPy",
        "texts": speed.texts,
        "tokens a text": round(speed.tokens / speed.texts, 1),
        "tokens/s": round(speed.tokens / speed.median_s),
        "texts/s": round(speed.texts / speed.median_s),
        "MB/s": round(speed.size_bytes / 1e6 / speed.median_s, 2),
    }
    for percent in (50, 90, 99):
        record[f"one text alone, {percent} % within, ms"] = round(speed.alone_percentile_ms(percent), 3)
    if speed.roof is not None:
        done = speed.multiply_adds * speed.tokens / speed.median_s
        record["multiply-adds/s in the layers"] = round(done)
        record[f"multiply-adds/s of this machine, in {speed.arithmetic}"] = round(speed.roof)
        record["share of that"] = round(done / speed.roof, 3)
    return record


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
