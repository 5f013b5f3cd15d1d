"""Unlabelled texts, one at a time."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import tracemalloc

import pytest

from tenor.data import read_texts
from tenor.errors import DataError


def write(path, content):
    path.write_bytes(content.encode())
    return path


def type_in(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_text_ends_at_a_line_break_and_nowhere_else(tmp_path):
    path = write(tmp_path / "texts.txt", "a\u2028b\r\n\nc\x0cd\re\x85\nlast")

    assert list(read_texts(path)) == ["a\u2028b", "", "c\x0cd\re\x85", "last"]


def test_standard_input_is_a_dash(monkeypatch):
    type_in(monkeypatch, "\ufeffgood\r\ncafé\n".encode())

    assert list(read_texts("-")) == ["good", "café"]


def test_standard_input_may_be_utf_16(monkeypatch):
    type_in(monkeypatch, "good\r!\r\ncafé\n".encode("utf-16"))

    assert list(read_texts("-")) == ["good\r!", "café"]


def test_a_line_of_standard_input_is_given_before_the_next_is_read(monkeypatch):
    class Typist(io.RawIOBase):
        def __init__(self):
            self.lines = [b"first\n", b"second\n"]

        def readable(self):
            return True

        def readinto(self, buffer):
            line = self.lines.pop(0) if self.lines else b""
            buffer[: len(line)] = line
            return len(line)

    typist = Typist()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(typist)))

    assert next(read_texts("-")) == "first"
    assert typist.lines == [b"second\n"]


def test_empty_standard_input_gives_no_texts(monkeypatch):
    type_in(monkeypatch, b"")

    assert list(read_texts("-")) == []


def test_a_bad_byte_of_standard_input_is_named_with_its_line(monkeypatch):
    type_in(monkeypatch, b"good\ncaf\xe9\n")

    with pytest.raises(DataError, match=r"standard input, line 2: byte 0xe9 .*--encoding windows-1252"):
        list(read_texts("-"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("texts.csv", 'text\ngood\n""\nbad\n'),
        ("texts.csv", 'good\n""\nbad\n'),
        ("texts.csv", "id,text\n1,good\n2,\n3,bad\n"),
        ("texts.tsv", "label\twhat\n1\tgood\n0\t\n0\tbad\n"),
        ("texts.jsonl", '{"text": "good"}\n{"text": ""}\n{"text": "bad", "id": 7}\n'),
    ],
)
def test_a_table_gives_its_text_column(tmp_path, name, content):
    assert list(read_texts(write(tmp_path / name, content))) == ["good", "", "bad"]


def test_the_text_column_may_be_asked_for(tmp_path):
    path = write(tmp_path / "texts.csv", "text,title\na,b\n")

    assert list(read_texts(path, text_column="title")) == ["b"]


def test_gzipped_lines_are_read(tmp_path):
    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress(b"good\nbad\n"))

    assert list(read_texts(tmp_path / "texts.txt.gz")) == ["good", "bad"]


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("texts.txt", "", "%s\n"),
        ("texts.csv", "text\n", "%s\n"),
        ("texts.tsv", "id\ttext\n", "1\t%s\n"),
        ("texts.jsonl", "", '{"text": "%s"}\n'),
    ],
)
def test_a_large_file_takes_constant_memory(tmp_path, name, header, line):
    path = write(tmp_path / name, header + line % ("word " * 40) * 20_000)  # 4 MB

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_texts(path))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 20_000
    assert peak_bytes < 2_000_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("texts.txt", "", "texts.txt is empty"),
        ("texts.csv", "a,b,c\n1,2,3\n", "which column holds the text"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_at_once(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        read_texts(write(tmp_path / name, content))


def test_a_file_that_is_not_there_is_answered_with_its_neighbour(tmp_path):
    write(tmp_path / "reviews.txt", "a")

    with pytest.raises(DataError, match=r"there is no file .*reviws.txt; did you mean 'reviews.txt'"):
        read_texts(tmp_path / "reviws.txt")


def test_a_model_folder_is_not_texts(tmp_path):
    write(tmp_path / "manifest.json", "{}")
    write(tmp_path / "model.safetensors", "")

    with pytest.raises(DataError, match=r"is a model folder, not texts; give a file of texts in its place"):
        read_texts(tmp_path)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("\n__label__a one\n__label__a __label__b two\n__label__b\nten\n", ["", "one", "two", "", "ten"]),
        ("a film\n__label__good a film\n", ["a film", "__label__good a film"]),
    ],
)  # fmt: skip
def test_labels_of_lines_to_train_on_are_no_part_of_their_texts(tmp_path, content, texts):
    assert list(read_texts(write(tmp_path / "reviews.txt", content))) == texts


@pytest.mark.parametrize(
    "content",
    [
        'text,label\ngood,1\n"",0\nbad,0\n',
        "label\ttext\n1\tgood\n0\t\n0\tbad\n",
        '{"text": "good"}\n{"text": ""}\n{"text": "bad", "id": 7}\n',
    ],
)
def test_a_table_is_told_by_its_first_line(monkeypatch, tmp_path, content):
    type_in(monkeypatch, content.encode())
    assert list(read_texts("-")) == ["good", "", "bad"]
    assert list(read_texts(write(tmp_path / "texts.txt", content))) == ["good", "", "bad"]


def test_a_text_that_begins_as_json_does_is_a_text(monkeypatch):
    type_in(monkeypatch, b"{sic} a film\n[1] a note\n")
    assert list(read_texts("-")) == ["{sic} a film", "[1] a note"]


def test_what_is_wrong_with_a_table_of_standard_input_is_told_of_it(monkeypatch):
    type_in(monkeypatch, b'{"text": "good"}\n{"text": 3}\n')
    with pytest.raises(DataError, match=r"^standard input, line 2: 'text' is 3, not a text"):
        list(read_texts("-"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_table_comes_through_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    writer = threading.Thread(target=write, args=(tmp_path / "pipe.csv", "text,label\ngood,1\nbad,0\n"))
    writer.start()
    assert list(read_texts(tmp_path / "pipe.csv")) == ["good", "bad"]
    writer.join()


def test_what_a_spreadsheet_says_of_its_separator_is_no_text(tmp_path):
    for name, header in (("a.csv", "text;label\n"), ("b.csv", "")):
        path = write(tmp_path / name, f"sep=;\n{header}a, b;1\nc;0\nd;1\n")
        assert list(read_texts(path)) == ["a, b", "c", "d"]
    with pytest.raises(DataError, match=r"c.csv, line 3 has 3 fields"):
        list(read_texts(write(tmp_path / "c.csv", "sep=;\ntext;label\na;b;1\n")))


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
def test_what_is_packed_otherwise_is_to_be_unpacked(tmp_path, pack):
    (tmp_path / "texts.txt").write_bytes(pack(b"good\nbad\n"))
    for encoding in (None, "latin-1"):
        with pytest.raises(DataError, match="not text; unpack it, or pack it with gzip"):
            list(read_texts(tmp_path / "texts.txt", encoding=encoding))


def test_gzip_needs_no_name(tmp_path):
    (tmp_path / "texts.txt").write_bytes(gzip.compress(b"good\nbad\n"))
    assert list(read_texts(tmp_path / "texts.txt")) == ["good", "bad"]


@pytest.mark.parametrize("name", ["texts.tar", "texts.tar.gz", "texts.csv"])
def test_an_archive_is_to_be_unpacked(tmp_path, name):
    with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    with pytest.raises(DataError, match="is an archive of files; unpack it"):
        list(read_texts(tmp_path / name))
