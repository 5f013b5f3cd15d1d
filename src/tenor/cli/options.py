"""Flags that several verbs share, and those derived from the settings."""

from __future__ import annotations

import argparse
import os
import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from tenor.config import SECTIONS
from tenor.errors import ConfigError, DataError, InputError
from tenor.presets import DEFAULT, PRESETS
from tenor.section import Range, field_help, fields

if TYPE_CHECKING:
    from tenor import TextClassifier
    from tenor.data import Dataset, Example, Layout

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_UNSET: Any = argparse.SUPPRESS
"""A flag that is not given leaves no trace, so that it does not hide a TOML file's value."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """``-m``: which model reads."""
    parser.add_argument(
        "-m", "--model", type=Path, metavar="FOLDER",
        help="model folder; without it, the film-review model inside the package",
    )  # fmt: skip
    add_runtime(parser)


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """What computes."""
    parser.add_argument(
        "--runtime", choices=("auto", "native", "numpy"), default="auto",
        help="what computes: the compiled core, NumPy, or the first where it can (default: auto)",
    )  # fmt: skip


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where whole texts are read; ``loaded`` heeds it."""
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu",
        help="read on the processor or, with PyTorch, on an NVIDIA GPU (default: cpu)",
    )  # fmt: skip


def loaded(args: argparse.Namespace) -> TextClassifier:
    """The model that was asked for, ready to read where it was asked to."""
    from tenor import TextClassifier, native

    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    told = [name for name in ("TENOR_ISA", "TENOR_THREADS") if name in os.environ]
    if args.runtime == "auto" and told and not native.is_available():
        print(f"note: NumPy reads, as {native.status().reason}", file=sys.stderr)
    if args.device == "cpu":
        return classifier
    from tenor.training import on_gpu

    return on_gpu(classifier)


def add_data(parser: argparse.ArgumentParser) -> None:
    """How a corpus or a table is found and read."""
    group = parser.add_argument_group("reading the data")
    group.add_argument(
        "--data-dir", type=Path, metavar="FOLDER",
        help="folder with the corpora's archives (default: TENOR_DATA, data, ~/.cache/tenor)",
    )  # fmt: skip
    group.add_argument(
        "--fold", type=int, metavar="N",
        help="which tenth of sentence-polarity is its test split, 0 to 9 (default: 0)",
    )  # fmt: skip
    group.add_argument("--num-labels", type=int, metavar="N", help="of sst: 2, 3 or 5 (default: 5)")
    group.add_argument("--phrases", action="store_true", help="of sst: train on every phrase as well")
    group.add_argument("--label-column", metavar="NAME", help="column of the labels")
    add_columns(group)


def load_data(args: argparse.Namespace) -> Dataset:
    """The labelled texts that ``DATA`` and the flags of ``add_data`` name.

    Raises:
        DataError: see ``tenor.data.load``.
    """
    from tenor.cli.progress import Fetching
    from tenor.data import Source

    given = vars(args)
    source = Source(
        name=args.data, data_dir=args.data_dir, text_column=args.text_column,
        label_column=args.label_column, encoding=args.encoding, fold=args.fold,
        num_labels=args.num_labels, phrases=args.phrases,
        test=given.get("test"), validation=given.get("validation_file"),
    )  # fmt: skip
    return source.read(Fetching())


def layout_of(args: argparse.Namespace) -> Layout | None:
    """How the file that ``DATA`` names was understood; None of a folder or corpus."""
    from tenor.data import CORPORA, Asked, layout

    if args.data in CORPORA or not Path(args.data).is_file():
        return None
    return layout(args.data, Asked(args.text_column, args.label_column, args.encoding))


def add_split(parser: argparse.ArgumentParser) -> None:
    """Which part of the data."""
    parser.add_argument(
        "--split", choices=("train", "validation", "test"),
        help="which part of the data of a corpus or folder (default: test if it has one)",
    )  # fmt: skip


def labelled(args: argparse.Namespace) -> tuple[str, Sequence[Example]]:
    """The split that ``add_split`` asked for; of a file, which has none, everything (one label will do).

    Raises:
        DataError: there is no such split, or see ``load_data``.
    """
    from tenor.data import CORPORA, Asked, read_examples

    if Path(args.data).is_file() and args.data not in CORPORA:
        if args.split:
            raise DataError(f"{args.data} is a file, which has no splits; leave --split out")
        if args.fold:
            raise DataError(f"{args.data} is a file, which has no folds; leave --fold out")
        asked = Asked(args.text_column, args.label_column, args.encoding)
        return "all", read_examples(args.data, asked)
    dataset = load_data(args)
    split = args.split or ("test" if "test" in dataset.splits else "train")
    if split not in dataset.splits:
        raise DataError(f"{args.data} has no {split} split; it has {', '.join(dataset.splits)}")
    return split, dataset.splits[split]


