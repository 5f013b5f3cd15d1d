"""Word vectors in text form."""

import gzip
import zipfile

import numpy as np
import pytest

from tenor.data import read_vectors
from tenor.errors import DataError

GLOVE = "the 0.5 -1e-2\n. . 1 2\ncafé 3 4\nat a@b.c -5 6\n"
WORDS = ("the", ". .", "café", "at a@b.c")
MATRIX = [[0.5, -0.01], [1, 2], [3, 4], [-5, 6]]


def write(path, content=GLOVE):
    path.write_bytes(content.encode())
    return path


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, GLOVE)
    return path


def check(vectors):
    assert vectors.words == WORDS
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, np.array(MATRIX, dtype=np.float32))


@pytest.mark.parametrize("content", [GLOVE, "4 2\n" + GLOVE, GLOVE.replace("\n", " \r\n"), GLOVE[:-1]])
def test_words_with_spaces_and_headers_are_read(tmp_path, content):
    check(read_vectors(write(tmp_path / "glove.txt", content)))


def test_gzipped_vectors_are_read(tmp_path):
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress(GLOVE.encode()))

    check(read_vectors(tmp_path / "glove.txt.gz"))


def test_a_zip_gives_the_file_of_its_own_name_or_the_only_one(tmp_path):
    check(read_vectors(zipped(tmp_path / "glove.2d.zip", "glove.2d.txt", "glove.3d.txt")))
    check(read_vectors(zipped(tmp_path / "vectors.zip", "glove.2d.txt")))


def test_a_file_in_a_zip_may_be_named(tmp_path):
    zipped(tmp_path / "glove.zip", "glove.2d.txt", "glove.3d.txt")

    check(read_vectors(tmp_path / "glove.zip" / "glove.3d.txt"))
    with pytest.raises(
        DataError,
        match=r"has no glove.txt; it has glove.2d.txt, glove.3d.txt; name one: .*glove.2d",
    ):
        read_vectors(tmp_path / "glove.zip")
    with pytest.raises(DataError, match=r"has no glove.9d.txt"):
        read_vectors(tmp_path / "glove.zip" / "glove.9d.txt")


def test_only_wanted_words_are_kept_in_the_order_of_the_file(tmp_path):
    vectors = read_vectors(write(tmp_path / "glove.txt"), {"café", "the", "absent"})

    assert vectors.words == ("the", "café")
    np.testing.assert_array_equal(vectors.matrix[1], [3, 4])


def test_no_wanted_word_gives_an_empty_matrix(tmp_path):
    assert read_vectors(write(tmp_path / "glove.txt"), set()).matrix.shape == (0, 2)


def test_the_first_vector_of_a_word_counts(tmp_path):
    vectors = read_vectors(write(tmp_path / "glove.txt", "a 1 2\nb 3 4\na 5 6\n"))

    assert vectors.words == ("a", "b")
    np.testing.assert_array_equal(vectors.matrix, [[1, 2], [3, 4]])


def test_no_line_is_lost_where_blocks_meet(tmp_path):
    lines = [f"w{i} {i} {-i}\n" for i in range(10_000)]

    vectors = read_vectors(write(tmp_path / "glove.txt", "".join(lines)))

    assert vectors.words == tuple(f"w{i}" for i in range(10_000))
    np.testing.assert_array_equal(vectors.matrix[:, 0], np.arange(10_000))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a 1 2\nb 3\n",
            "line 2 is not a word and 2 numbers; each line must be a word and its numbers",
        ),
        ("a 1 2\n\n", "line 2 is not a word and 2 numbers"),
        ("a 1 2\n 3 4\n", "line 2 is not a word and 2 numbers"),
        ("a 1 2\nb 3 x\n", "line 2 does not end in 2 numbers"),
        ("a 1 2\nb 3  4\n", "line 2 does not end in 2 numbers"),
        ("a 1 2\nb 3 nan\n", "line 2 does not end in 2 numbers"),
        ("a 1 2\nb 3 1e39\n", "line 2 does not end in 2 numbers"),
        ("2 1\na\n", "line 2 has no vector"),
        ("2 1\n", "has no vectors"),
        ("", "glove.txt is empty"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_vectors(write(tmp_path / "glove.txt", content))


def test_a_word_that_is_not_utf_8_is_refused_with_its_line(tmp_path):
    (tmp_path / "glove.txt").write_bytes(b"a 1 2\ncaf\xe9 3 4\n")

    with pytest.raises(DataError, match=r"line 2: the word b'caf\\xe9' is not UTF-8; convert the file"):
        read_vectors(tmp_path / "glove.txt")


@pytest.mark.parametrize("name", ["glove.txt.gz", "glove.zip"])
def test_a_damaged_archive_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name} cannot be read to its end .*; fetch it again"):
        read_vectors(write(tmp_path / name))


def test_vectors_that_are_not_there_are_answered_with_their_neighbour(tmp_path):
    write(tmp_path / "glove.txt")

    with pytest.raises(DataError, match=r"there is no file .*glov.txt; did you mean 'glove.txt'"):
        read_vectors(tmp_path / "glov.txt")
