"""Named corpora, read from tiny archives of the official layout and from the shipped one."""

import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tenor.data import CORPORA, load, read_corpus
from tenor.data.corpora import read_imdb, read_sentence_polarity
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

    assert dataset.sha256 in CORPORA["sentence-polarity"].sha256


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

    splits = read_sentence_polarity(archive(tmp_path / "rt.tar.gz", files), fold=3, per_label=20)

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

    assert str(error.value).splitlines()[1:] == [
        "Fetch https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        f"and save it as {empty_places}/cache/tenor/aclImdb_v1.tar.gz",
    ]


def test_a_data_folder_is_the_only_place_that_is_looked_in(empty_places):
    archive(empty_places / "data" / "aclImdb_v1.tar.gz", imdb_files())

    with pytest.raises(DataError, match=r"save it as .*other/aclImdb_v1.tar.gz"):
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
        DataError, match=r"its SHA-256 is [0-9a-f]{64}.\nFetch it again from https.*--data-dir data"
    ):
        load("sentence-polarity")
    with pytest.raises(DataError, match=r"has 1 texts in rt-polarity.neg where there should be 5,331"):
        load("sentence-polarity", data_dir=path.parent)


@pytest.mark.parametrize(
    ("name", "fold", "message"),
    [
        ("sentence-polarity", 10, "fold is 10; it must be 0 to 9"),
        ("imdb", 1, "fold is 1; imdb has a test split of its own; leave fold out"),
        ("imbd", 0, "no corpus 'imbd'; did you mean 'imdb'"),
    ],
)
def test_a_wrong_name_or_fold_is_refused(name, fold, message):
    with pytest.raises(DataError, match=message):
        read_corpus(name, fold=fold)
