"""Where settings come from: a preset, a file or a recipe, and flags before them."""

import os
import random
import subprocess
import sys
import tomllib

import pytest

from tenor.config import Settings
from tenor.presets import DEFAULT, PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_trains_with_what_the_preset_says(tenor, name):
    shown = tomllib.loads(tenor("train", "--show-config", "--preset", name).out)
    assert Settings.from_dict(shown) == preset(name)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_learns_without_the_core(name, tmp_path):
    draw, data = random.Random(0), tmp_path / "films.csv"
    rows = [
        (" ".join(draw.choices(("a", "film", "plot", word), k=6)), word) for word in ("dull", "fine") * 30
    ]
    data.write_text(
        "text,label\n" + "".join(f"{text} {word},{word}\n" for text, word in rows), encoding="utf-8"
    )
    command = [sys.executable, "-m", "tenor", "train", str(data), "--preset", name, "--epochs", "2"]
    done = subprocess.run(
        [*command, "--hidden-sizes", "8", "-o", str(tmp_path / "model")],
        env=os.environ | {"TENOR_ISA": "none"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "config.json").exists()


def test_the_command_takes_the_default_and_says_so(tenor):
    done = tenor("train", "--show-config")
    assert f'cell = "linear"  # preset {DEFAULT}' in done.out
    shown = tenor("train", "--show-config", "--preset", "fast", "--cell", "lstm", "--embedding-dim", "9").out
    assert 'cell = "lstm"  # flag' in shown
    assert "embedding_dim = 9  # flag" in shown
    assert "window = 1  # default" in shown


def test_settings_come_from_one_place(tenor, tmp_path):
    (tmp_path / "my.toml").write_text("[model]\ncell = 'gru'\n", encoding="utf-8")
    done = tenor("train", "x.csv", "--preset", "fast", "--config", tmp_path / "my.toml")
    assert (done.status, done.err) == (2, "tenor: --preset and --config both bring settings; leave one out\n")
    shown = tenor("train", "--show-config", "--config", tmp_path / "my.toml").out
    assert "preset" not in shown


def test_an_unknown_preset_names_the_closest(tenor):
    done = tenor("train", "x.csv", "--preset", "fats")
    assert done.status == 2
    assert done.err.startswith("tenor: there is no preset 'fats'; did you mean 'fast'?")
