"""The name of a preset → settings that go together, measured by benchmarks/from_text.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tenor.config import Settings
from tenor.errors import InputError
from tenor.section import closest

DEFAULT = "balanced"
"""What a training takes that names no preset, recipe or file of settings."""

Tables = Mapping[str, Mapping[str, Any]]


class Preset(NamedTuple):
    """Settings for a purpose."""

    summary: str
    """In a line."""
    tables: Tables
    """Group → setting → value, where it is other than the default."""


_LINEAR_ONLY = ("window", "input_gate", "output_gate", "skip")
_NGRAMS = {"ngrams": 2**21, "ngram_order": 3}

PRESETS: dict[str, Preset] = {
    "fast": Preset(
        "a gated linear recurrence whose gates see a word, one direction",
        {
            "model": {"cell": "linear", "embedding_dim": 32, "hidden_sizes": [64], "ngrams": 2**19},
            "train": {"optimizer": "lazy_adam"},
        },
    ),
    "balanced": Preset(
        "gates that see the word before too, twice as wide",
        {
            "model": {"cell": "linear", "window": 2, "hidden_sizes": [128], **_NGRAMS},
            "train": {"optimizer": "lazy_adam"},
        },
    ),
    "accurate": Preset(
        "the same in both directions, which cannot go on word by word",
        {
            "model": {
                "cell": "linear", "window": 2, "hidden_sizes": [128], "bidirectional": True, **_NGRAMS,
            },
            "train": {"optimizer": "lazy_adam"},
        },
    ),
}  # fmt: skip
"""All of them add scores of words and runs of words to what the recurrence says."""


def preset(name: str = DEFAULT) -> Settings:
    """The settings of a preset.

    Raises:
        InputError: there is no such preset; the message names the closest.
    """
    return Settings.from_dict(tables(name))


def tables(name: str, changes: Tables | None = None) -> dict[str, dict[str, Any]]:
    """The settings of a preset as ``Settings.from_dict`` takes them, with some changes made to them.

    Another cell than the preset's takes none of the settings that only a linear cell has.

    Raises:
        InputError: there is no such preset.
    """
    if name not in PRESETS:
        raise InputError(
            f"there is no preset {name!r}{closest(name, PRESETS)}; there are {', '.join(PRESETS)}"
        )
    merged = {group: dict(values) for group, values in PRESETS[name].tables.items()}
    if (changes or {}).get("model", {}).get("cell", "linear") != "linear":
        for setting in _LINEAR_ONLY:
            merged["model"].pop(setting, None)
    for group, values in (changes or {}).items():
        merged.setdefault(group, {}).update(values)
    return merged
