"""Flags derived from the settings, and settings read from files."""

import argparse
import json
import tomllib

import pytest

from tenor.cli import build_parser, options
from tenor.config import SECTIONS, Settings
from tenor.errors import ConfigError
from tenor.section import fields


def parsed(*arguments):
    return build_parser(arguments).parse_args(arguments)


def given(*arguments):
    """The settings that these flags set."""
    sections = options.settings_given(parsed("train", "reviews.csv", *arguments))
    return {name: value for section in sections.values() for name, value in section.items()}


def test_a_flag_that_is_not_given_sets_nothing():
    assert given() == {}


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--epochs", "3"], "epochs", 3),
        (["--epochs", "none"], "epochs", None),
        (["--learning-rate", "1e-3"], "learning_rate", 0.001),
        (["--cell", "gru"], "cell", "gru"),
        (["--hidden-sizes", "8"], "hidden_sizes", [8]),
        (["--hidden-sizes", "8, 4"], "hidden_sizes", [8, 4]),
        (["--pooling", "mean,max"], "pooling", ["mean", "max"]),
        (["--bidirectional"], "bidirectional", True),
        (["--no-lowercase"], "lowercase", False),
        (["--binary-logits", "2"], "binary_logits", 2),
        (["--unknown-token", "?"], "unknown_token", "?"),
    ],
)
def test_a_flag_sets_a_value_of_its_type(arguments, name, value):
    assert given(*arguments) == {name: value}


def test_every_setting_has_one_flag():
    flags = given(*(
        argument for section in SECTIONS.values() for name, (kind, default) in fields(section).items()
        for argument in _spelled("--" + name.replace("_", "-"), kind, default)
    ))  # fmt: skip

    assert flags == {k: v for section in Settings().to_dict().values() for k, v in section.items()}


def _spelled(flag, kind, default):
    if kind is bool:
        return [flag if default else flag.replace("--", "--no-", 1)]
    return [flag, options._spelled(default)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "many"], "argument --epochs: 'many' is not N|none, where N is a whole number"),
        (["--epochs", "2.5"], "argument --epochs: '2.5' is not N|none, where N is a whole number"),
        (["--hidden-sizes", "8,x"], "argument --hidden-sizes: '8,x' is not N,…, where N is a whole number"),
        (["--learning-rate", "fast"], "argument --learning-rate: 'fast' is not X, where X is a number"),
    ],
)
def test_a_value_of_another_type_says_what_it_must_be(tenor, arguments, message):
    done = tenor("train", "reviews.csv", *arguments)

    assert (done.status, done.out) == (2, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cell", "lstn"], "cell is 'lstn'; it must be one of rnn, lstm, gru"),
        (["--epochs", "0"], "epochs is 0; it must be at least 1"),
        (["--warmup", "1.5"], "warmup is 1.5; it must be at least 0 and at most 1"),
        (["--learning-rate", "nan"], "learning_rate is nan; it must be at least 0"),
        (["--learning-rate", "1e30"], "learning_rate is 1e+30; it must be at least 0 and at most 1e+09"),
        (["--pooling", "mean,mode"], "it must be one of last, last_word, first_last, mean, max, attention"),
        (["--binary-logits", "3"], "binary_logits is '3'; it must be one of 1, 2"),
    ],
)
def test_a_value_outside_its_range_says_what_is_allowed(tenor, arguments, message):
    done = tenor("train", "reviews.csv", *arguments)

    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_percent_sign_in_a_help_text_is_shown(capsys):
    parser = argparse.ArgumentParser()
    options._add_field(parser.add_argument_group("settings"), "share", int, "at most 5 % of them")

    parser.print_help()

    assert "at most 5 % of them" in capsys.readouterr().out


def test_a_toml_file_gives_its_tables(tmp_path):
    (tmp_path / "small.toml").write_text("[train]\nepochs = 2\n", encoding="utf-8")

    assert options.read_settings(tmp_path / "small.toml") == {"train": {"epochs": 2}}


def test_the_record_of_a_model_gives_its_settings_only(model_folder):
    tables = options.read_settings(model_folder / "config.json")

    assert set(tables) <= set(SECTIONS)
    assert tables["model"]["hidden_sizes"] == [5]
    assert options.read_settings(model_folder) == tables


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.toml", "epochs = ", "bad.toml cannot be parsed: "),
        ("bad.json", "{", "bad.json cannot be parsed: "),
        ("deep.json", "[" * 100_000, "deep.json cannot be parsed: "),
        ("list.json", "[1]", "list.json does not hold tables of settings"),
        ("latin.toml", b"# caf\xe9", "latin.toml cannot be parsed: "),
    ],
)
def test_a_file_that_holds_no_settings_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ConfigError, match=message):
        options.read_settings(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*nosuch.toml: No such file or directory"):
        options.read_settings(tmp_path / "nosuch.toml")


def test_the_settings_are_shown_with_where_each_is_from(tenor, tmp_path):
    toml = tmp_path / "small.toml"
    toml.write_text("[train]\nepochs = 2\nseed = 5\n", encoding="utf-8")

    done = tenor("train", "--config", toml, "--seed", "7", "--show-config")

    lines = done.out.splitlines()
    assert (done.status, done.err) == (0, "")
    assert f"epochs = 2  # {toml}" in lines
    assert "seed = 7  # flag" in lines
    assert 'cell = "lstm"  # default' in lines
    assert 'patience = "none"  # default' in lines


def test_the_settings_that_are_shown_can_be_read_again(tenor, tmp_path):
    shown = tenor(
        "train", "--show-config", "--unknown-token", "🎬", "--special-tokens", "é,🎬", "--max-size", "none"
    ).out
    (tmp_path / "shown.toml").write_text(shown, encoding="utf-8")

    again = Settings.from_dict(options.read_settings(tmp_path / "shown.toml"))

    assert again.vocabulary.special_tokens == ("é", "🎬")
    assert again.vocabulary.max_size is None
    assert json.loads(json.dumps(tomllib.loads(shown)))["train"]["batch_size"] == again.train.batch_size
