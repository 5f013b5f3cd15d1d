"""``tenor read``: one text → what the model thought after each word."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_encoding, add_model, free_picture
from tenor.cli.output import (
    colored,
    one_line,
    print_json,
    say,
    show,
    terminal_width,
    wants_json,
)
from tenor.cli.predict import refuse_path
from tenor.report.monospaced import columns

if TYPE_CHECKING:
    from tenor import Reading

_WIDEST_BAR = 30
_WORD_COLUMNS = _LABEL_COLUMNS = 24


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "read",
        help=summary,
        description="Read one text word by word and show the probability of a label after each.",
        epilog='example: tenor read "not bad at all" --svg reading.svg',
    )
    parser.add_argument("text", metavar="TEXT", help="a text; - is standard input")
    parser.add_argument(
        "--label", help="whose probability (default: the second of two labels, the given one of more)"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a picture too")
    parser.add_argument("--force", action="store_true", help="replace the picture if it is there")
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    add_model(parser)
    add_encoding(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Read the text; print a row a word, or JSON; draw the picture if asked."""
    from tenor import TextClassifier

    if args.svg is not None:
        free_picture(args.svg, force=args.force)
    if args.text != "-":
        refuse_path(args.text, "read")
    text = _standard_input(args.encoding) if args.text == "-" else args.text
    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    reading = classifier.read(text)
    given = classifier.labels[-1] if len(classifier.labels) == 2 else reading.label
    label = given if args.label is None else args.label
    reading.effects(label)  # refuses a label that is not there before anything is written
    if args.svg is not None:
        from tenor.report.reading import render_reading

        args.svg.write_text(render_reading(reading, label), encoding="utf-8")
        say(f"wrote {args.svg}")
    if wants_json(args.json):
        print_json(reading.to_dict())
    else:
        _print(reading, label)
    return 0


def _standard_input(encoding: str | None) -> str:
    from tenor.data import read_texts

    return "\n".join(read_texts("-", encoding=encoding))


def _print(reading: Reading, label: str) -> None:
    name = one_line(label, _LABEL_COLUMNS)
    show(f"{'':{_WORD_COLUMNS}}  P({name})")
    show(_row("(before any word)", reading.before[label], None))
    for word, effect in zip(reading.words, reading.effects(label), strict=True):
        spelling = reading.text[word.token.start : word.token.end] or word.token.text
        mark = "" if word.known else "?"
        show(_row(spelling + mark, word.probabilities[label], effect))
    unknown = sum(not word.known for word in reading.words)
    after = reading.words[-1].probabilities[label] if reading.words else reading.before[label]
    cut = " (text cut)" if reading.truncated else ""
    show(f"\n{one_line(reading.label, _LABEL_COLUMNS)}: P({name}) = {after:.3f}{cut}")
    if unknown:
        show(f"? {unknown} of {len(reading.words)} words are not in the vocabulary")


def _row(word: str, probability: float, effect: float | None) -> str:
    """``terrible         0.12 ███▌                 -0.31``."""
    shown = one_line(word, _WORD_COLUMNS)
    shown += " " * (_WORD_COLUMNS - columns(shown))
    room = terminal_width() - _WORD_COLUMNS - len("  0.000 ▕▏ -0.000")
    widest = max(min(_WIDEST_BAR, room), 1)
    eighths = round(probability * widest * 8)
    bar = "█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8]
    bar = colored(f"{bar:{widest}}", "34" if probability >= 0.5 else "33")
    change = "" if effect is None else f"{effect:+.3f}"
    return f"{shown}  {probability:.3f} ▕{bar}▏ {change}"
