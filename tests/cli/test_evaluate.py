"""A model and labelled texts in, how often it is right out."""

import json

import pytest

from tenor import TextClassifier, evaluate
from tenor.data import read_examples

STRANGE = ("a, b", 'say "hi"', "x|y", "two\nlines", "<b>", ("long label " * 8).strip())


@pytest.fixture
def labelled(tmp_path):
    """A function that writes texts with labels, and gives the file's place."""

    def write(labels, name="labelled.jsonl"):
        texts = ("the film is good", "the film is bad")
        rows = [{"text": text, "label": label} for label in labels for text in texts]
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def folder_of_texts(tmp_path):
    for split in ("train", "test"):
        for label in ("negative", "positive"):
            place = tmp_path / "corpus" / split / label
            place.mkdir(parents=True)
            (place / "1.txt").write_text(f"{split} {label}", encoding="utf-8")
    return tmp_path / "corpus"


def test_the_record_is_that_of_python_with_its_origin(tenor, model_folder, reviews):
    done = tenor("evaluate", model_folder, reviews)

    found = evaluate(TextClassifier.load(model_folder), read_examples(reviews))
    origin = {"model": "model", "data": "reviews.csv", "split": "all"}
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(json.dumps(origin | found.to_dict()))


def test_the_names_in_the_record_are_the_folders_own(tenor, model_folder, reviews, monkeypatch):
    monkeypatch.chdir(model_folder)

    assert json.loads(tenor("evaluate", ".", reviews).out)["model"] == "model"


def test_the_table_has_the_numbers_of_the_record(terminal, tenor, model_folder, reviews):
    shown = terminal("evaluate", model_folder, reviews)

    record = json.loads(tenor("evaluate", model_folder, reviews).out)
    words = [line.split() for line in shown.out.splitlines()]
    assert ["60", "texts", "(all)"] in words
    assert ["accuracy", f"{record['accuracy']:.4f}"] in [line[:2] for line in words]
    for label, right in zip(record["labels"], record["confusion"], strict=True):
        assert [label, *map(str, right)] in words


def test_the_table_ends_with_what_to_type_next(terminal, model_folder, reviews):
    done = terminal("evaluate", model_folder, reviews)

    assert done.err == f'next: tenor read -m {model_folder} "a text"\n'


def test_a_name_with_a_space_is_quoted_in_what_to_type_next(terminal, save, reviews):
    folder = save("my model")

    assert f"tenor read -m '{folder}'" in terminal("evaluate", folder, reviews).err


def test_strange_labels_do_not_break_the_table(terminal, save, labelled):
    done = terminal("evaluate", save(labels=STRANGE), labelled(STRANGE), width=200)

    lines = done.out.splitlines()
    assert done.status == 0
    assert len({len(line) for line in lines[6:13]}) == 1  # the scores
    assert len({len(line) for line in lines[14:]}) == 1  # the confusion
    assert [line.split("  ")[0] for line in lines[15:]] == [
        "a, b", 'say "hi"', "x|y", "two lines", "<b>", "long label long label l…",
    ]  # fmt: skip


def test_more_labels_than_a_terminal_is_wide_give_the_mistakes(terminal, save, labelled):
    labels = tuple(f"label number {n}" for n in range(12))

    done = terminal("evaluate", save(labels=labels), labelled(labels))

    _, head, *rows = done.out.partition("most often mistaken")
    counts = [int(line.split()[-1]) for line in rows[0].splitlines()[1:]]
    assert head
    assert max(map(len, done.out.splitlines())) <= 80
    assert 1 <= len(counts) <= 10
    assert counts == sorted(counts, reverse=True)


def test_where_no_text_is_mistaken_no_mistakes_are_listed(terminal, save, tmp_path):
    model, right = save(labels=tuple(f"label number {n}" for n in range(12))), tmp_path / "right.jsonl"
    label = TextClassifier.load(model).predict(["good"])[0].label
    right.write_text(json.dumps({"text": "good", "label": label}) + "\n", encoding="utf-8")

    done = terminal("evaluate", model, right)

    assert "accuracy  1.0000" in done.out
    assert "mistaken" not in done.out


def test_texts_of_one_label_can_be_evaluated(tenor, model_folder, labelled):
    done = tenor("evaluate", model_folder, labelled(["positive"]))

    assert json.loads(done.out)["labels"]["negative"]["texts"] == 0


def test_a_label_that_the_model_does_not_know_is_refused(tenor, model_folder, labelled):
    done = tenor("evaluate", model_folder, labelled(["positive", "mixed"]))

    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "tenor: the data has the label 'mixed', which the model does not know; "
        "it knows 'negative', 'positive'. 2 of the 4 texts have such labels, the first "
        "'the film is good'\n"
    )


def test_the_test_texts_of_a_folder_are_read(tenor, model_folder, folder_of_texts):
    record = json.loads(tenor("evaluate", model_folder, folder_of_texts).out)

    assert (record["split"], record["texts"]) == ("test", 2)


def test_a_split_can_be_named(tenor, model_folder, folder_of_texts):
    record = json.loads(tenor("evaluate", model_folder, folder_of_texts, "--split", "train").out)

    assert record["split"] == "train"


def test_a_split_that_is_not_there_gives_those_that_are(tenor, model_folder, folder_of_texts):
    done = tenor("evaluate", model_folder, folder_of_texts, "--split", "validation")

    assert done == (2, "", f"tenor: {folder_of_texts} has no validation split; it has train, test\n")


@pytest.mark.parametrize(("flag", "value", "what"), [("--split", "test", "splits"), ("--fold", "3", "folds")])
def test_a_file_has_no_parts_to_choose(tenor, model_folder, reviews, flag, value, what):
    done = tenor("evaluate", model_folder, reviews, flag, value)

    assert done == (2, "", f"tenor: {reviews} is a file, which has no {what}; leave {flag} out\n")


def test_columns_and_encoding_reach_the_reader(tenor, model_folder, tmp_path):
    table = tmp_path / "table.csv"
    table.write_bytes("a,b\ncafé,positive\nthé,negative\n".encode("latin-1"))

    done = tenor("evaluate", model_folder, table, "--text-column", "a", "--encoding", "latin-1")

    assert json.loads(done.out)["texts"] == 2


def test_a_model_given_as_data_is_refused(tenor, model_folder):
    done = tenor("evaluate", model_folder, model_folder)

    assert (done.status, done.out) == (2, "")
    assert f"{model_folder} is a model folder, not texts" in done.err


def test_model_and_data_the_other_way_round_are_refused(tenor, model_folder, reviews):
    done = tenor("evaluate", reviews, model_folder)

    assert (done.status, done.out) == (1, "")
    assert f"{reviews} is a file, not a model folder" in done.err
