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


_LINEAR = {
    "cell": "linear", "embedding_dim": 32, "hidden_sizes": [64], "pooling": ["last", "max"],
}  # fmt: skip
_NGRAMS = {"ngrams": 2**21, "ngram_order": 3, "char_ngrams": 5}
_TRAIN = {"optimizer": "lazy_adam"}

PRESETS: dict[str, Preset] = {
    "fast": Preset(
        "a gated linear recurrence, and scores of words and pairs",
        {"model": {**_LINEAR, "ngrams": 2**19}, "train": _TRAIN},
    ),
    "balanced": Preset(
        "the same recurrence, and scores of up to three words, whose spelling has a say",
        {"model": {**_LINEAR, **_NGRAMS}, "train": _TRAIN},
    ),
    "accurate": Preset(
        "an LSTM in both directions and the same scores; it cannot be fed word by word",
        {"model": {"cell": "lstm", "bidirectional": True, **_NGRAMS}, "train": _TRAIN},
    ),
}
"""All of them add scores of words and runs of words to what the recurrence says."""


def preset(name: str = DEFAULT) -> Settings:
    """The settings of a preset.

    Raises:
        InputError: there is no such preset; the message names the closest.
    """
    return Settings.from_dict(tables(name))


def tables(name: str) -> dict[str, dict[str, Any]]:
    """The settings of a preset as ``Settings.from_dict`` takes them.

    Raises:
        InputError: there is no such preset.
    """
    if name not in PRESETS:
        raise InputError(
            f"there is no preset {name!r}{closest(name, PRESETS)}; there are {', '.join(PRESETS)}"
        )
    return {group: dict(values) for group, values in PRESETS[name].tables.items()}
