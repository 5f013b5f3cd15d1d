"""Settings: every check with its message, and the way to plain dictionaries and back."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing

import pytest

from tenor.config import (
    SECTIONS,
    ModelConfig,
    Settings,
    TokenizerConfig,
    TrainConfig,
    VocabularyConfig,
)
from tenor.errors import ConfigError, TenorError
from tenor.section import closest, field_help, fields

every_section = pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)


def plain(annotation):
    """A setting's type without ``| None`` and without bounds."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        annotation = typing.get_args(annotation)[0]
    return typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def settings_of(kind):
    """(section, name) of every setting whose plain type, or generic origin, is ``kind``."""
    return [
        pytest.param(section, name, id=name)
        for section in SECTIONS.values()
        for name, (annotation, _) in fields(section).items()
        if kind in (plain(annotation), typing.get_origin(plain(annotation)))
    ]


@pytest.mark.parametrize(("section", "name"), settings_of(int))
def test_a_count_refuses_what_is_no_whole_number(section, name):
    for value in ("3", 2.5, 3.0, True, [3]):
        with pytest.raises(ConfigError, match=f"{name} is .*; it must be of type int"):
            section(**{name: value})


@pytest.mark.parametrize(("section", "name"), settings_of(float))
def test_a_share_or_rate_refuses_what_is_no_number(section, name):
    for value in ("0.5", True, None, [0.5]):
        with pytest.raises(ConfigError, match=f"{name} is .*; it must be of type float"):
            section(**{name: value})


@pytest.mark.parametrize(("section", "name"), settings_of(bool))
def test_a_switch_refuses_what_is_neither_true_nor_false(section, name):
    for value in ("yes", 1, 0, None):
        with pytest.raises(ConfigError, match=f"{name} is {value!r}; it must be of type bool"):
            section(**{name: value})


@pytest.mark.parametrize(("section", "name"), settings_of(typing.Literal))
def test_a_choice_refuses_what_is_not_offered(section, name):
    choices = typing.get_args(fields(section)[name][0])
    for value in ("nonsense", True, None, []):
        with pytest.raises(ConfigError, match=f"{name} is .*; it must be one of {choices[0]}, {choices[1]}"):
            section(**{name: value})


@pytest.mark.parametrize(("section", "name"), settings_of(typing.Literal))
def test_every_offered_choice_is_taken(section, name):
    linear = {"cell": "linear"} if section is ModelConfig and name != "cell" else {}  # it takes the most
    for choice in typing.get_args(fields(section)[name][0]):
        assert getattr(section(**(linear | {name: choice})), name) == choice


@pytest.mark.parametrize(("section", "name"), settings_of(tuple))
def test_a_list_refuses_a_bare_value(section, name):
    for value in ("mean", 64, None):
        with pytest.raises(ConfigError, match=f"{name} is {value!r}; it must be a list"):
            section(**{name: value})


