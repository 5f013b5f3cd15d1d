"""Texts in, labels out: through arguments, files and standard input, to a pipe or a terminal."""

import io
import json
import sys

import pytest

from tenor import TextClassifier

TEXTS = ["the film is good", "not good", "the film is bad, not good"]


@pytest.fixture
def stdin(monkeypatch):
    """A function that puts bytes on standard input."""

    def put(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def records(done):
    return [json.loads(line) for line in done.out.splitlines()]


def texts_of(done):
    return [record["text"] for record in records(done)]


def test_the_record_is_that_of_python_with_the_text(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, *TEXTS)

    expected = TextClassifier.load(model_folder).predict(TEXTS)
    assert records(done) == [
        {"text": text} | prediction.to_dict() for text, prediction in zip(TEXTS, expected, strict=True)
    ]


def test_a_terminal_gets_a_table_and_a_pipe_json_lines(terminal, tenor, model_folder):
    shown = terminal("predict", "-m", model_folder, *TEXTS)
    piped = tenor("predict", "-m", model_folder, *TEXTS)

    rows = [line.split(maxsplit=2) for line in shown.out.splitlines()]
    assert rows == [[r["label"], f"{r['score']:.3f}", r["text"]] for r in records(piped)]


def test_json_is_printed_on_a_terminal_when_asked_for(terminal, tenor, model_folder):
    shown = terminal("predict", "-m", model_folder, "good", "--json")

    assert shown.out == tenor("predict", "-m", model_folder, "good").out


def test_labels_alone_are_a_line_each(terminal, tenor, model_folder, save):
    texts = ["good film", "bad film", "", "two\nlines"]
    expected = [found.label for found in TextClassifier.load(model_folder).predict(texts)]
    for run in (tenor, terminal):
        assert run("predict", "-m", model_folder, "--labels-only", *texts).out.splitlines() == expected
    strange = save(labels=("one\nline", "\x1b[31mred"))
    found = tenor("predict", "-m", strange, "--labels-only", *texts)
    assert set(found.out.splitlines()) <= {"one line", "\ufffd[31mred"}
    done = tenor("predict", "-m", model_folder, "--labels-only", "--json", "x")
    assert (done.status, done.out) == (2, "")
    assert "leave one of them out" in done.err


def test_a_table_row_of_any_text_is_one_line_of_the_terminal(terminal, save):
    folder = save(labels=("a, b", 'say "hi"', "x|y", "two\nlines", "long " * 20))
    texts = ["word " * 100, "日本語" * 50, "two\nlines", "\x1b[31mred", "", "فيلم جيد"]

    done = terminal("predict", "-m", folder, "--", *texts)

    lines = done.out.splitlines()
    assert len(lines) == len(texts)
    assert max(len(line) for line in lines) <= 80
    assert "\x1b" not in done.out


def test_chunks_of_a_long_file_line_up(terminal, model_folder, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("good\n" * 300 + "bad film\n" * 300, encoding="utf-8")

    done = terminal("predict", "-m", model_folder, "-f", texts)

    assert len({line.index("0.") for line in done.out.splitlines()}) == 1


def test_standard_input_is_a_text_a_line(tenor, model_folder, stdin):
    stdin(b"good film\r\n\nbad film")

    assert texts_of(tenor("predict", "-m", model_folder, "-")) == ["good film", "", "bad film"]


def test_standard_input_stands_alone(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, "good", "-")

    assert done.status == 2
    assert done.err == "tenor: - reads the texts from standard input and stands alone; leave out the others\n"


def test_nothing_on_standard_input_gives_nothing(tenor, model_folder, stdin):
    stdin(b"")

    assert tenor("predict", "-m", model_folder, "-") == (0, "", "")


def test_bytes_that_are_not_utf_8_name_the_line_and_the_way_out(tenor, model_folder, stdin):
    stdin(b"good\ncaf\xe9\n")

    done = tenor("predict", "-m", model_folder, "-")

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("tenor: standard input, line 2: byte 0xe9 is not UTF-8; ")
    assert "--encoding windows-1252" in done.err


def test_an_encoding_is_believed(tenor, model_folder, stdin):
    stdin(b"caf\xe9\n")

    done = tenor("predict", "-m", model_folder, "-", "--encoding", "windows-1252")

    assert texts_of(done) == ["café"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("texts.txt", "good, film\nbad\n"),
        ("texts.csv", 'id,text\n1,"good, film"\n2,bad\n'),
        ("texts.tsv", "id\ttext\n1\tgood, film\n2\tbad\n"),
        ("texts.jsonl", '{"text": "good, film"}\n{"text": "bad"}\n'),
    ],
)
def test_a_file_of_any_format_gives_its_texts(tenor, model_folder, tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")

    done = tenor("predict", "-m", model_folder, "-f", tmp_path / name)

    assert texts_of(done) == ["good, film", "bad"]


def test_the_column_of_the_texts_can_be_named(tenor, model_folder, tmp_path):
    (tmp_path / "texts.csv").write_text("headline,body\ngood,bad\n", encoding="utf-8")

    done = tenor("predict", "-m", model_folder, "-f", tmp_path / "texts.csv", "--text-column", "headline")

    assert texts_of(done) == ["good"]


def test_texts_and_a_file_at_once_are_refused(tenor, model_folder, tmp_path):
    done = tenor("predict", "-m", model_folder, "good", "-f", tmp_path / "texts.txt")

    assert done.status == 2
    assert done.err == 'tenor: give texts, or a file with -f: tenor predict "a text"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\t\n",
        "\0",
        "lone \udcff",
        "👩\u200d👩\u200d👧 🎬",
        "فيلم جيد",
        "e\u0301",
        "\u202eevil",
        "]]>",
    ],
    ids=ascii,
)
def test_any_text_has_an_answer_and_comes_back_as_it_was(tenor, model_folder, text):
    done = tenor("predict", "-m", model_folder, "--", text)

    assert (done.status, done.err) == (0, "")
    assert texts_of(done) == [text]


