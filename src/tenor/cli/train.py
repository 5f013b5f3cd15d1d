"""``tenor train``: labelled texts → a model folder."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenor.cli import DONE, INTERRUPTED
from tenor.cli.duration import seconds
from tenor.cli.options import (
    Subparsers,
    add_data,
    add_settings,
    layout_of,
    load_data,
    read_settings,
    reading_given,
    settings_given,
)
from tenor.cli.output import say, show
from tenor.cli.progress import Counter, Fetching
from tenor.cli.recipe import Chosen, add_recipe, take_recipe
from tenor.cli.signals import saving_on_signals
from tenor.config import SECTIONS, Settings, TrainConfig
from tenor.errors import InputError, TrainingInterrupted
from tenor.presets import DEFAULT, PRESETS, tables

if TYPE_CHECKING:
    from tenor.classifier import TextClassifier
    from tenor.data import WordVectors
    from tenor.training import RunFolder


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "train",
        usage="tenor train DATA [-o FOLDER] [--SETTING VALUE ...]\n"
        "       tenor train --recipe NAME [--as-published]\n       tenor train --resume RUN",
        help=summary,
        description="Train a classifier on labelled texts and save it as a model folder.",
        epilog="example: tenor train reviews.csv -o reviews",
    )
    parser.add_argument(
        "data", nargs="?", metavar="DATA",
        help="CSV, TSV, JSON, JSONL or fastText file, folder with a folder for each label, or corpus: "
        "imdb, sst, sentence-polarity",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="model folder to make")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    parser.add_argument(
        "--time", type=seconds, metavar="TIME",
        help="take no longer, such as 90, 60s, 2m or 0.5h: fewer epochs or updates, as many as this machine "
        "should do in what reading the texts has left of it; they are settings of the model, as if given",
    )  # fmt: skip
    parser.add_argument(
        "--resume", type=Path, metavar="RUN",
        help="resume a training that was stopped, from its run folder: FOLDER.run",
    )  # fmt: skip
    parser.add_argument(
        "--step", type=int, metavar="N",
        help="with --resume: from this checkpoint on, taking back what came after it (default: the last)",
    )  # fmt: skip
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="settings as TOML, or the config.json of a model to train again; flags go before it",
    )  # fmt: skip
    parser.add_argument(
        "--show-config", action="store_true", help="print all settings and where each is from"
    )
    parser.add_argument(
        "--preset", metavar="NAME",
        help=f"settings that go together: {', '.join(PRESETS)} (default: {DEFAULT}); flags go before it",
    )  # fmt: skip
    add_recipe(parser)
    add_data(parser)
    group = parser.add_argument_group("more data")
    group.add_argument("--test", type=Path, metavar="FILE", help="labelled texts to test on")
    group.add_argument(
        "--validation-file", type=Path, metavar="FILE",
        help="labelled texts that choose the best epoch, instead of a share of the training texts",
    )  # fmt: skip
    group.add_argument(
        "--vectors", metavar="FILE",
        help="word vectors to start from: a GloVe, word2vec or fastText file, glove-50d (from the extra "
        "vectors) or glove.6B.100d (fetched); --freeze-embedding leaves them as they are",
    )  # fmt: skip
    group.add_argument("--words", type=Path, metavar="FILE", help="vocabulary, a word a line")
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Train, or go on with a training; evaluate on test texts if there are any; save the model folder."""
    began = time.perf_counter()
    if args.resume is not None:
        return _resume(args)
    if args.preset and (args.config or args.recipe):
        other = "--config" if args.config else "--recipe"
        raise InputError(f"--preset and {other} both bring settings; leave one out")
    chosen = take_recipe(args)
    settings, origins = _settings(args, chosen)
    if args.show_config:
        show(_as_toml(settings, origins))
        return DONE
    if args.data is None:
        raise InputError("name the DATA to train on, such as a CSV file or sentence-polarity, or a --recipe")
    if args.step is not None:
        raise InputError("--step goes with --resume RUN: add that, or leave it out")
    stem = _stem(args.data) if chosen is None else chosen.name
    output = _output(args, args.output or Path(f"{stem}-model"))
    dataset = load_data(args)
    _tell_of_guess(args)
    from tenor.data import read_texts
    from tenor.training import (
        Progress,
        RunFolder,
        TimeBudget,
        train,
    )  # PyTorch loads here, once there is something to read

    words = None if args.words is None else list(read_texts(args.words))
    vectors = None if args.vectors is None else _read_vectors(args.vectors, args.data_dir)
    recipe = None if chosen is None else chosen.record
    budget = None if args.time is None else TimeBudget(seconds=args.time, began=began)
    with RunFolder(output.with_name(output.name + ".run"), force=args.force) as folder:
        folder.check_free()
        _check_output(args, output)  # again: another training may have ended while the texts were read

        def work() -> TextClassifier:
            progress = Progress(sys.stderr)
            return train(
                dataset, settings, words=words, vectors=vectors, run=folder, progress=progress,
                recipe=recipe, budget=budget,
            )  # fmt: skip

        return _save(work, folder, output, force=args.force)


def _tell_of_guess(args: argparse.Namespace) -> None:
    """Say which columns are read, where neither the file names them nor the caller did."""
    if args.text_column and args.label_column:
        return  # before the file is opened once more
    found = layout_of(args)
    if found is None or found.text_column is None or found.has_header:
        return
    say(
        f"note: no line of {args.data} names its columns; column {found.text_column} is read as the texts, "
        f"column {found.label_column} as their labels; name others by --text-column and --label-column"
    )


