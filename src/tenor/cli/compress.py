"""``tenor compress``: a model → a smaller one, which is refused where it changes too many labels."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tenor.cli.options import Subparsers, add_data, add_split, free_picture, labelled
from tenor.cli.output import print_json, print_table, say, wants_json
from tenor.config import Precision

if TYPE_CHECKING:
    from tenor.compression import Compressed, Compressor

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_CURVE = 8
"""Models of each precision on a curve, at most: 1, 1/2, … 1/128 of the words."""


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "compress",
        help=summary,
        description="Store a model with fewer bits, and with fewer words, and see on labelled texts what it "
        "loses.",
        epilog="examples: tenor compress reviews-model more.csv · tenor compress reviews-model more.csv "
        "--max-size 2MB · tenor compress reviews-model more.csv --curve sizes.svg",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("data", metavar="DATA", help="labelled texts it was not trained on, as for train")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="int8", help="of the weights (default: int8)"
    )
    parser.add_argument(
        "--max-size", type=_size, metavar="SIZE",
        help="of the folder, such as 2MB or 500kB: keeps the frequent words that fit",
    )  # fmt: skip
    parser.add_argument(
        "--max-changed", type=_share, metavar="X",
        help="share of labels that may change (default: 0.001 for bf16, else 0.003)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: MODEL-PRECISION")
    parser.add_argument(
        "--curve", type=Path, metavar="FILE.svg",
        help="write no model: try every precision and ever fewer words, and draw accuracy against size",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace what is there")
    add_split(parser)
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Compress, compare, and write what is good enough."""
    from tenor import TextClassifier, artifact
    from tenor.cli.progress import Counter
    from tenor.compression import MOST_CHANGED, Compressor

    output = args.output or args.model.with_name(f"{args.model.resolve().name}-{args.precision}")
    if args.curve:
        free_picture(args.curve, force=args.force)
    else:
        artifact.check_free(output, force=args.force)
    classifier = TextClassifier.load(args.model)
    _, examples = labelled(args)
    models = 1 + (len(get_args(Precision)) * _CURVE if args.curve else 1)
    with Counter("reading held-out texts", models * len(examples)) as counter:
        name = Path(args.data).resolve().name
        compressor = Compressor(classifier, examples, name=name, on_chunk=counter.add)
        if args.curve:
            return _draw(compressor, args)
        if args.max_size is None:
            found = compressor.compressed(args.precision)
        else:
            found = compressor.fitting(args.precision, args.max_size)
    most = MOST_CHANGED[args.precision] if args.max_changed is None else args.max_changed
    compressor.check(found, most)
    TextClassifier(compressor.noted(found)).save(output, force=args.force)
    _print([compressor.original, found], len(examples), args)
    say(f'saved {output}\nnext: tenor predict -m {shlex.quote(str(output))} "a text"')
    return 0


def _draw(compressor: Compressor, args: argparse.Namespace) -> int:
    from tenor.atomic import write_file
    from tenor.report.sizes import render_sizes

    found = list(compressor.curve(_CURVE))
    curves: dict[str, list[tuple[int, float]]] = {}
    for one in found:
        curves.setdefault(one.model.precision, []).append((one.size_bytes, one.accuracy))
    original = compressor.original
    write_file(args.curve, render_sizes(curves, (original.size_bytes, original.accuracy)).encode())
    _print(found, compressor.texts, args)
    say(f"saved {args.curve}")
    return 0


def _print(models: Sequence[Compressed], texts: int, args: argparse.Namespace) -> None:
    if wants_json(args.json):
        for one in models:
            print_json(
                {
                    "precision": one.model.precision,
                    "words": one.words,
                    "size_bytes": one.size_bytes,
                    "accuracy": one.accuracy,
                    "labels_changed": one.changed,
                    "texts": texts,
                }
            )
        return
    head = ["precision", "words", "MB", "accuracy", "labels changed"]
    rows = [
        [
            one.model.precision,
            f"{one.words:,}",
            f"{one.size_bytes / 1e6:.2f}",
            f"{one.accuracy:.4f}",
            f"{one.changed / texts:.2%}",
        ]
        for one in models
    ]
    print_table([head, *rows], numbers=True)


def _size(words: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]+)?) *([a-z]*)", words.strip().lower())
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None or float(found[1]) * unit < 1:
        raise argparse.ArgumentTypeError(f"{words!r} is not a size such as 2MB, 500kB or 1000000")
    return int(float(found[1]) * unit)


def _share(words: str) -> float:
    try:
        share = float(words)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{words!r} is not a share from 0 to 1")
    return share
