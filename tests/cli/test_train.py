"""A small table in, a model folder out: end to end, and every way it is refused."""

import json
import os
import re
import resource
import time
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest

from tenor import TextClassifier
from tenor.artifact import FILES, MANIFEST
from tenor.cli import options
from tenor.training.budget import Pace, TimeBudget

SMALL = ("--epochs", 2, "--embedding-dim", 4, "--hidden-sizes", 5, "--threads", 1, "--min-count", 1)


@pytest.fixture
def train(tenor, tmp_path):
    """A function that trains a small model on a file, and saves it as ``out``."""

    def run(data, *arguments):
        return tenor("train", data, "-o", tmp_path / "out", *SMALL, *arguments)

    return run


@pytest.fixture
def table(tmp_path):
    """A function that writes a table, and gives its place."""

    def write(content):
        (tmp_path / "table.csv").write_text(content, encoding="utf-8")
        return tmp_path / "table.csv"

    return write


@contextmanager
def disk_of(size_bytes):
    """No file can be written beyond this size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_training_makes_a_model_folder_that_predicts(train, tenor, reviews, tmp_path):
    assert train(reviews)[:2] == (0, "")

    assert sorted(contents(tmp_path / "out")) == sorted([*FILES, MANIFEST])
    done = tenor("predict", "-m", tmp_path / "out", "a great film")
    assert json.loads(done.out)["label"] in ("negative", "positive")


def test_training_leaves_a_record_of_its_epochs(train, reviews, tmp_path):
    train(reviews)

    run = tmp_path / "out.run"
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert ElementTree.parse(run / "curves.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_training_says_what_it_read_each_epoch_and_what_to_type_next(train, reviews, tmp_path):
    lines = train(reviews).err.splitlines()

    assert lines[0] == "reviews: 54 train, 6 validation texts · labels 'negative', 'positive'"
    counted = r"n-grams: \d{3} of 1 to 3 words and \d\d parts of words; a linear model of them has"
    assert re.match(counted, lines[2])
    assert [line.split(" · ")[0] for line in lines[3:5]] == ["epoch 1/2", "epoch 2/2"]
    assert lines[-2] == f"saved {tmp_path / 'out'}; learning curves are in {tmp_path / 'out'}.run/curves.svg"
    assert lines[-1] == f'next: tenor predict -m {tmp_path / "out"} "a text"'


def test_columns_that_were_guessed_are_told(train, table):
    """AG News and its like: class, title, text, and no line that names them."""
    rows = "".join(f"{row % 2},title {row},a longer text of row {row}\n" for row in range(20))

    told = train(table(rows))[2]
    asked = train(table(rows), "--text-column", 2, "--label-column", 1, "--force")

    assert re.search(
        r"note: no line of .*table.csv names its columns; column 3 is .* column 1 as their labels", told
    )
    assert asked[0] == 0
    assert "names its columns" not in asked[2]


def test_the_folder_is_named_after_the_data(tenor, reviews, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert tenor("train", "reviews.csv", *SMALL).status == 0
    assert TextClassifier.load(tmp_path / "reviews-model").labels == ("negative", "positive")


def test_training_learns_to_tell_the_labels_apart(train, tenor, reviews, tmp_path):
    without_dropout = ("--output-dropout", 0, "--input-dropout", 0, "--embedding-dropout", 0)
    train(reviews, "--epochs", 20, "--learning-rate", 0.03, "--hidden-sizes", 8, *without_dropout)

    record = json.loads(tenor("evaluate", tmp_path / "out", reviews).out)

    assert record["accuracy"] > 0.8


def test_test_texts_are_read_once_and_stand_in_the_card(train, reviews, tmp_path):
    done = train(reviews, "--test", reviews)

    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    accuracy = json.loads((tmp_path / "out" / "config.json").read_bytes())["metrics"]["test_accuracy"]
    assert f"test accuracy {accuracy:.4f} · loss " in done.err
    assert f"| test (60 texts, read once) | accuracy {accuracy:.4f}" in card


def test_validation_texts_of_ones_own_are_used(train, reviews):
    done = train(reviews, "--validation-file", reviews)

    assert done.err.startswith("reviews: 60 train, 60 validation texts")


def test_a_model_that_is_there_is_refused_before_the_data_is_read(tenor, model_folder, tmp_path):
    before = contents(model_folder)

    done = tenor("train", tmp_path / "nosuch.csv", "-o", model_folder)

    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"tenor: {model_folder} holds a model already; name another place with -o, or --force to replace it\n"
    )
    assert contents(model_folder) == before


def test_force_replaces_a_model(train, reviews, tmp_path):
    train(reviews)
    before = contents(tmp_path / "out")

    assert train(reviews, "--seed", 1, "--force").status == 0
    assert contents(tmp_path / "out")["model.safetensors"] != before["model.safetensors"]


def test_force_does_not_replace_what_is_no_model(tenor, reviews, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()

    done = tenor("train", reviews, "-o", tmp_path / "mine", "--force")

    assert done.status == 1
    assert f"{tmp_path / 'mine'} is there already and is not a model folder" in done.err
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_place_without_a_name_of_its_own_is_refused(tenor, reviews, place):
    done = tenor("train", reviews, "-o", place)

    assert done.status == 2
    assert done.err == (
        f"tenor: -o {place} is no name for a new folder; name one, such as -o reviews-model\n"
    )


def test_the_settings_of_a_model_train_it_again_to_the_same_bytes(train, tenor, reviews, tmp_path):
    train(reviews)

    again = tenor("train", reviews, "-o", tmp_path / "again", "--config", tmp_path / "out" / "config.json")

    assert again.status == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_a_flag_goes_before_the_file_and_the_file_before_the_default(tenor, reviews, tmp_path):
    toml = tmp_path / "small.toml"
    toml.write_text("[model]\nhidden_sizes = [3]\nembedding_dim = 2\n[train]\nepochs = 1\n", encoding="utf-8")

    done = tenor("train", reviews, "-o", tmp_path / "out", "--config", toml, "--embedding-dim", 6)

    config = json.loads((tmp_path / "out" / "config.json").read_bytes())
    assert done.status == 0
    assert (config["model"]["hidden_sizes"], config["model"]["embedding_dim"]) == ([3], 6)
    assert (config["train"]["epochs"], config["model"]["cell"]) == (1, "lstm")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[train]\nepoch = 2\n", "unknown setting 'epoch'; did you mean 'epochs'?"),
        ("[trane]\nepochs = 2\n", "unknown group of settings 'trane'; did you mean 'train'?"),
        ("train = 2\n", "train is 2; it must be a table of settings"),
        ("[train]\nepochs = 'two'\n", "epochs is 'two'; it must be of type int"),
    ],
)
def test_a_file_with_a_wrong_setting_is_refused(tenor, tmp_path, content, message):
    (tmp_path / "wrong.toml").write_text(content, encoding="utf-8")

    done = tenor("train", "reviews.csv", "--config", tmp_path / "wrong.toml")

    assert done == (2, "", f"tenor: {message}\n")


def test_labels_of_any_spelling_go_through(train, tenor, table, tmp_path):
    labels = ["a, b", 'say "hi"', "x|y", "two\nlines", "<b>", "`"]
    rows = ['"{}","{} {}"'.format(label.replace('"', '""'), n, "word" * n) for n, label in enumerate(labels)]
    data = table("label,text\n" + "\n".join(row for row in rows for _ in range(4)) + "\n")

    assert train(data, "--test", data).status == 0
    record = json.loads(tenor("predict", "-m", tmp_path / "out", "1 word").out)
    assert sorted(record["probabilities"]) == sorted(labels)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert all(re.fullmatch(r"\| .* \| .* \||\|---\|---\|", row) for row in rows)


def test_without_data_it_says_what_to_name(tenor):
    done = tenor("train")

    assert done == (
        2,
        "",
        "tenor: name the DATA to train on, such as a CSV file or sentence-polarity, or a --recipe\n",
    )


def test_texts_of_one_label_cannot_be_learnt(train, table):
    done = train(table("text,label\ngood,positive\ngreat,positive\n"))

    assert (done.status, done.out) == (2, "")
    assert "all 2 training examples of table.csv have the label 'positive'" in done.err


def test_a_missing_label_is_named_by_its_line(train, table):
    path = table("text,label\ngood,positive\nbad,\n")

    done = train(path)

    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"tenor: {path}, line 3: the label, 'label', is empty; fill it in or remove the line\n"
    )


def test_an_empty_file_is_refused(train, table):
    path = table("")

    assert train(path) == (2, "", f"tenor: {path} is empty; give a file with texts in it\n")


def test_a_column_that_is_not_there_gives_those_that_are(train, reviews):
    done = train(reviews, "--label-column", "lable")

    assert (done.status, done.out) == (2, "")
    assert "has no column 'lable'; did you mean 'label'?; it has columns 'text', 'label'" in done.err


def test_a_table_without_labels_is_refused(train, table):
    done = train(table("text\ngood film\nbad film\n"))

    assert (done.status, done.out) == (2, "")
    assert "has one column, 'text'; a text and a label are needed on each line" in done.err


def test_a_model_is_no_data(train, model_folder):
    done = train(model_folder)

    assert (done.status, done.out) == (2, "")
    assert f"{model_folder} is a model folder, not texts" in done.err


def test_a_list_of_words_and_its_source_go_together(train, reviews, tmp_path):
    (tmp_path / "words.txt").write_text("good\nbad\n", encoding="utf-8")

    refused = train(reviews, "--words", tmp_path / "words.txt")
    assert refused.status == 2
    assert "set --source list and --words FILE, or neither" in refused.err

    assert train(reviews, "--words", tmp_path / "words.txt", "--source", "list").status == 0
    assert TextClassifier.load(tmp_path / "out").model.vocabulary.tokens[2:] == ("good", "bad")


def test_word_vectors_bring_their_width(train, reviews, tmp_path):
    (tmp_path / "vectors.txt").write_text("good 1 0 0\nbad 0 1 0\n", encoding="utf-8")

    done = train(reviews, "--vectors", tmp_path / "vectors.txt")

    assert done.status == 0
    assert re.search(
        r"word vectors: 2 of \d+ words have one \([\d.]+%\), which are [\d.]+% of the tr", done.err
    )
    assert TextClassifier.load(tmp_path / "out").model.config.embedding_dim == 3


def test_word_vectors_of_no_word_are_refused(train, reviews, tmp_path):
    (tmp_path / "vectors.txt").write_text("GOOD 1 0 0\nBAD 0 1 0\n", encoding="utf-8")

    done = train(reviews, "--vectors", tmp_path / "vectors.txt")

    assert done.status == 2
    assert "has a word vector, so these vectors would do nothing; they spell words like 'GOOD'" in done.err


def test_a_loss_that_is_no_number_is_an_error_and_leaves_no_model(train, reviews, tmp_path):
    wild = ("--learning-rate", "1e9", "--clip-norm", 0, "--batch-size", 8)

    done = train(reviews, *wild, "--cell", "rnn", "--activation", "relu")

    assert (done.status, done.out) == (1, "")
    assert re.search(r"tenor: the \w+ loss is (nan|inf) .*; lower --learning-rate", done.err)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_an_error_and_the_old_model_survives(train, reviews, tmp_path):
    train(reviews)
    before = contents(tmp_path / "out")

    with disk_of(20_000):
        done = train(reviews, "--force", "--embedding-dim", 1000)

    assert (done.status, done.out) == (1, "")
    assert f"cannot write the model folder {tmp_path / 'out.run' / 'checkpoints'}" in done.err
    assert "File too large" in done.err
    assert contents(tmp_path / "out") == before
    assert sorted(os.listdir(tmp_path)) == ["out", "out.run", "reviews.csv"]


def test_a_run_folder_that_cannot_be_written_is_an_error(train, reviews, tmp_path):
    (tmp_path / "out.run").touch()

    done = train(reviews)

    assert (done.status, done.out) == (1, "")
    assert f"cannot write the run folder {tmp_path / 'out.run'}" in done.err
    assert not (tmp_path / "out").exists()


def test_a_time_that_is_enough_changes_nothing_and_says_what_it_allows(train, tenor, reviews, tmp_path):
    done = train(reviews, "--time", "1h")
    assert re.search(
        r"^3,600 s allow 2 epochs of 2 updates \(measured [\d.,]+ ms an update\)$", done.err, re.M
    )

    assert tenor("train", reviews, "-o", tmp_path / "plain", *SMALL).status == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")


def test_a_time_shortens_the_training_and_its_settings_repeat_it(
    train, tenor, reviews, tmp_path, monkeypatch
):
    monkeypatch.setattr("tenor.training.rehearse", lambda *_: Pace(update=50.0, epoch=100.0, rest=0.0))
    few = ("--epochs", 9, "--batch-size", 2)

    done = train(reviews, *few, "--time", "20m")
    assert (
        "1,200 s allow 1 epoch of 18 of its 27 updates (measured 50,000.0 ms an update)\nepoch 1/1 ·"
        in done.err
    )
    again = tenor("train", reviews, "-o", tmp_path / "again", "--config", tmp_path / "out" / "config.json")

    assert again.status == 0
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_time_counts_from_before_the_texts_are_read(train, reviews, monkeypatch):
    at = {}

    def load(args):
        at["loaded"] = time.perf_counter()
        return options.load_data(args)

    def budget(seconds, began):
        at["began"] = began
        return TimeBudget(seconds=seconds, began=began)

    monkeypatch.setattr("tenor.cli.train.load_data", load)
    monkeypatch.setattr("tenor.training.TimeBudget", budget)

    assert train(reviews, "--time", "1h").status == 0
    assert at["began"] < at["loaded"]


@pytest.mark.parametrize("words", ["soon", "0", "-1", "5x"])
def test_what_is_no_time_is_refused(tenor, words):
    done = tenor("train", "x.csv", f"--time={words}")

    assert (done.status, done.out) == (2, "")
    assert f"argument --time: {words!r} is not a time; give seconds, such as 90 or 60s, minutes" in done.err