def test_a_byte_that_is_no_character_arrives_through_the_arguments(process, model_folder):
    done = process("predict", "-m", str(model_folder), b"good \xff")

    assert done.status == 0
    assert texts_of(done) == ["good \udcff"]


def test_texts_without_words_have_one_answer(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, "", "   ", "<br />")

    assert len({record["score"] for record in records(done)}) == 1


def test_a_text_of_a_megabyte_is_read(tenor, model_folder, stdin):
    text = "a" * 1_000_000 + " good"
    stdin(text.encode())

    assert texts_of(tenor("predict", "-m", model_folder, "-")) == [text]


def test_a_file_given_as_a_text_is_refused_with_what_to_type(tenor, model_folder, reviews):
    done = tenor("predict", "-m", model_folder, reviews)

    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"tenor: {reviews} is a file, not a text; for the texts in it: tenor predict -f {reviews}\n"
    )


def test_a_model_given_as_a_text_is_refused_with_what_to_type(tenor, model_folder):
    done = tenor("predict", model_folder)

    assert (done.status, done.out) == (2, "")
    assert f"{model_folder} is a folder, not a text" in done.err
    assert f"tenor predict -m {model_folder} TEXT" in done.err


def test_a_sentence_is_a_text_though_a_file_is_called_so(tenor, model_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good film").touch()

    assert texts_of(tenor("predict", "-m", model_folder, "good film")) == ["good film"]


def test_a_model_given_as_a_file_of_texts_is_refused(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, "-f", model_folder)

    assert (done.status, done.out) == (2, "")
    assert f"{model_folder} is a model folder, not texts" in done.err


def test_a_file_of_texts_given_as_a_model_is_refused(tenor, reviews):
    done = tenor("predict", "-m", reviews, "good")

    assert (done.status, done.out) == (1, "")
    assert f"{reviews} is a file, not a model folder" in done.err


def test_a_model_that_is_not_there_says_how_to_make_one(tenor, tmp_path):
    folder = tmp_path / "nosuch"

    done = tenor("predict", "-m", folder, "good")

    assert done.status == 1
    assert done.err == (f"tenor: there is no model folder {folder}; make it: tenor train DATA -o {folder}\n")


def test_a_damaged_model_is_refused_by_the_name_of_the_file(tenor, model_folder):
    weights = model_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")

    done = tenor("predict", "-m", model_folder, "good")

    assert (done.status, done.out) == (1, "")
    assert done.err == f"tenor: {weights} is damaged: it is not what was saved; copy the folder again\n"


def test_a_text_longer_than_the_model_reads_is_marked(terminal, tiny, tmp_path):
    from dataclasses import replace

    from tenor.config import TokenizerConfig

    TextClassifier(replace(tiny(), tokenizer=TokenizerConfig(max_tokens=2))).save(tmp_path / "short")

    done = terminal("predict", "-m", tmp_path / "short", "good " * 40, "good")

    first, second = done.out.splitlines()
    assert first.endswith("… (cut)")
    assert len(first) <= 80
    assert "(cut)" not in second


def test_a_runtime_that_is_not_there_is_an_error(tenor, model_folder):
    done = tenor("predict", "-m", model_folder, "good", "--runtime", "abacus")

    assert done.status == 2
    assert "invalid choice: 'abacus'" in done.err
