"""``tenor <verb>``: declared lightly, run heavily, one exit.

Only the verb that was named is imported, and NumPy only once it runs: help and wrong arguments
answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

import tenor
from tenor.errors import InputError, TenorError

DONE, FAILED, ASKED_WRONGLY, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""

_VERBS = {
    "train": "train a classifier on labelled texts",
    "evaluate": "measure a model on labelled texts",
    "predict": "label texts",
    "read": "show how the answer moves, word by word",
    "draw": "draw a model and what it does",
    "inspect": "show what a model is and where it comes from",
    "recipe": "show the trainings that are known by name",
    "vectors": "learn word vectors, or show the nearest words",
    "data": "show the corpora that are here, or what a file holds",
    "compress": "make a model smaller, and see what that costs",
    "benchmark": "measure how fast a model reads here",
    "doctor": "check this installation",
}
"""Each is a module of this package."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        Exit status: 0 done, 1 the command failed, 2 it was asked for wrongly, 130 interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    if sys.stdout is None:  # as after >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:  # what is said of the work must not get among its results
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    status = _run(argv)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    return status


def _run(argv: Sequence[str]) -> int:
    try:
        args = build_parser(argv).parse_args(argv)
    except SystemExit as done:  # argparse has printed help or what was wrong
        return int(done.code or 0)
    try:
        status = int(args.run(args))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of our output, such as head, has had enough
        return DONE
    except KeyboardInterrupt:
        print("\ntenor: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (TenorError, OSError, MemoryError) as error:
        return _report(error, debug=args.debug)


def _let_go(stream: TextIO | None) -> None:
    """Forget what cannot be written any more; else Python tries again at its end, and changes the status."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviations, takes words behind flags, and names the closest flag where one is unknown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does, but nothing may stay unknown.

        Of words that stand behind a flag argparse knows no more, once an argument that takes any number of
        words has had those before it.
        """
        found, unknown = super().parse_known_args(args, namespace)
        many = next((a.dest for a in self._actions if a.nargs == "*" and not a.option_strings), None)
        if many is not None and not any(word.startswith("-") for word in unknown):
            vars(found)[many] = [*vars(found)[many], *unknown]
        elif unknown:
            from tenor.section import closest

            hint = closest(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unknown argument {unknown[0]!r}{hint}")
        return found, []


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """All verbs, and the flags of the one that the arguments name."""
    parser = _Parser(
        prog="tenor",
        description="Train recurrent text classifiers and read texts with them, word by word.",
        epilog='example: tenor predict "This film is terrible"',
    )
    parser.add_argument("--version", action="version", version=f"tenor {tenor.__version__}")
    commands = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    named = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in _VERBS.items():
        if name != named:
            commands.add_parser(name, help=summary)
            continue
        verb = import_module(f"tenor.cli.{name}")
        command = verb.add_parser(commands, summary)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=verb.run)
    return parser


def _report(error: TenorError | OSError | MemoryError, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    message = str(error)
    if isinstance(error, MemoryError):
        message = f"there is too little memory: {message or 'no more is given'}; take smaller sizes"
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        message = f"{place}{error.strerror or error}"
    print(f"tenor: {message}", file=sys.stderr)
    return ASKED_WRONGLY if isinstance(error, InputError) else FAILED
