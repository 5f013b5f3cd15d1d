"""Word vectors in text form."""

import gzip
import zipfile

import numpy as np
import pytest

from tenor.data import read_vectors
from tenor.data.vector_files import read_blocks
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


@pytest.mark.parametrize("header", ["4 3\n", "99 2\n", "0 0\n", "4\t2\n"])
def test_a_header_that_is_wrong_is_not_believed(tmp_path, header):
    check(read_vectors(write(tmp_path / "glove.txt", header + GLOVE)))


@pytest.mark.parametrize("blank", [" ", "", "\u00a0", "\u3000"])
def test_a_word_that_is_only_white_space_is_a_word(tmp_path, blank):
    vectors = read_vectors(write(tmp_path / "glove.txt", f"the 1 2\n{blank} 3 4\nof 5 6\n"))
    assert vectors.words == ("the", blank, "of")
    np.testing.assert_array_equal(vectors.matrix, [[1, 2], [3, 4], [5, 6]])


def test_tabs_may_stand_between_numbers(tmp_path):
    check(read_vectors(write(tmp_path / "glove.txt", GLOVE.splitlines()[0].replace(" ", "\t") + GLOVE[13:])))


def test_a_first_word_with_spaces_does_not_widen_all(tmp_path):
    vectors = read_vectors(write(tmp_path / "glove.txt", ". . 1 2\nthe 3 4\nof 5 6\n"))
    assert vectors.words == (". .", "the", "of")


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_short_numbers_below_a_header_are_no_binary(tmp_path, width):
    rows = "the" + " 0" * width + "\nfilm" + " 1" * width + "\n"
    found = read_vectors(write(tmp_path / "short.txt", f"2 {width}\n{rows}"))
    assert found.words == ("the", "film")
    assert found.matrix.tolist() == [[0] * width, [1] * width]


def binary(path, words=WORDS, matrix=MATRIX, end=b"\n", header=None):
    rows = zip(words, np.array(matrix, "<f4"), strict=True)
    width = len(matrix[0])
    head = f"{len(words)} {width}\n" if header is None else header
    path.write_bytes(head.encode() + b"".join(w.encode() + b" " + row.tobytes() + end for w, row in rows))
    return path


ONE_WORD = ("the", "of", "café", "x.y@z")


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("name", ["vectors.bin", "vectors.txt"])
def test_the_binary_form_of_word2vec_is_known_by_its_content(tmp_path, name, end):
    vectors = read_vectors(binary(tmp_path / name, ONE_WORD, end=end))
    assert vectors.words == ONE_WORD
    np.testing.assert_array_equal(vectors.matrix, np.array(MATRIX, np.float32))


def test_binary_vectors_are_unpacked_too(tmp_path):
    data = binary(tmp_path / "vectors.bin", ONE_WORD).read_bytes()
    (tmp_path / "vectors.bin.gz").write_bytes(gzip.compress(data))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("vectors.bin", data)
    for name in ("vectors.bin.gz", "other.zip"):
        assert read_vectors(tmp_path / name).words == ONE_WORD


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-3], r"word 4 of 4 lacks numbers: the file was cut; fetch it again"),
        (lambda b: b[:20], r"word 2 of 4 (has no end|lacks numbers): the file was cut"),
        (lambda b: b[:4] + b.replace(b"4 2\n", b"9 2\n")[4:], None),
        (lambda b: b.replace(b"4 2\n", b"9 2\n"), r"word 5 of 9 has no end: the file was cut"),
        (lambda b: b.replace(b"4 2\n", b"4 999999999999\n"), r"vectors are 999,999,999,999 wide; fetch"),
        (lambda b: b.replace("café".encode(), b"caf\xe9\xe9"), r"word 3 of 4: the word b'caf.* is not UTF-8"),
        (lambda b: b[:8] + b"\0\0\x80\x7f" + b[12:], r"number near word 1 is not finite"),
        (lambda b: (793712314).to_bytes(4, "little") + b, r"is a fastText model, not its vectors; give"),
    ],
)
def test_a_damaged_binary_file_is_refused_with_its_place(tmp_path, damage, message):
    path = binary(tmp_path / "vectors.bin", ONE_WORD)
    path.write_bytes(damage(path.read_bytes()))
    if message is None:
        assert read_vectors(path).words == ONE_WORD
        return
    with pytest.raises(DataError, match=message):
        read_vectors(path)


def array(tmp_path, matrix, words):
    np.save(tmp_path / "v.npy", matrix)
    return write(tmp_path / "v.txt", words).with_suffix(".npy")


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "f2"])
def test_a_matrix_of_numpy_has_its_words_beside_it(tmp_path, dtype):
    vectors = read_vectors(array(tmp_path, np.array([[1, 2], [3, 4], [5, 6]], dtype), "a\nb\na\n"))
    assert vectors.words == ("a", "b")
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("matrix", "words", "message"),
    [
        (np.ones((2, 2)), "a\n", "v.npy has 2 rows and .*v.txt 1 words; make them as many"),
        (np.ones(2), "a\nb\n", r"has the shape \(2,\) of float64; it must be \(V, E\) of floats"),
        (np.array([["a"], ["b"]]), "a\nb\n", "it must be .* of floats"),
        (np.array([[1.0], [np.nan]]), "a\nb\n", "holds numbers that are not finite"),
        (np.array([[None], [1]], dtype=object), "a\nb\n", r"is not a matrix of numbers .*; save it"),
    ],
)
def test_a_matrix_that_does_not_fit_is_refused(tmp_path, matrix, words, message):
    with pytest.raises(DataError, match=message):
        read_vectors(array(tmp_path, matrix, words))


