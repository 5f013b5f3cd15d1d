"""What a caller names becomes a dataset."""

import hashlib

import pytest

from tenor.data import load
from tenor.errors import DataError

TABLE = "text,label\ngood,pos\nbad,neg\n"


def write(path, content=TABLE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_becomes_a_train_split_that_can_be_traced(tmp_path):
    path = write(tmp_path / "films.v2.csv")

    dataset = load(str(path))

    assert [(e.text, e.label) for e in dataset.splits["train"]] == [("good", "pos"), ("bad", "neg")]
    assert (dataset.name, dataset.labels, list(dataset.splits)) == (
        "films",
        ("neg", "pos"),
        ["train"],
    )
    assert dataset.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert dataset.source == "films.v2.csv"


def test_options_reach_the_reader(tmp_path):
    path = tmp_path / "films.csv"
    path.write_bytes("a,b,c\ncafé,x,oui\nthé,y,non\n".encode("latin-1"))

    dataset = load(path, text_column="a", label_column="c", encoding="latin-1")

    assert dataset.splits["train"][0].text == "café"
    assert dataset.labels == ("non", "oui")


def test_test_and_validation_files_become_splits(tmp_path):
    paths = [write(tmp_path / f"{name}.csv", TABLE + f"{name},pos\n") for name in ("train", "test", "dev")]

    dataset = load(paths[0], test=paths[1], validation=paths[2])

    assert [dataset.splits[s][-1].text for s in ("train", "validation", "test")] == [
        "train",
        "dev",
        "test",
    ]
    assert dataset.source == "train.csv, dev.csv, test.csv"
    assert dataset.sha256 != load(paths[0]).sha256


def test_the_hash_of_several_files_is_that_of_their_checksum_list(tmp_path):
    train, test = write(tmp_path / "a.csv"), write(tmp_path / "b.csv", TABLE + "fine,pos\n")

    one, two = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (train, test))

    expected = hashlib.sha256(f"{one}  train\n{two}  test\n".encode()).hexdigest()
    assert load(train, test=test).sha256 == expected


def test_a_folder_is_hashed_by_the_names_and_texts_that_are_read(tmp_path):
    for name in (
        "one/pos/a.txt",
        "one/neg/a.txt",
        "two/pos/a.txt",
        "two/neg/b.txt",
        "one/notes.md",
    ):
        write(tmp_path / name, "text")

    one = load(tmp_path / "one")
    (tmp_path / "one" / "notes.md").write_text("more")

    assert (one.name, one.source, one.labels) == ("one", "one", ("neg", "pos"))
    assert load(tmp_path / "one").sha256 == one.sha256 != load(tmp_path / "two").sha256


def test_a_folder_with_a_test_split_needs_no_test_file(tmp_path):
    for name in ("train/pos/a.txt", "train/neg/a.txt", "test/pos/a.txt"):
        write(tmp_path / name, "text")
    table = write(tmp_path / "test.csv")

    assert list(load(tmp_path).splits) == ["train", "test"]
    with pytest.raises(DataError, match=r"has a test split already; leave .*test.csv out"):
        load(tmp_path, test=table)


def test_a_name_that_is_nothing_is_answered_with_the_closest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "reviews.csv")

    with pytest.raises(
        DataError,
        match=r"'imbd' is neither a file nor a corpus; did you mean 'imdb'\?.*of imdb, sst, sent",
    ):
        load("imbd")
    with pytest.raises(DataError, match=r"did you mean 'reviews.csv'"):
        load("review.csv")


def test_a_file_with_a_corpus_name_is_read_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "imdb", TABLE.replace(",", "\t"))

    assert len(load("./imdb").splits["train"]) == 2


def test_a_file_has_no_folds(tmp_path):
    with pytest.raises(
        DataError, match=r"fold is a choice of corpora, and .*films.csv is none; leave it out"
    ):
        load(write(tmp_path / "films.csv"), fold=3)
