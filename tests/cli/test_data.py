"""What a source of labelled texts holds, before anything is trained on it."""

import hashlib
import json

import pytest

STRANGE = ["a, b", 'say "hi"', "x|y", "two\nlines", "<b>", "long label " * 8]


@pytest.fixture
def strange(tmp_path):
    rows = [{"text": f"the film\nis \x1b[31m{n}", "label": label} for n, label in enumerate(STRANGE)]
    path = tmp_path / "strange.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_record_counts_texts_labels_and_characters(tenor, tmp_path):
    table = tmp_path / "films.csv"
    table.write_text("text,label\ngood,pos\nbad,neg\ngreat film,pos\n", encoding="utf-8")

    done = tenor("data", table)

    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == {
        "name": "films",
        "source": "films.csv",
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "layout": {"format": "csv", "has_header": True, "text_column": "text", "label_column": "label"},
        "labels": ["neg", "pos"],
        "splits": {
            "train": {
                "texts": 3,
                "labels": {"neg": 1, "pos": 2},
                "median_characters": 4,
                "longest_characters": 10,
            }
        },
    }


def test_the_table_has_the_numbers_of_the_record(terminal, reviews):
    lines = terminal("data", reviews).out.splitlines()

    assert lines[0] == "reviews"
    assert lines[1] == f"SHA-256 {hashlib.sha256(reviews.read_bytes()).hexdigest()}"
    words = [line.split() for line in lines]
    assert ["train"] in words
    assert ["texts", "60"] in words
    assert ["label", "negative", "30"] in words


def test_the_first_texts_are_shown_with_their_labels(terminal, reviews):
    lines = terminal("data", reviews).out.splitlines()

    text, label = reviews.read_text(encoding="utf-8").splitlines()[1].rsplit(",", 1)
    assert f"{label}: {text}" in lines


def test_strange_labels_do_not_break_the_table(terminal, strange):
    done = terminal("data", strange)

    lines = done.out.splitlines()
    assert done.status == 0
    assert max(map(len, lines[:14])) <= 80
    assert lines[2] == "jsonl, texts in 'text', labels in 'label'"
    assert len({len(line) for line in lines[4:14]}) == 1
    assert "\x1b" not in done.out
    assert "two lines: the film is \ufffd[31m3" not in lines[:14]


def test_without_a_source_the_corpora_are_listed(tenor, tmp_path):
    records = [json.loads(line) for line in tenor("data", "--data-dir", tmp_path).out.splitlines()]

    assert [record["name"] for record in records] == ["imdb", "sst", "sentence-polarity"]
    assert all(record["file"] is None and record["url"].startswith("https://") for record in records)


def test_a_corpus_that_is_here_is_listed_with_its_place(terminal, tmp_path):
    (tmp_path / "aclImdb_v1.tar.gz").touch()

    done = terminal("data", "--data-dir", tmp_path, width=400)

    imdb, _, polarity = done.out.splitlines()
    assert imdb.split() == ["imdb", str(tmp_path / "aclImdb_v1.tar.gz")]
    assert "fetched when named: 0.5 MB from https://" in polarity


def test_a_corpus_that_is_not_here_says_where_to_get_it(tenor, tmp_path):
    done = tenor("data", "imdb", "--data-dir", tmp_path)

    assert (done.status, done.out) == (2, "")
    assert "https://ai.stanford.edu" in done.err
    assert f"{tmp_path} has no aclImdb_v1.tar.gz, the archive of imdb; put it there" in done.err


def test_a_file_that_is_not_there_gives_the_closest_name(tenor, reviews):
    done = tenor("data", reviews.with_name("reviws.csv"))

    assert (done.status, done.out) == (2, "")
    assert "did you mean 'reviews.csv'?" in done.err


def test_a_model_is_no_data(tenor, model_folder):
    done = tenor("data", model_folder)

    assert (done.status, done.out) == (2, "")
    assert f"{model_folder} is a model folder, not texts" in done.err


def test_what_a_table_was_understood_as_is_told(terminal, tmp_path):
    table = tmp_path / "films.csv"
    table.write_text("good film,pos\nbad film,neg\ngreat film,pos\n", encoding="utf-8")
    assert "csv, texts in '1', labels in '2'; no line names the columns" in terminal("data", table).out
    table.write_text("review,stars\ngood film,5\nbad film,1\n", encoding="utf-8")
    told = "csv, texts in 'review', labels in 'stars'; the first line names the columns"
    assert told in terminal("data", table).out