def reading_given(args: argparse.Namespace) -> list[str]:
    """The flags among the parsed arguments that say how ``DATA`` is read."""
    names = ("data_dir", "fold", "num_labels", "phrases", "label_column", "text_column", "encoding", "test",
             "validation_file")  # fmt: skip
    return ["--" + name.replace("_", "-") for name in names if vars(args).get(name) not in (None, False)]


def add_columns(group: argparse._ActionsContainer) -> None:
    """How a file of texts is read."""
    group.add_argument("--text-column", metavar="NAME", help="column of the texts")
    add_encoding(group)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Overwrite nothing unless told to.

    Raises:
        InputError: something is there and ``force`` is false.
    """
    if path.exists() and not force:
        raise InputError(f"{path} is there already; name another file, or --force to replace it")


def free_picture(path: Path, *, force: bool) -> None:
    """Refuse to write a picture over something else, or as what it is not.

    Raises:
        InputError: as ``refuse_existing`` does; or the name ends as that of another kind of picture.
    """
    if path.suffix.lower() not in ("", ".svg"):
        raise InputError(
            f"{path} does not end in .svg, which is what is written; name it {path.with_suffix('.svg')}"
        )
    refuse_existing(path, force=force)


def add_encoding(group: argparse._ActionsContainer) -> None:
    """How bytes spell characters."""
    group.add_argument(
        "--encoding", metavar="NAME", help="of the texts, such as windows-1252 (default: utf-8)"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag for every field of every group of settings; defaults are the default preset's."""
    for section, cls in SECTIONS.items():
        group = parser.add_argument_group(f"{section} settings")
        helps, usual = field_help(cls), PRESETS[DEFAULT].tables.get(section, {})
        for name, (kind, default) in fields(cls).items():
            told = _spelled(usual.get(name, default))
            _add_field(group, name, kind, f"{helps[name].rstrip('.')} (default: {told})")


def settings_given(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The settings among the parsed arguments, by group."""
    given = vars(args)
    return {
        section: {name: given[name] for name in fields(cls) if name in given}
        for section, cls in SECTIONS.items()
    }


def _add_field(group: argparse._ArgumentGroup, name: str, kind: Any, text: str) -> None:
    flag = "--" + name.replace("_", "-")
    text = text.replace("%", "%%")
    if kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=_UNSET, help=text)
        return
    group.add_argument(flag, dest=name, default=_UNSET, help=text, type=_Parse(kind), metavar=_metavar(kind))


class _Parse:
    """From the words after a flag to a value; its range is checked by the settings."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, words: str) -> Any:
        try:
            return _value(words, self._kind)
        except ValueError:
            form = _metavar(self._kind)
            number = "X is a number" if "X" in form else "N is a whole number"
            raise argparse.ArgumentTypeError(f"{words!r} is not {form}, where {number}") from None


def _value(words: str, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin is types.UnionType or origin is typing.Union:
        return None if words == "none" else _value(words, typing.get_args(kind)[0])
    if origin is Annotated:
        return _value(words, typing.get_args(kind)[0])
    if origin is tuple:
        return (
            []
            if words == "none"
            else [_value(word.strip(), typing.get_args(kind)[0]) for word in words.split(",")]
        )
    if origin is Literal:
        choices = typing.get_args(kind)
        return next((choice for choice in choices if str(choice) == words), words)
    return kind(words)


def _metavar(kind: Any) -> str:
    """What a reader of the help sees: the choices, or the kind of number and its bounds."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType or origin is typing.Union:
        return f"{_metavar(inner[0])}|none"
    if origin is tuple:
        return f"{_metavar(inner[0])},…"
    if origin is Literal:
        return "|".join(map(str, inner))
    if origin is Annotated:
        return _metavar(inner[0]) if isinstance(inner[1], Range) else str(inner[1])
    return {int: "N", float: "X", str: "NAME"}[kind]


def _spelled(default: Any) -> str:
    """A default as it is typed after the flag."""
    if default is None or isinstance(default, bool):
        return {None: "none", True: "yes", False: "no"}[default]
    return (",".join(map(str, default)) or "none") if isinstance(default, tuple | list) else str(default)


def read_settings(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, or of a model folder's ``config.json``.

    Raises:
        ConfigError: the file cannot be read or parsed.
    """
    import json
    import tomllib

    if path.is_dir():
        path = path / "config.json"
    try:
        content = path.read_text(encoding="utf-8")
        tables = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; name a TOML file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be parsed: {error}") from error
    if not isinstance(tables, dict):
        raise ConfigError(f"{path} does not hold tables of settings")
    if "format_version" in tables:  # of a model folder: the rest is its record, not settings
        tables = {section: tables[section] for section in SECTIONS if section in tables}
    return tables