def test_a_matrix_without_its_words_says_where_to_put_them(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((2, 2)))
    with pytest.raises(DataError, match=r"needs its words in .*v.txt, one a line; there is no such file"):
        read_vectors(tmp_path / "v.npy")


def test_the_packaged_vectors_are_those_of_glove():
    vectors = read_vectors("glove-50d")
    assert vectors.matrix.shape == (400_000, 50)
    assert vectors.words[:3] == ("the", ",", ".")
    np.testing.assert_allclose(vectors.matrix[0, :3], [0.418, 0.24968, -0.41242], rtol=1e-6)
    np.testing.assert_allclose(vectors.matrix[1, :2], [0.013441, 0.23682], rtol=1e-6)


def test_without_their_package_the_way_to_install_it_is_told(monkeypatch):
    monkeypatch.setattr("tenor.data.vectors.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"is in a package .*; type: pip install 'tenor\[vectors\]'"):
        read_vectors("glove-50d")


def test_a_name_that_is_nearly_one_is_answered_with_it():
    with pytest.raises(DataError, match=r"there is no file glove.6B.10d; did you mean 'glove.6B.100d'"):
        read_vectors("glove.6B.10d")


def test_published_vectors_are_taken_out_of_the_fetched_archive(tmp_path, monkeypatch):
    path = zipped(tmp_path / "glove.6B.zip", "glove.6B.50d.txt", "glove.6B.100d.txt")
    monkeypatch.setattr("tenor.data.vectors.fetch", lambda name, published, report: path)
    check(read_vectors("glove.6B.100d"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Every file is cached, in a cache of the test's own."""
    monkeypatch.setattr("tenor.data.vectors.FROM_BYTES", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tenor" / "vectors"


def reads(monkeypatch):
    """The files that are parsed from here on."""
    paths = []

    def read(path):
        paths.append(path)
        return read_blocks(path)

    monkeypatch.setattr("tenor.data.vectors.read_blocks", read)
    return paths


def test_the_second_reading_comes_from_the_cache(tmp_path, cache, monkeypatch):
    parsed, path = reads(monkeypatch), write(tmp_path / "glove.txt")
    check(read_vectors(path))
    check(read_vectors(path))
    assert read_vectors(path, {"café"}).matrix.tolist() == [[3, 4]]
    assert parsed == [path]
    assert len([p for p in cache.iterdir() if not p.name.startswith(".")]) == 1


def test_a_file_that_has_changed_is_read_again(tmp_path, cache, monkeypatch):
    parsed, path = reads(monkeypatch), write(tmp_path / "glove.txt")
    read_vectors(path)
    write(path, "the 7 8\n")
    assert read_vectors(path).matrix.tolist() == [[7, 8]]
    assert read_vectors(path).words == ("the",)
    assert len(parsed) == 2
    assert len([p for p in cache.iterdir() if not p.name.startswith(".")]) == 1


def test_two_files_of_one_archive_do_not_share_a_place(tmp_path, cache):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.txt", "x 1\n")
        archive.writestr("two.txt", "x 2\n")
    for _ in range(2):
        assert read_vectors(tmp_path / "a.zip" / "one.txt").matrix.tolist() == [[1]]
        assert read_vectors(tmp_path / "a.zip" / "two.txt").matrix.tolist() == [[2]]


@pytest.mark.parametrize("name", ["about.json", "words.txt", "matrix.float32"])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", None])
def test_a_damaged_cache_is_made_anew(tmp_path, cache, name, damage):
    path = write(tmp_path / "glove.txt")
    read_vectors(path)
    file = next(cache.glob(f"*/{name}"))
    file.write_bytes(damage(file.read_bytes())) if damage else file.unlink()
    check(read_vectors(path))
    check(read_vectors(path))


def test_without_a_place_for_the_cache_the_file_is_read_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("tenor.data.vectors.FROM_BYTES", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file")))
    check(read_vectors(write(tmp_path / "glove.txt")))


def test_a_malformed_file_leaves_nothing_in_the_cache(tmp_path, cache):
    with pytest.raises(DataError, match="line 2 is not a word"):
        read_vectors(write(tmp_path / "glove.txt", "a 1 2\nb 3\n"))
    assert [p.name for p in cache.iterdir() if not p.name.endswith(".lock")] == []


def test_any_vectors_written_are_read_again(tmp_path):
    generator = np.random.default_rng(0)
    words = [f"w{i}" + generator.choice(["", " x", "é", "\u2028", "0.5 1", "\x85"]) for i in range(500)]
    matrix = generator.normal(size=(500, 7)).astype(np.float32)
    lines = [f"{w} " + " ".join(map(repr, row.tolist())) + "\n" for w, row in zip(words, matrix, strict=True)]
    vectors = read_vectors(write(tmp_path / "v.txt", "".join(lines)))
    assert list(vectors.words) == words
    np.testing.assert_array_equal(vectors.matrix, matrix)


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
