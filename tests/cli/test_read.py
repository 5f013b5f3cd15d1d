"""One text, word by word: the record, the table and the picture."""

import io
import json
import sys
from xml.etree import ElementTree

import pytest

from tenor import TextClassifier

TEXT = "The film is not good"


def test_the_record_is_that_of_python(tenor, model_folder):
    done = tenor("read", "-m", model_folder, TEXT)

    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == TextClassifier.load(model_folder).read(TEXT).to_dict()


def test_the_table_has_a_row_a_word_with_its_effect(terminal, model_folder):
    done = terminal("read", "-m", model_folder, TEXT)

    reading = TextClassifier.load(model_folder).read(TEXT)
    lines = done.out.splitlines()
    assert lines[0].split() == ["P(positive)"]
    assert lines[1].startswith("(before any word)")
    assert [line.split()[0] for line in lines[2:7]] == TEXT.split()
    assert [line.split()[-1] for line in lines[2:7]] == [f"{e:+.3f}" for e in reading.effects("positive")]


def test_the_last_line_is_the_answer(terminal, model_folder):
    done = terminal("read", "-m", model_folder, TEXT)

    reading = TextClassifier.load(model_folder).read(TEXT)
    after = reading.words[-1].probabilities["positive"]
    assert done.out.splitlines()[-1] == f"{reading.label}: P(positive) = {after:.3f}"


def test_unknown_words_are_marked_and_counted(terminal, model_folder):
    done = terminal("read", "-m", model_folder, "the flick")

    assert "\nflick? " in done.out
    assert done.out.endswith("? 1 of 2 words are not in the vocabulary\n")


def test_any_label_can_be_looked_at(terminal, model_folder):
    done = terminal("read", "-m", model_folder, TEXT, "--label", "negative")

    assert done.out.splitlines()[0].strip() == "P(negative)"


def test_of_several_labels_the_given_one_is_shown(terminal, save):
    folder = save(labels=("a", "b", "c", "d"))

    done = terminal("read", "-m", folder, TEXT)

    label = TextClassifier.load(folder).predict([TEXT])[0].label
    assert done.out.splitlines()[0].strip() == f"P({label})"


def test_a_label_that_is_not_there_gives_those_that_are(tenor, model_folder, tmp_path):
    picture = tmp_path / "picture.svg"

    done = tenor("read", "-m", model_folder, TEXT, "--label", "happy", "--svg", picture)

    assert done == (2, "", "tenor: no label 'happy'; there are 'negative', 'positive'\n")
    assert not picture.exists()


@pytest.mark.parametrize("width", [46, 80])
def test_a_row_fits_the_terminal_whatever_the_words(terminal, save, width):
    folder = save(labels=("two\nlines", "long " * 30))

    done = terminal("read", "-m", folder, "good 日本語 " + "long" * 30 + " \x1b[31m 👩 é", width=width)

    assert done.status == 0
    assert max(len(line) for line in done.out.splitlines() if "▕" in line) <= width
    assert "\x1b" not in done.out


def test_bars_are_coloured_where_colours_are_wanted(terminal, model_folder):
    done = terminal("read", "-m", model_folder, TEXT, NO_COLOR="")

    assert "\033[34m" in done.out or "\033[33m" in done.out


def test_a_terminal_that_can_spell_ascii_only_is_served_too(terminal, model_folder):
    done = terminal("read", "-m", model_folder, TEXT, PYTHONIOENCODING="ascii")

    assert (done.status, done.err) == (0, "")
    assert done.out.isascii()


def test_standard_input_is_one_text(tenor, model_folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfgood film\r\nnot bad\n")))

    done = tenor("read", "-m", model_folder, "-")

    assert json.loads(done.out)["text"] == "good film\nnot bad"


def test_bytes_that_are_not_utf_8_are_an_error(tenor, model_folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8"))

    done = tenor("read", "-m", model_folder, "-")

    assert (done.status, done.out) == (2, "")
    assert "standard input, line 1: byte 0xe9 is not UTF-8" in done.err


def test_an_encoding_is_believed(tenor, model_folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9")))

    done = tenor("read", "-m", model_folder, "-", "--encoding", "windows-1252")

    assert json.loads(done.out)["text"] == "café"


@pytest.mark.parametrize("text", ["", "   ", "\0", "lone \udcff", "👩\u200d👧", "فيلم جيد"], ids=ascii)
def test_any_text_can_be_read(tenor, terminal, model_folder, text):
    done = tenor("read", "-m", model_folder, text)

    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)["text"] == text


def test_a_text_without_words_is_the_state_before_any(terminal, model_folder):
    done = terminal("read", "-m", model_folder, "   ")

    before = TextClassifier.load(model_folder).read("").before["positive"]
    assert [line.split(" ▕")[0] for line in done.out.splitlines()[1:2]] == [
        f"{'(before any word)':24}  {before:.3f}"
    ]
    assert done.out.endswith(f": P(positive) = {before:.3f}\n")


def test_a_picture_is_written_and_said_so(tenor, model_folder, tmp_path):
    picture = tmp_path / "picture.svg"

    done = tenor("read", "-m", model_folder, TEXT, "--svg", picture)

    assert (done.status, done.err) == (0, f"wrote {picture}\n")
    assert ElementTree.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_that_is_there_stays(tenor, model_folder, tmp_path):
    picture = tmp_path / "picture.svg"
    picture.write_text("mine", encoding="utf-8")

    done = tenor("read", "-m", model_folder, TEXT, "--svg", picture)

    assert (done.status, done.out) == (2, "")
    assert done.err == f"tenor: {picture} is there already; name another file, or --force to replace it\n"
    assert picture.read_text(encoding="utf-8") == "mine"


def test_a_picture_is_replaced_by_force(tenor, model_folder, tmp_path):
    picture = tmp_path / "picture.svg"
    picture.write_text("mine", encoding="utf-8")

    assert tenor("read", "-m", model_folder, TEXT, "--svg", picture, "--force").status == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg ")


def test_a_picture_that_cannot_be_written_leaves_no_half_answer(tenor, model_folder, tmp_path):
    done = tenor("read", "-m", model_folder, TEXT, "--svg", tmp_path, "--force")

    assert (done.status, done.out) == (1, "")
    assert done.err == f"tenor: {tmp_path}: Is a directory\n"


def test_a_file_given_as_a_text_is_refused_with_what_to_type(tenor, model_folder, reviews):
    done = tenor("read", "-m", model_folder, reviews)

    assert (done.status, done.out) == (2, "")
    assert (
        done.err == f"tenor: {reviews} is a file, not a text; for the text in it: tenor read - < {reviews}\n"
    )


def test_a_folder_given_as_a_text_is_refused_with_what_to_type(tenor, model_folder):
    done = tenor("read", model_folder)

    assert done.status == 2
    assert f"tenor read -m {model_folder} TEXT" in done.err
