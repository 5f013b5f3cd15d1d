from __future__ import annotations

import pytest

from tenor.config import Settings
from tenor.errors import InputError
from tenor.presets import PRESETS, preset, tables


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_sound_and_other_than_the_plain_settings(name):
    assert preset(name) != Settings()


def test_an_unknown_preset_is_named_with_the_closest():
    with pytest.raises(InputError, match=r"no preset 'fats'.*fast.*; there are fast, balanced, accurate"):
        preset("fats")


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("cell", ["linear", "lstm", "gru", "rnn"])
def test_every_preset_takes_every_cell(name, cell):
    changed = tables(name)
    changed["model"]["cell"] = cell
    assert Settings.from_dict(changed).model.cell == cell
    assert preset(name).model.cell == PRESETS[name].tables["model"]["cell"]
