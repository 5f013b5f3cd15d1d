"""``tenor recipe`` and ``tenor train --recipe``, as they are typed."""

from __future__ import annotations

import json

import pytest

from tenor import TextClassifier

QUICK = ("--epochs", 1, "--hidden-sizes", 4, "--embedding-dim", 4, "--min-count", 1)


def test_the_list_has_every_recipe(tenor):
    rows = [json.loads(line) for line in tenor("recipe", "list").out.splitlines()]
    assert [row["name"] for row in rows] == [
        "jax-birnn-imdb", "mindspore-imdb", "neural-perspective-polarity", "pytorch-vanilla-sst",
        "tensorflow-imdb", "tensorflow-imdb-stacked",
    ]  # fmt: skip
    assert all(row["flaws"] and row["published"] for row in rows)


def test_on_a_terminal_a_recipe_is_shown_with_what_to_type(terminal):
    assert "mindspore-imdb" in terminal("recipe", "list").out
    shown = terminal("recipe", "show", "tensorflow-imdb").out
    assert "thousand-words" in shown
    assert "tenor train --recipe tensorflow-imdb --as-published" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipe", "show"], "name the recipe to show: jax-birnn-imdb, "),
        (
            ["recipe", "show", "tensorflow"],
            "there is no recipe 'tensorflow'; did you mean 'tensorflow-imdb'?",
        ),
        (["recipe", "list", "x"], "for one type: tenor recipe show x"),
        (
            ["train", "--recipe", "mindspore"],
            "there is no recipe 'mindspore'; did you mean 'mindspore-imdb'?",
        ),
        (["train", "x.csv", "--flaw", "padding-read"], "go with --recipe NAME: add that"),
        (["train", "--recipe", "tensorflow-imdb", "--flaw", "paddings"], "has no flaw 'paddings'"),
        (
            ["train", "--recipe", "tensorflow-imdb", "--variant", "gru2"],
            "no variant 'gru2'; did you mean 'gru'?",
        ),
        (["train", "--recipe", "tensorflow-imdb", "--config", "x.toml"], "both name settings; leave one out"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_what_there_is(tenor, arguments, message):
    done = tenor(*arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_recipe_trains_on_texts_of_ones_own_and_flags_go_before_it(tenor, reviews, tmp_path):
    done = tenor("train", reviews, "--recipe", "tensorflow-imdb", *QUICK, "-o", tmp_path / "out")
    assert done.status == 0, done.err
    config = json.loads((tmp_path / "out" / "config.json").read_bytes())
    assert config["recipe"] == {"name": "tensorflow-imdb", "variants": [], "flaws": []}
    assert (config["model"]["hidden_sizes"], config["model"]["head_hidden"]) == ([4], 64)
    assert (config["train"]["learning_rate"], config["train"]["epochs"]) == (1e-4, 1)
    assert TextClassifier.load(tmp_path / "out").model.vocabulary.tokens[:2] == ("", "[UNK]")


def test_a_corpus_named_again_keeps_the_recipe_s_choices_of_it():
    from argparse import Namespace

    from tenor.cli.recipe import take_recipe

    plain = {
        "recipe": "pytorch-vanilla-sst",
        "variant": [],
        "flaw": [],
        "as_published": False,
    }
    for data in (None, "sst"):
        given = Namespace(**plain, config=None, data=data, num_labels=None, vectors=None)
        take_recipe(given)
        assert (given.data, given.num_labels) == ("sst", 3)


def test_flaws_and_variants_are_chosen_by_name_and_recorded(tenor, reviews, tmp_path):
    chosen = ("--recipe", "neural-perspective-polarity", "--variant", "lstm", "--flaw", "sigmoid-loss")
    tenor("train", reviews, *chosen, *QUICK, "-o", tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_bytes())
    assert config["recipe"]["variants"] == ["lstm"]
    assert config["recipe"]["flaws"] == ["sigmoid-loss"]
    assert config["model"]["cell"] == "lstm"
    assert config["flaws"]["sigmoid_loss"] is True


def test_a_flawed_training_is_repeated_and_gone_on_with_from_its_record(tenor, reviews, tmp_path):
    flawed = ("--recipe", "pytorch-vanilla-sst", "--as-published", "--split", "words")
    first = tenor("train", reviews, *flawed, *QUICK, "-o", tmp_path / "out")
    assert first.status == 0, first.err
    again = tenor("train", reviews, "--config", tmp_path / "out" / "config.json", "-o", tmp_path / "again")
    assert again.status == 0, again.err
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("out", "again")]
    assert same[0] == same[1]
    assert tenor("train", "--resume", tmp_path / "out.run", "--force").status == 0
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == same[0]


def test_the_settings_of_a_recipe_say_where_they_come_from(tenor):
    shown = tenor("train", "--recipe", "mindspore-imdb", "--flaw", "padding-read", "--show-config").out
    assert 'split = "spaces"  # recipe mindspore-imdb' in shown
    assert "fill_to = 500  # recipe mindspore-imdb" in shown
    assert "lowercase = true  # default" in shown


def test_the_learning_rate_can_be_changed_on_the_way_and_the_change_is_a_setting(tenor, reviews, tmp_path):
    small = (
        "--epochs",
        3,
        "--hidden-sizes",
        4,
        "--embedding-dim",
        4,
        "--min-count",
        1,
        "--schedule",
        "constant",
    )
    tenor("train", reviews, *small, "--checkpoint-steps", 1, "--keep-checkpoints", 9, "-o", tmp_path / "out")
    changed = ("--step", 2, "--learning-rate", 0.001, "-o", tmp_path / "changed")

    done = tenor("train", "--resume", tmp_path / "out.run", *changed)

    assert done.status == 0, done.err
    assert "learning rate 0.001 from update 3 on" in done.err
    config = json.loads((tmp_path / "changed" / "config.json").read_bytes())
    assert config["train"]["rate_changes"] == ["2:0.001"]
    rows = [json.loads(row) for row in (tmp_path / "out.run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["learning_rate"] for row in rows] == [0.005, 0.001, 0.001]
    config = ("--config", tmp_path / "changed" / "config.json", "-o", tmp_path / "again")
    assert tenor("train", reviews, *config).status == 0
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("changed", "again")]
    assert same[0] == same[1]


def test_a_training_that_learns_by_heart_says_so(tenor, reviews, tmp_path):
    turned = (
        reviews.read_text().replace("positive", "X").replace("negative", "positive").replace("X", "negative")
    )
    (tmp_path / "turned.csv").write_text(turned)
    lively = ("--epochs", 8, "--learning-rate", 0.03, "--embedding-dropout", 0, "--min-count", 1)
    done = tenor(
        "train", reviews, "--validation-file", tmp_path / "turned.csv", *lively, "-o", tmp_path / "out"
    )
    assert done.err.count("is far above validation") == 1