@pytest.mark.parametrize(
    ("section", "name", "value", "allowed"),
    [
        (TokenizerConfig, "max_tokens", 0, "at least 1$"),
        (VocabularyConfig, "min_count", 0, "at least 1$"),
        (VocabularyConfig, "max_size", -1, "at least 1$"),
        (ModelConfig, "embedding_dim", 0, "at least 1$"),
        (ModelConfig, "hidden_sizes", (64, 0), "at least 1$"),
        (ModelConfig, "head_hidden", -1, "at least 0$"),
        (TrainConfig, "epochs", 0, "at least 1$"),
        (TrainConfig, "batch_size", 0, "at least 1$"),
        (TrainConfig, "learning_rate", -1e-3, r"at least 0 and at most 1e\+09$"),
        (TrainConfig, "warmup", 1.01, "at least 0 and at most 1$"),
        (TrainConfig, "weight_decay", -0.1, "at least 0 and"),
        (TrainConfig, "clip_norm", -1.0, "at least 0 and"),
        (TrainConfig, "embedding_dropout", 0.96, "at least 0 and at most 0.95$"),
        (TrainConfig, "input_dropout", 1.0, ".* at most 0.95$"),
        (TrainConfig, "hidden_dropout", -0.1, ".* at most 0.95$"),
        (TrainConfig, "output_dropout", 2, ".* at most 0.95$"),
        (TrainConfig, "validation", 0.0, "at least 0.01 and at most 0.9$"),
        (TrainConfig, "patience", 0, "at least 1$"),
        (TrainConfig, "threads", 0, "at least 1 and at most 1024$"),
        (TrainConfig, "seed", -1, "at least 0$"),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_the_bounds(section, name, value, allowed):
    with pytest.raises(ConfigError, match=f"{name} is .*; it must be {allowed}"):
        section(**{name: value})


@pytest.mark.parametrize(("section", "name"), settings_of(float))
def test_numbers_that_are_not_finite_are_refused(section, name):
    for value in (math.nan, math.inf, -math.inf, 10**400):
        with pytest.raises(ConfigError, match=f"{name} is .*; it must be at least"):
            section(**{name: value})


def test_bounds_are_included():
    assert TrainConfig(embedding_dropout=0.0, hidden_dropout=0.95, validation=0.9, warmup=1.0).warmup == 1.0
    assert ModelConfig(head_hidden=0, embedding_dim=1, hidden_sizes=(1,)).embedding_dim == 1


@pytest.mark.parametrize(("section", "name"), settings_of(int) + settings_of(float))
def test_none_is_taken_where_it_has_a_meaning(section, name):
    if types.NoneType in typing.get_args(fields(section)[name][0]):
        assert getattr(section(**{name: None}), name) is None
    else:
        with pytest.raises(ConfigError, match=f"{name} is None"):
            section(**{name: None})


def test_a_whole_number_becomes_a_float_where_one_is_meant():
    rate = TrainConfig(learning_rate=1).learning_rate
    assert rate == 1.0
    assert type(rate) is float


def test_a_choice_between_numbers_stays_a_whole_number():
    assert type(ModelConfig(binary_logits=2.0).binary_logits) is int


def test_a_list_becomes_a_tuple():
    assert ModelConfig(hidden_sizes=[3, 6]).hidden_sizes == (3, 6)


def test_a_wrong_item_of_a_list_is_refused():
    with pytest.raises(ConfigError, match="pooling is 'median'; it must be one of last, last_word, "):
        ModelConfig(pooling=("mean", "median"))
    with pytest.raises(ConfigError, match="special_tokens is 0; it must be of type str"):
        VocabularyConfig(special_tokens=["<unk>", 0])


@pytest.mark.parametrize("name", ["hidden_sizes", "pooling"])
def test_an_empty_list_of_layers_or_poolings_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} is empty; name at least one"):
        ModelConfig(**{name: ()})


def test_the_unknown_token_must_be_special():
    with pytest.raises(ConfigError, match=r"unknown_token is '\[UNK\]', .* '<pad>', '<unk>'; add it there"):
        VocabularyConfig(unknown_token="[UNK]")
    with pytest.raises(ConfigError, match="unknown_token is '<unk>', which is not one of special_tokens"):
        VocabularyConfig(special_tokens=())


def test_a_special_token_named_twice_is_refused():
    with pytest.raises(ConfigError, match="special_tokens names a token twice; name each once"):
        VocabularyConfig(special_tokens=("<unk>", "<pad>", "<unk>"))


@every_section
def test_an_unknown_setting_is_refused_with_the_closest_name(section):
    name = list(fields(section))[-1]
    with pytest.raises(ConfigError, match=f"unknown setting '{name}s'; did you mean '{name}'\\?"):
        section.from_dict({f"{name}s": 1})


def test_a_setting_unlike_all_others_gets_no_suggestion():
    with pytest.raises(ConfigError, match=r"unknown setting 'qqq'$"):
        ModelConfig.from_dict({"qqq": 1})
    assert closest("qqq", ["cell", "init"]) == ""


def test_an_unknown_group_is_refused_with_the_closest_name():
    with pytest.raises(ConfigError, match=r"unknown group of settings 'models'; did you mean 'model'\?"):
        Settings.from_dict({"models": {}})


def test_a_group_that_is_no_table_is_refused():
    with pytest.raises(ConfigError, match="model is 'lstm'; it must be a table of settings"):
        Settings.from_dict({"model": "lstm"})


def test_what_a_group_does_not_name_keeps_its_default():
    settings = Settings.from_dict({"model": {"cell": "gru"}})
    assert settings == Settings(model=ModelConfig(cell="gru"))


def test_settings_survive_the_way_through_json():
    settings = Settings(
        tokenizer=TokenizerConfig(split="spaces", max_tokens=7),
        vocabulary=VocabularyConfig(special_tokens=("[U]",), unknown_token="[U]", max_size=None),
        model=ModelConfig(hidden_sizes=(3, 6), pooling=("last", "attention"), bidirectional=True),
        train=TrainConfig(epochs=3, learning_rate=1, patience=2),
    )
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@every_section
def test_plain_dictionaries_hold_every_setting_in_order(section):
    assert list(section().to_dict()) == list(fields(section))


@every_section
def test_every_setting_has_help_that_is_one_sentence(section):
    help_of = field_help(section)
    assert list(help_of) == list(fields(section))
    assert [name for name, text in help_of.items() if not (text[0].isupper() and text.endswith("."))] == []


@every_section
def test_settings_are_frozen(section):
    with pytest.raises(dataclasses.FrozenInstanceError):
        section().cell = "gru"


def test_directions_are_counted():
    assert [ModelConfig(bidirectional=both).directions for both in (False, True)] == [1, 2]


@pytest.mark.parametrize(("logits", "labels", "expected"), [(1, 2, 1), (2, 2, 2), (1, 3, 3), (2, 5, 5)])
def test_only_two_labels_can_share_a_logit(logits, labels, expected):
    assert ModelConfig(binary_logits=logits).num_logits(labels) == expected


def test_errors_of_settings_are_value_errors_of_tenor():
    assert issubclass(ConfigError, TenorError)
    assert issubclass(ConfigError, ValueError)
