"""Named corpora, read from tiny archives of the official layout and from the shipped one."""

import io
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tenor.data import CORPORA, Choices, load, read_corpus, read_unlabelled
from tenor.data.corpora import _read_unsupervised, read_imdb, read_sentence_polarity, read_sst
from tenor.data.published import PUBLISHED
from tenor.data.trees import read_trees
from tenor.errors import DataError

SHIPPED = Path(__file__).parents[2] / "data"


def archive(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def imdb_files(prefix="aclImdb/"):
    names = [
        "test/pos/0_9.txt",
        "train/pos/10_7.txt",
        "train/pos/9_8.txt",
        "train/neg/1_1.txt",
        "train/neg/0_4.txt",
    ]
    names += [
        "test/pos/1_9.txt",
        "test/neg/0_1.txt",
        "test/neg/1_1.txt",
        "train/unsup/0_0.txt",
        "README",
    ]
    return {prefix + name: f"{name} été<br />".encode() for name in names}


@pytest.fixture
def empty_places(tmp_path, monkeypatch):
    """No corpus in any of the usual places."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENOR_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TENOR_OFFLINE", "1")
    return tmp_path


def test_the_shipped_sentences_are_all_read():
    dataset = load("sentence-polarity", data_dir=SHIPPED)

    everything = [e for split in dataset.splits.values() for e in split]
    assert Counter(e.label for e in everything) == {"negative": 5331, "positive": 5331}
    assert Counter(e.label for e in dataset.splits["test"]) == {"negative": 534, "positive": 534}
    assert dataset.splits["train"][0].text.startswith("it's so laddish and juvenile , only teenage boys")
    assert dataset.labels == ("negative", "positive")
    assert dataset.source == "rt-polaritydata.tar.gz"


@pytest.mark.usefixtures("empty_places")
def test_the_shipped_archive_is_one_that_is_known(monkeypatch):
    monkeypatch.setenv("TENOR_DATA", str(SHIPPED))

    dataset = read_corpus("sentence-polarity")

    assert PUBLISHED["rt-polaritydata.tar.gz"].knows(dataset.sha256)


def test_the_ten_folds_test_every_sentence_once():
    tests = [
        e for fold in range(10) for e in load("sentence-polarity", data_dir=SHIPPED, fold=fold).splits["test"]
    ]

    assert len(tests) == 10_662
    whole = load("sentence-polarity", data_dir=SHIPPED)
    assert Counter(tests) == Counter([*whole.splits["train"], *whole.splits["test"]])


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_official_and_utf_8_sentences_read_the_same(tmp_path, encoding):
    sentences = "".join(f"café … {i} \r\n" for i in range(20)).encode(encoding)
    files = {f"rt-polaritydata/rt-polarity.{label}": sentences for label in ("neg", "pos")}

    splits = read_sentence_polarity(archive(tmp_path / "rt.tar.gz", files), Choices(fold=3), per_label=20)

    assert [e.text for e in splits["test"]] == ["café … 3", "café … 13"] * 2
    assert [e.label for e in splits["test"]] == ["negative", "negative", "positive", "positive"]
    assert len(splits["train"]) == 36


@pytest.mark.parametrize("prefix", ["aclImdb/", "./aclImdb/"])
def test_reviews_come_negative_first_in_order_of_their_numbers(tmp_path, prefix):
    splits = read_imdb(archive(tmp_path / "imdb.tar.gz", imdb_files(prefix)), per_label=2)

    assert [e.text.split()[0] for e in splits["train"]] == [
        "train/neg/0_4.txt",
        "train/neg/1_1.txt",
        "train/pos/9_8.txt",
        "train/pos/10_7.txt",
    ]
    assert [e.label for e in splits["test"]] == ["negative", "negative", "positive", "positive"]
    assert splits["test"][0].text == "test/neg/0_1.txt été<br />"


def test_an_archive_with_too_few_reviews_is_refused(tmp_path):
    archive(tmp_path / "aclImdb_v1.tar.gz", imdb_files())

    with pytest.raises(
        DataError,
        match=r"has 2 texts in aclImdb/train/neg where there should be 12,500; fetch it again",
    ):
        load("imdb", data_dir=tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-5] + b"\0" + b[-4:], lambda _: b"<html>"]
)
def test_a_damaged_archive_is_refused(tmp_path, damage):
    path = archive(tmp_path / "imdb.tar.gz", imdb_files())
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataError, match=r"is damaged or no tar.gz archive .*; fetch it again"):
        read_imdb(path, per_label=2)


def test_a_corpus_that_is_not_there_says_where_to_get_and_put_it(empty_places):
    with pytest.raises(DataError) as error:
        load("imdb")

    assert str(error.value).splitlines() == [
        "aclImdb_v1.tar.gz is not on this computer and could not be fetched: TENOR_OFFLINE is set.",
        "Fetch it where there is a network: https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        f"and save it as {empty_places}/cache/tenor/aclImdb_v1.tar.gz",
    ]


def test_a_data_folder_is_the_only_place_that_is_looked_in(empty_places):
    archive(empty_places / "data" / "aclImdb_v1.tar.gz", imdb_files())

    with pytest.raises(
        DataError, match=r"other has no aclImdb_v1.tar.gz, .*; put it there \(it is published at https"
    ):
        load("imdb", data_dir=empty_places / "other")


def test_places_are_looked_in_in_order(empty_places, monkeypatch):
    for place in ("cache/tenor", "data", "named"):
        archive(empty_places / place / "aclImdb_v1.tar.gz", imdb_files())
        monkeypatch.setenv("TENOR_DATA", str(empty_places / "named"))

        with pytest.raises(DataError, match=rf"{place}/aclImdb_v1.tar.gz is not an archive that Tenor knows"):
            load("imdb")


def test_an_unknown_archive_is_refused_unless_its_folder_is_named(empty_places):
    path = archive(empty_places / "data" / "rt-polaritydata.tar.gz", {"rt-polarity.neg": b"a\n"})

    with pytest.raises(
        DataError, match=r"its SHA-256 is [0-9a-f]{64}.\nRemove it, so .*https.*--data-dir data"
    ):
        load("sentence-polarity")
    with pytest.raises(DataError, match=r"has 1 texts in rt-polarity.neg where there should be 5,331"):
        load("sentence-polarity", data_dir=path.parent)


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("sentence-polarity", {"fold": 10}, "fold is 10; it must be 0 to 9"),
        ("imdb", {"fold": 1}, "imdb has no choice of fold, only sentence-polarity has; leave it out"),
        ("imdb", {"phrases": True}, "imdb has no choice of phrases, only sst has; leave it out"),
        ("sst", {"num_labels": 4}, "num_labels is 4; it must be 2, 3 or 5"),
        ("imbd", {}, "no corpus 'imbd'; did you mean 'imdb'"),
    ],
)
def test_a_wrong_name_or_choice_is_refused(name, choices, message):
    with pytest.raises(DataError, match=message):
        read_corpus(name, choices=Choices(**choices))


def test_unlabelled_reviews_come_in_order_of_their_numbers(tmp_path):
    files = {f"aclImdb/train/unsup/{i}_0.txt": f"review {i}".encode() for i in (10, 9, 0)}
    path = archive(tmp_path / "imdb.tar.gz", files)
    assert _read_unsupervised(path, count=3) == ["review 0", "review 9", "review 10"]


def test_a_corpus_without_unlabelled_texts_says_so():
    with pytest.raises(DataError, match="sst has no unlabelled texts; imdb has"):
        read_unlabelled("sst")


TREES = "(4 (2 A) (4 (3 (4 lovely) (1 film)) (2 .)))\n(1 (0 Bad) (2 .))\n(2 (2 A) (2 .))\n"


def treebank(path, trees=TREES):
    with zipfile.ZipFile(path, "w") as zipped:
        for name in ("train", "dev", "test"):
            zipped.writestr(f"trees/{name}.txt", trees)
    return path


def sst(tmp_path, **choices):
    splits = read_sst(treebank(tmp_path / "sst.zip"), Choices(**choices), sizes=(3, 3, 3))
    return {split: [(e.text, e.label) for e in examples] for split, examples in splits.items()}


@pytest.mark.parametrize(
    ("num_labels", "labels"),
    [
        (5, ["very positive", "negative", "neutral"]),
        (3, ["positive", "negative", "neutral"]),
        (2, ["positive", "negative"]),
    ],
)
def test_sentences_of_the_treebank_have_the_labels_asked_for(tmp_path, num_labels, labels):
    splits = sst(tmp_path, num_labels=num_labels)
    texts = ["A lovely film .", "Bad .", "A ."]
    assert splits["train"] == splits["validation"] == splits["test"] == list(zip(texts, labels, strict=False))


def test_phrases_are_for_training_and_come_once(tmp_path):
    splits = sst(tmp_path, num_labels=3, phrases=True)
    assert splits["train"] == [
        ("A lovely film .", "positive"), ("A", "neutral"), ("lovely film .", "positive"),
        ("lovely film", "positive"), ("lovely", "positive"), ("film", "negative"), (".", "neutral"),
        ("Bad .", "negative"), ("Bad", "negative"), ("A .", "neutral"),
    ]  # fmt: skip
    assert len(splits["validation"]) == 3


def test_a_deep_tree_is_read():
    deep = "(2 " * 20_000 + "x" + ")" * 20_000
    assert len(read_trees(deep, "trees.txt")[0]) == 20_000


@pytest.mark.parametrize(
    "line",
    [
        "(4 (2 A)",
        "(4 A))",
        "(5 A)",
        "A",
        "()",
        "(2 )",
        "(2 (3 ) a)",
        "(2 a) (2 b)",
        "(2 a) b",
        "x (2 a)",
        "(2)a",
    ],
)
def test_what_is_no_tree_is_refused_with_its_line(line):
    with pytest.raises(DataError, match=r"trees.txt, line 2 is not a tree with scores from 0 to 4"):
        read_trees("(2 a)\n" + line, "trees.txt")


def test_labels_of_the_treebank_come_from_bad_to_good(tmp_path, monkeypatch):
    treebank(tmp_path / "trainDevTestTrees_PTB.zip", TREES + "(0 x)\n(3 y)\n")
    monkeypatch.setitem(CORPORA, "sst", replace(CORPORA["sst"], read=partial(read_sst, sizes=(5, 5, 5))))
    dataset = load("sst", data_dir=tmp_path)
    assert dataset.labels == ("very negative", "negative", "neutral", "positive", "very positive")
    assert dataset.name == "sst-5"
