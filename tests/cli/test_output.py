"""Tables and lines for people, JSON for programs, whatever the words are made of."""

import contextlib
import io
import json
import sys

import pytest

from tenor.cli import output


def in_ascii(function, *arguments):
    """What a function prints where standard output can spell ASCII only."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    with contextlib.redirect_stdout(stream):
        function(*arguments)
    return stream.buffer.getvalue().decode("ascii")


def test_a_table_has_its_columns_side_by_side(capsys):
    output.print_table([["label", "F1"], ["negative", "0.5"]])

    assert capsys.readouterr().out == "label     F1\nnegative  0.5\n"


def test_numbers_stand_at_the_right(capsys):
    output.print_table([["label", "texts"], ["bad", "7"], ["good", "1,234"]], numbers=True)

    assert capsys.readouterr().out == "label  texts\nbad        7\ngood   1,234\n"


def test_wide_characters_and_marks_do_not_shift_a_table(capsys):
    output.print_table([["日本", "a"], ["e\u0301e\u0301", "b"], ["abcd", "c"]])

    assert capsys.readouterr().out == "日本  a\ne\u0301e\u0301    b\nabcd  c\n"


def test_a_line_break_in_a_cell_does_not_break_the_table(capsys):
    output.print_table([["two\nlines", "1"]])

    assert capsys.readouterr().out == "two lines  1\n"


def test_the_width_of_a_table_is_that_of_its_lines(capsys):
    rows = [["日本", "a"], ["abc", "long"]]
    output.print_table(rows)

    assert output.table_width(rows) == len(capsys.readouterr().out.splitlines()[1])


@pytest.mark.parametrize(
    "hostile", ["\x1b[31m", "\0", "\x7f", "\x9b31m", "\u202e", "\u2066", "\ud800"], ids=ascii
)
def test_nothing_that_drives_a_terminal_reaches_it(hostile):
    assert output.printable(f"a{hostile}b")[:2] == "a\ufffd"
    assert hostile not in output.one_line(f"a{hostile}b", 20)


@pytest.mark.parametrize("visible", ["👩\u200d👩\u200d👧", "فيلم", "हिन्दी", "e\u0301", "日本"], ids=ascii)
def test_words_of_any_script_are_shown_as_they_are(visible):
    assert output.one_line(visible, 20) == visible


def test_a_long_text_is_cut_at_the_width():
    shown = output.one_line("word " * 100, 20)

    assert shown == "word word word word…"
    assert output.one_line("日本語" * 10, 8) == "日本語…"


def test_a_text_of_a_megabyte_is_cut_too():
    assert output.one_line("a" * 1_000_000, 10) == "a" * 9 + "…"


def test_what_a_terminal_cannot_spell_becomes_a_question_mark():
    assert in_ascii(output.show, "café ▕█▏") == "caf? ???\n"


def test_json_escapes_what_its_stream_cannot_spell():
    assert in_ascii(output.print_json, {"text": "café"}) == '{"text": "caf\\u00e9"}\n'


def test_json_spells_characters_as_they_are(capsys):
    output.print_json({"text": "日本\u2028 🎬"})

    assert capsys.readouterr().out == '{"text": "日本\u2028 🎬"}\n'


def test_half_a_surrogate_pair_survives_json(capsys):
    output.print_json({"text": "lone \udcff"})
    line = capsys.readouterr().out

    assert line.isascii()
    assert json.loads(line) == {"text": "lone \udcff"}


def test_a_narrow_terminal_counts_as_40_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "7")

    assert output.terminal_width() == 40


def test_what_is_not_a_terminal_gets_json_and_no_colour(capsys):
    assert output.wants_json(False)
    assert output.colored("good", "34") == "good"


def test_colour_is_left_out_where_it_is_not_wanted(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.colored("good", "34") == "\033[34mgood\033[0m"

    monkeypatch.setenv("NO_COLOR", "1")
    assert output.colored("good", "34") == "good"
