"""``tenor read``: one text → what the model thought after each word."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_model
from tenor.cli.output import colored, columns, one_line, print_json, say, wants_json
from tenor.cli.predict import refuse_path

if TYPE_CHECKING:
    from tenor import Reading

_BAR = 30
_WORD_COLUMNS = 24


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "read",
        help="show how the answer moves, word by word",
        description="Read one text word by word and show the probability of a label after each.",
        epilog='example: tenor read "not bad at all" --svg reading.svg',
    )
    parser.add_argument("text", metavar="TEXT", help="a text; - is standard input")
    parser.add_argument("--label", help="whose probability (default: the model's last label)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a picture too")
    parser.add_argument("--force", action="store_true", help="replace the picture if it is there")
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_model(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the text; print a row a word, or JSON; draw the picture if asked."""
    from tenor import TextClassifier
    from tenor.errors import InputError

    if args.svg is not None and args.svg.exists() and not args.force:
        raise InputError(f"{args.svg} is there already; name another file, or --force to replace it")
    if args.text != "-":
        refuse_path(args.text, "read")
    text = sys.stdin.read() if args.text == "-" else args.text
    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    reading = classifier.read(text)
    label = args.label or classifier.labels[-1]
    reading.effects(label)  # refuses a label that is not there before anything is printed
    if wants_json(args.json):
        print_json(reading.to_dict())
    else:
        _print(reading, label)
    if args.svg is not None:
        from tenor.report.reading import render_reading

        args.svg.write_text(render_reading(reading, label), encoding="utf-8")
        say(f"wrote {args.svg}")
    return 0


def _print(reading: Reading, label: str) -> None:
    print(f"{'':{_WORD_COLUMNS}}  P({label})")
    print(_row("(before any word)", reading.before[label], None))
    for word, effect in zip(reading.words, reading.effects(label), strict=True):
        spelling = reading.text[word.token.start : word.token.end]
        mark = "" if word.known else "?"
        print(_row(spelling + mark, word.probabilities[label], effect))
    unknown = sum(not word.known for word in reading.words)
    after = reading.words[-1].probabilities[label] if reading.words else reading.before[label]
    print(f"\n{reading.label}: P({label}) = {after:.3f}" + (" (text cut)" if reading.truncated else ""))
    if unknown:
        print(f"? {unknown} of {len(reading.words)} words are not in the vocabulary")


def _row(word: str, probability: float, effect: float | None) -> str:
    """``terrible         0.12 ███▌                 -0.31``."""
    shown = one_line(word, _WORD_COLUMNS)
    shown += " " * (_WORD_COLUMNS - columns(shown))
    eighths = round(probability * _BAR * 8)
    bar = "█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8]
    bar = colored(f"{bar:{_BAR}}", "34" if probability >= 0.5 else "33")
    change = "" if effect is None else f"{effect:+.3f}"
    return f"{shown}  {probability:.3f} ▕{bar}▏ {change}"
