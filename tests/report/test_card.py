"""The model card says what a stranger should know, whatever the labels are called."""

from dataclasses import replace

import pytest

from tenor import TextClassifier, evaluate
from tenor.config import FlawsConfig, TokenizerConfig, TrainConfig
from tenor.data import Example
from tenor.report.card import render_card

STRANGE = ("a, b", 'say "hi"', "x|y", "two\nlines", "<script>", "`tick`", "*star*")


@pytest.fixture
def trained(tiny):
    """A function that makes a small model with the record of a training."""

    def make(name="reviews", **settings):
        record = {
            "train": TrainConfig(batch_size=32, learning_rate=2e-3).to_dict(),
            "data": {
                "name": name,
                "sha256": "0" * 64,
                "texts": {"train": 1200, "validation": 100},
                "vectors_sha256": None,
            },
            "metrics": {
                "epochs": 5,
                "best_epoch": 3,
                "validation_accuracy": 0.75,
                "validation_loss": 0.5,
                "validation_macro_f1": 0.7,
            },
        }
        return replace(tiny(**settings), record=record)

    return make


def measured(model):
    examples = [Example(text="the film is good", label=label) for label in model.labels]
    return evaluate(TextClassifier(model), examples)


def tables(card):
    """The cells of every row that begins with a pipe."""
    rows = [line for line in card.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.replace("\\|", "¦").strip("|").split("|")] for row in rows]


def test_the_card_names_data_labels_and_network(trained):
    card = render_card(trained(), None)

    assert card.startswith("# reviews: negative / positive\n\n")
    assert "one of 2 labels: `negative`, `positive`." in card
    assert f"| data | reviews (1,200 train, 100 validation texts), SHA-256 `{'0' * 64}` |" in card
    assert "| network | LSTM 4 → 5, forwards, pooled by mean and max |" in card
    assert "| training | 5 epochs of batches of 32, adam at 0.002, seed 0;" in card


def test_every_heading_is_there_once(trained):
    headings = [line for line in render_card(trained(), None).splitlines() if line.startswith("## ")]

    assert headings == ["## How it was made", "## How good it is", "## What to mind"]


def test_without_test_texts_the_card_warns_that_validation_chose_the_epoch(trained):
    card = render_card(trained(), None)

    assert "| validation (chose epoch 3) | accuracy 0.7500, loss 0.5000, macro F1 0.7000 |" in card
    assert "These are the texts that chose the epoch, so expect a little less on others." in card


def test_with_test_texts_the_card_has_their_scores_and_how_sure_they_are(trained):
    model = trained()
    found = measured(model)

    card = render_card(model, found)

    low, high = found.accuracy_interval
    assert f"| test (2 texts, read once) | accuracy {found.accuracy:.4f}, loss {found.loss:.4f}," in card
    assert f"95 % interval of the test accuracy: {low:.4f} to {high:.4f}." in card
    assert "expect a little less" not in card


def test_the_limit_of_a_models_reading_is_told(trained):
    model = trained()

    assert "It reads texts of any length." in render_card(model, None)
    short = replace(model, tokenizer=TokenizerConfig(max_tokens=1500))
    assert "It reads at most 1,500 tokens of a text." in render_card(short, None)


def test_given_word_vectors_are_told(trained):
    model = trained()
    assert "| word vectors | learnt from the data alone |" in render_card(model, None)

    model.record["data"]["vectors_sha256"] = "1" * 64
    assert "| word vectors | started from given ones |" in render_card(model, None)


def test_strange_labels_leave_every_table_whole(trained):
    model = trained(labels=STRANGE)

    card = render_card(model, measured(model))

    rows = tables(card)
    assert {len(row) for row in rows} == {2}
    assert [name for name, _ in rows[-len(STRANGE) :]] == [
        "a, b", 'say "hi"', "x¦y", "two lines", "&lt;script>", r"\`tick\`", r"\*star\*",
    ]  # fmt: skip


def test_strange_labels_are_listed_as_they_are_spelt(trained):
    card = render_card(trained(labels=STRANGE), None)

    assert '`a, b`, `say "hi"`, `x|y`, `two lines`, `<script>`, `` `tick` ``, `*star*`.' in card


def test_no_markup_of_a_label_stands_outside_code(trained):
    model = trained(name="<img src=x> | #", labels=("<script>alert(1)</script>", "\x1b[31m"))

    card = render_card(model, measured(model))

    assert "<script>" not in card.replace("`<script>alert(1)</script>`", "")
    assert "<img" not in card
    assert "\x1b" not in card


def test_labels_that_differ_in_spaces_only_keep_their_rows(trained):
    model = trained(labels=("a b", "a  b"))

    assert [name for name, _ in tables(render_card(model, measured(model)))[-2:]] == ["a b", "a b"]


def test_many_labels_do_not_fill_the_title(trained):
    card = render_card(trained(labels=tuple(f"label {n}" for n in range(40))), None)

    assert card.startswith("# reviews: 40 labels\n")
    assert "`label 0`, `label 1`," in card


def test_the_same_model_gives_the_same_card(trained):
    assert render_card(trained(), None) == render_card(trained(), None)


def test_mistakes_made_on_purpose_are_told_and_a_test_that_chose_is_not_called_read_once(trained):
    model = trained()
    flaws = FlawsConfig(validate_on_test=50, drop_last=True).to_dict()
    recipe = {"name": "tensorflow-imdb", "variants": ["gru"], "flaws": ["thousand-words"]}
    card = render_card(
        replace(model, record=model.record | {"flaws": flaws, "recipe": recipe}), measured(model)
    )
    assert "| recipe | tensorflow-imdb, gru |" in card
    assert "| mistakes, made on purpose | drop_last, validate_on_test, thousand-words |" in card
    assert "texts, of which 50 chose the epoch)" in card
    assert "read once" not in card
    assert "on purpose" not in render_card(model, measured(model))
