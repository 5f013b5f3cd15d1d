from __future__ import annotations

import json

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
    assert Settings.from_dict(tables(name, {"model": {"cell": cell}})).model.cell == cell


def test_changes_go_before_a_preset_and_leave_it_as_it_is():
    before = json.dumps(PRESETS["fast"].tables)
    merged = tables("fast", {"model": {"hidden_sizes": [7]}, "vocabulary": {"min_count": 1}})
    assert Settings.from_dict(merged).model.hidden_sizes == (7,)
    assert merged["vocabulary"] == {"min_count": 1}
    assert json.dumps(PRESETS["fast"].tables) == before