def _read_vectors(source: str, data_dir: Path | None) -> WordVectors:
    from tenor.data import read_vectors

    with Counter("reading word vectors") as counter:
        return read_vectors(source, data_dir=data_dir, fetched=Fetching(), parsed=counter.add)


def _resume(args: argparse.Namespace) -> int:
    """Go on with a training; its settings are those of its checkpoint."""
    args.resume = Path(os.path.abspath(args.resume))
    _check_run(args.resume)
    settings = settings_given(args)
    rate = settings["train"].pop("learning_rate", None)
    if rate is not None:
        TrainConfig(learning_rate=rate)  # refuses what is no rate, by the flag's own name
    given = [f"--{name}" for names in settings.values() for name in names]
    given += [
        f"--{name}"
        for name in ("time", "config", "preset", "words", "vectors", "recipe")
        if getattr(args, name)
    ]
    if given:
        raise InputError(
            "a resumed training keeps its settings, but for --learning-rate; leave out "
            f"{', '.join(given).replace('_', '-')}"
        )
    if args.show_config:
        raise InputError("--show-config shows what a new training would take; leave out --resume or it")
    if args.data is None and (reading := reading_given(args)):
        raise InputError(
            f"{', '.join(reading)} say how DATA is read, and without it the texts are read as before; name "
            "DATA too, or leave them out"
        )
    output = _output(args, args.output or args.resume.with_name(args.resume.name.removesuffix(".run")))
    dataset = None if args.data is None else load_data(args)
    from tenor.training import Progress, RunFolder, resume

    with RunFolder(args.resume) as folder:
        _check_output(args, output)

        def work() -> TextClassifier:
            progress = Progress(sys.stderr)
            return resume(folder, dataset, step=args.step, learning_rate=rate, progress=progress)

        return _save(work, folder, output, force=args.force)


def _output(args: argparse.Namespace, output: Path) -> Path:
    """Where the model goes, seen to be free before any work is done for it."""
    if output.name in ("", "..") or output == args.resume:
        raise InputError(f"-o {output} is no name for a new folder; name one, such as -o reviews-model")
    _check_output(args, output)
    return output


def _check_output(args: argparse.Namespace, output: Path) -> None:
    from tenor import artifact

    artifact.check_free(output, force=args.force)


def _check_run(path: Path) -> None:
    """Refuse what is no run folder, before a lock is written into it."""
    if not path.is_dir():
        raise InputError(f"there is no run folder {path}; name one that tenor train made, FOLDER.run")
    if (path / "run.json").is_file() or (path / "checkpoints").is_dir():
        return
    from tenor import artifact

    if not artifact.is_model_folder(path):
        raise InputError(
            f"{path} holds no training that has begun; name a run folder that tenor train made, "
            "FOLDER.run, or begin: tenor train DATA"
        )
    checkpoint = path.parent.name == "checkpoints"
    run = path.parent.parent if checkpoint else path.with_name(path.name + ".run")
    step = f" --step {int(path.name.split('-')[1])}" if checkpoint and path.name.startswith("step-") else ""
    raise InputError(f"{path} is a model; its run folder is {run}: tenor train --resume {run}{step}")


def _save(work: Callable[[], TextClassifier], folder: RunFolder, output: Path, *, force: bool) -> int:
    """Do the work and save its model; where a signal stops it, say how to go on."""
    try:
        with saving_on_signals(folder):
            classifier = work()
            classifier.save(output, force=force)
    except TrainingInterrupted as stopped:
        say(f"tenor: {stopped}; all that was learnt is saved")
        _say_how_to_go_on(folder, output)
        return INTERRUPTED
    except KeyboardInterrupt:
        say("\ntenor: interrupted")
        _say_how_to_go_on(folder, output)
        return INTERRUPTED
    say(f"saved {output}; learning curves are in {folder.path / 'curves.svg'}")
    say(f'next: tenor predict -m {shlex.quote(str(output))} "a text"')
    return DONE


def _say_how_to_go_on(folder: RunFolder, output: Path) -> None:
    if not folder.places():
        return
    place = shlex.quote(str(folder.path))
    named = "" if output.name + ".run" == folder.path.name else f" -o {shlex.quote(str(output))}"
    say(f"next: tenor train --resume {place}{named}")


def _settings(args: argparse.Namespace, chosen: Chosen | None) -> tuple[Settings, dict[str, dict[str, str]]]:
    """The settings, and for each whether a flag, a file, a recipe or the default set it."""
    from_file = {} if args.config is None else read_settings(args.config)
    file = str(args.config)
    if chosen is not None:
        from_file, file = chosen.tables, f"recipe {chosen.recipe.name}"
    from_flags = settings_given(args)
    if chosen is None and args.config is None:
        name = args.preset or DEFAULT
        from_file, file = tables(name), f"preset {name}"
    Settings.from_dict(from_file)  # so that a message names what is in the file
    merged: dict[str, dict[str, Any]] = {}
    origins: dict[str, dict[str, str]] = {}
    for section in SECTIONS:
        in_file, flags = from_file.get(section, {}), from_flags[section]
        merged[section] = dict(in_file) | flags
        origins[section] = dict.fromkeys(in_file, file)
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
