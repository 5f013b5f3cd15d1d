"""``tenor train``: labelled texts → a model folder."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from tenor.cli import DONE, INTERRUPTED
from tenor.cli.options import Subparsers, add_data, add_settings, load_data, read_settings, settings_given
from tenor.cli.output import say, show
from tenor.config import SECTIONS, Settings
from tenor.errors import InputError


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "train",
        usage="tenor train DATA [-o FOLDER] [--SETTING VALUE ...]",
        help=summary,
        description="Train a classifier on labelled texts and save it as a model folder.",
        epilog="example: tenor train reviews.csv -o reviews",
    )
    parser.add_argument(
        "data", nargs="?", metavar="DATA",
        help="CSV, TSV, JSONL or fastText file, folder with a folder for each label, or corpus: "
        "imdb, sentence-polarity",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="model folder to make")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="settings as TOML, or the config.json of a model to train again; flags go before it",
    )  # fmt: skip
    parser.add_argument(
        "--show-config", action="store_true", help="print all settings and where each is from"
    )
    add_data(parser)
    group = parser.add_argument_group("more data")
    group.add_argument("--test", type=Path, metavar="FILE", help="labelled texts to test on")
    group.add_argument(
        "--validation-file", type=Path, metavar="FILE",
        help="labelled texts that choose the best epoch, instead of a share of the training texts",
    )  # fmt: skip
    group.add_argument("--vectors", type=Path, metavar="FILE", help="word vectors to start from, as GloVe's")
    group.add_argument("--words", type=Path, metavar="FILE", help="vocabulary, a word a line")
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Train, evaluate on test texts if there are any, save the model folder."""
    settings, origins = _settings(args)
    if args.show_config:
        show(_as_toml(settings, origins))
        return 0
    if args.data is None:
        raise InputError("name the DATA to train on, such as a CSV file or sentence-polarity")
    output = args.output or Path(_stem(args.data) + "-model")
    if output.name in ("", ".."):
        raise InputError(f"-o {output} is no name for a new folder; name one, such as -o reviews-model")
    from tenor import artifact

    artifact.check_free(output, force=args.force)
    dataset = load_data(args, test=args.test, validation=args.validation_file)
    from tenor.data import read_texts, read_vectors
    from tenor.training import Progress, train  # PyTorch loads here, once there is something to read

    classifier = train(
        dataset,
        settings,
        words=None if args.words is None else list(read_texts(args.words)),
        vectors=None if args.vectors is None else read_vectors(args.vectors),
        run=output.with_name(output.name + ".run"),
        progress=Progress(sys.stderr),
    )
    classifier.save(output, force=args.force)
    interrupted = "interrupted" in classifier.model.record["metrics"]
    folder = shlex.quote(str(output))
    say(f"saved {output}; learning curves are in {output}.run/curves.svg")
    say(f'next: tenor predict -m {folder} "a text"')
    return INTERRUPTED if interrupted else DONE


def _settings(args: argparse.Namespace) -> tuple[Settings, dict[str, dict[str, str]]]:
    """The settings, and for each whether a flag, a file or the default set it."""
    from_file = {} if args.config is None else read_settings(args.config)
    from_flags = settings_given(args)
    Settings.from_dict(from_file)  # so that a message names what is in the file
    merged: dict[str, dict[str, Any]] = {}
    origins: dict[str, dict[str, str]] = {}
    for section in SECTIONS:
        in_file, flags = from_file.get(section, {}), from_flags[section]
        merged[section] = dict(in_file) | flags
        origins[section] = {name: str(args.config) for name in in_file}
        origins[section] |= dict.fromkeys(flags, "flag")
    return Settings.from_dict(merged), origins


def _as_toml(settings: Settings, origins: dict[str, dict[str, str]]) -> str:
    lines = []
    for section, values in settings.to_dict().items():
        lines.append(f"[{section}]")
        for name, value in values.items():
            origin = origins[section].get(name, "default")
            spelled = json.dumps("none" if value is None else value, ensure_ascii=False)
            lines.append(f"{name} = {spelled}  # {origin}")
        lines.append("")
    return "\n".join(lines[:-1])


def _stem(data: str) -> str:
    return Path(data).name.partition(".")[0] or "text"
