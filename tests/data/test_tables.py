"""Files and folders of labelled texts."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tenor.data import Asked, read_examples, read_folder, read_texts
from tenor.data.columns import ANYTHING
from tenor.data.tables import layout
from tenor.errors import DataError

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        '"',
        "a,b",
        "a\tb",
        "\r\n",
        "\n",
        "\u2028",
        "\x0c",
        "\x85",
        "\0",
        "\ufeff",
        'say "hi"',
        "\\",
        " ",
        "🎬",
        "e\u0301",
    ]
)
LABELS = st.sampled_from(["pos", "neg", "très bien", "1", "-1"])
ROWS = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=8)


def pairs(path, asked=ANYTHING):
    return [(example.text, example.label) for example in read_examples(path, asked)]


def write(path, content, encoding="utf-8"):
    path.write_bytes(content.encode(encoding))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@given(rows=ROWS, delimiter=st.sampled_from([",", "\t"]))
def test_any_text_survives_a_table(folder, rows, delimiter):
    path = folder / ("table.csv" if delimiter == "," else "table.tsv")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])

    assert pairs(path) == rows


ENCODINGS = {
    "utf-8": None, "utf-8-sig": None, "utf-16": None, "utf-16-le": "utf-16-le", "utf-32": None,
    "gb18030": "gb18030", "windows-1252": "windows-1252", "shift_jis": "shift_jis",
}  # fmt: skip
"""Encoding → what has to be said for it to be read."""


@given(rows=ROWS, encoding=st.sampled_from(sorted(ENCODINGS)), packed=st.booleans())
def test_any_text_survives_any_encoding_that_spells_it(folder, rows, encoding, packed):
    table = io.StringIO(newline="")
    csv.writer(table).writerows([("text", "label"), *rows])
    try:
        data = table.getvalue().encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    assume(data.decode(encoding) == table.getvalue())  # not so of shift_jis and a few marks
    path = folder / ("encoded.csv.gz" if packed else "encoded.csv")
    path.write_bytes(gzip.compress(data) if packed else data)

    assert pairs(path, Asked(encoding=ENCODINGS[encoding])) == rows


@given(rows=st.lists(st.tuples(TEXTS.filter(lambda t: "\n" not in t), LABELS), min_size=1, max_size=8))
def test_any_text_of_one_line_survives_fasttext_s_form(folder, rows):
    rows = [(text.strip(" \t\r"), label.replace(" ", "_")) for text, label in rows]
    assume(not any(text.startswith("__label__") for text, _ in rows))
    path = write(folder / "fast.txt", "".join(f"__label__{label} {text}\n" for text, label in rows))

    assert pairs(path) == rows


@given(
    labels=st.lists(st.integers(-5, 5) | st.booleans() | st.sampled_from(["pos", "a b", "0.5"]), min_size=1),
)
def test_labels_may_be_numbers_words_or_truth_values(folder, labels):
    lines = [json.dumps({"text": "x", "label": label}) for label in labels]
    path = write(folder / "labels.jsonl", "\n".join(lines))

    spelt = [str(label).lower() if isinstance(label, bool) else str(label) for label in labels]
    assert [label for _, label in pairs(path)] == spelt


@given(data=st.binary(max_size=200), name=st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x.txt", "x.csv.gz"]))
def test_any_bytes_are_read_or_refused_with_the_file_s_name(folder, data, name):
    path = folder / name
    path.write_bytes(data)
    try:
        examples = read_examples(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - most bytes are refused, some are a table
    else:
        assert all(isinstance(e.text, str) and e.label for e in examples)


def test_a_quote_that_never_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tenor.data.records.LINE_LIMIT_BYTES", 10_000)
    path = write(tmp_path / "films.csv", 'text,label\ngood,1\n"' + "a film, of sorts\n" * 5_000)
    with pytest.raises(DataError, match=r"films.csv, line 3: field larger than field limit"):
        pairs(path)


@pytest.mark.parametrize("encoding", [None, "utf-16"])
def test_a_line_that_never_ends_is_refused(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr("tenor.data.decoding.LINE_LIMIT_BYTES", 10_000)
    path = write(tmp_path / "texts.txt", "good\n" + "a film " * 5_000, encoding or "utf-8")
    with pytest.raises(DataError, match=r"texts.txt, line 2 is longer than 10,000 bytes; is this a file of"):
        list(read_texts(path, None, encoding))


LONG = """
import resource, sys
from tenor.data import read_texts
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
lengths = [len(text) for text in read_texts(sys.argv[1])]
print(lengths, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("name", "most_mb"), [("long.txt", 450), ("long.csv", 1100)])
def test_a_line_of_100_mb_is_read_in_a_few_times_its_size(tmp_path, name, most_mb):
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b"text\n" if name.endswith("csv") else b"")
        file.writelines([b"a film of sorts " * 65_536] * 100)
    found = subprocess.run([sys.executable, "-c", LONG, path], capture_output=True, text=True, check=True)
    lengths, used_mb = found.stdout.rsplit(" ", 1)
    assert lengths == f"[{100 * 2**20}]"
    assert int(used_mb) < most_mb


@given(rows=ROWS, escape=st.booleans())
def test_any_text_survives_json_lines(folder, rows, escape):
    lines = [json.dumps({"label": label, "text": text}, ensure_ascii=escape) for text, label in rows]
    path = write(folder / "table.jsonl", "\n".join(lines))

    assert pairs(path) == rows


@pytest.mark.parametrize(
    "content",
    [
        "text,label\ngood,1\nbad,0\n",
        "label,text\r\n1,good\r\n0,bad",
        "Sentiment,id,Review_Text\n1,7,good\n0,8,bad\n",
        "text;label\ngood;1\nbad;0\n",
        "text\tlabel\ngood\t1\nbad\t0\n",
        "utter,kind\ngood,1\nbad,0\n",
        "label,2024\n1,good\n0,bad\n",
        '\ufefftext,label\n\n"good",1\nbad, 0\n',
        "text,label,,\ngood,1,,\nbad,0,,\n",
    ],
)
def test_columns_are_found(tmp_path, content):
    assert pairs(write(tmp_path / "films.csv", content)) == [("good", "1"), ("bad", "0")]


@pytest.mark.parametrize(
    "content",
    [
        "good,pos\nbad,neg\nfine,pos\n",
        "pos,good\nneg,bad!!\npos,fine\n",
        "good,7\nbad,1\nfine,7\n",
        "A word.,1\nb,0\n",
    ],
)
def test_a_first_row_of_data_is_no_header(tmp_path, content):
    found = pairs(write(tmp_path / "films.csv", content))

    assert len(found) == content.count("\n")
    assert {label for _, label in found} <= {"pos", "neg", "7", "1", "0"}


def test_columns_without_a_header_are_called_by_their_number(tmp_path):
    path = write(tmp_path / "films.csv", "pos,a\nneg,b\npos,c\n")

    assert pairs(path, Asked("2", "1")) == [("a", "pos"), ("b", "neg"), ("c", "pos")]


def test_the_longer_of_two_unknown_columns_is_the_text(tmp_path):
    path = write(tmp_path / "films.csv", "x,y\npos,a long text\nneg,another one\n")

    assert pairs(path)[0] == ("a long text", "pos")


def test_columns_that_are_asked_for_win(tmp_path):
    path = write(tmp_path / "films.csv", "text,title,label,stars\na,b,c,4\n")

    assert pairs(path, Asked("title", "stars")) == [("b", "4")]


@pytest.mark.parametrize(
    ("encoding", "asked"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-16-be", "utf-16-be"),
        ("windows-1252", "windows-1252"),
        ("utf-8-sig", "utf-8"),
    ],
)
def test_encodings_are_read(tmp_path, encoding, asked):
    path = write(tmp_path / "films.csv", "text,label\ncafé,oui\nnul,non\n", encoding)

    assert pairs(path, Asked(encoding=asked)) == [("café", "oui"), ("nul", "non")]


def test_a_big_endian_mark_is_seen(tmp_path):
    path = write(tmp_path / "films.csv", "\ufefftext,label\ncafé,oui\n", "utf-16-be")

    assert pairs(path) == [("café", "oui")]


def test_a_gzipped_table_is_read(tmp_path):
    path = tmp_path / "films.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\ngood,1\n"))

    assert pairs(path) == [("good", "1")]


def test_a_text_longer_than_the_csv_limit_is_read(tmp_path):
    text = "word " * 50_000

    assert pairs(write(tmp_path / "films.csv", f"text,label\n{text},1\n")) == [(text, "1")]


def test_quotes_in_a_table_that_does_not_quote_are_text(tmp_path):
    path = write(tmp_path / "films.tsv", 'text\tlabel\n"good" film\t1\n"what a bore\t0\nhe said "no"\t0\n')

    assert pairs(path) == [('"good" film', "1"), ('"what a bore', "0"), ('he said "no"', "0")]


def test_a_stray_quote_that_swallows_columns_is_text(tmp_path):
    path = write(tmp_path / "films.tsv", 'text\tlabel\tnote\n"good\t1\t\nbad\t0\tcalled it "\n')

    assert pairs(path) == [('"good', "1"), ("bad", "0")]


def test_tabs_in_a_file_of_any_other_ending_make_it_a_table(tmp_path):
    assert pairs(write(tmp_path / "films.txt", "Good.\t1\nBad.\t0\n")) == [
        ("Good.", "1"),
        ("Bad.", "0"),
    ]


def test_fasttext_lines_are_read(tmp_path):
    path = write(
        tmp_path / "films.train",
        "__label__2 a good film\n\n__label__1\tbad \u2028 one \r\n__label__1\n",
    )

    assert pairs(path) == [("a good film", "2"), ("bad \u2028 one ", "1"), ("", "1")]


def test_json_labels_may_be_numbers_or_truth_values(tmp_path):
    lines = '{"text": "a", "label": 1}\n\n{"text": "b", "label": true}\n{"text": "c", "label": 2.5}\n'

    assert [label for _, label in pairs(write(tmp_path / "films.jsonl", lines))] == [
        "1",
        "true",
        "2.5",
    ]


BAD_FILES = [
    (
        "films.csv",
        'text,label\n"two\nlines",1\n\n"three\nlines",\n',
        r"films.csv, line 5: the label, 'label', is empty; fill",
    ),
    (
        "films.csv",
        "text,label\ngood, really,1\n",
        r"line 2 has 3 fields where the first line has 2; put texts with",
    ),
    ("films.csv", "text,label\ngood\n", r"line 2 has 1 fields where"),
    (
        "films.csv",
        'text,label\nok,1\n"good,1\nbad,0\n',
        r"line 3: unexpected end of data; .*double quotes",
    ),
    ("films.csv", 'text,label\n"good" film,1\n', r"line 2: ',' expected after '\"'; .*be doubled"),
    (
        "films.csv",
        "a,b,c\n1,2,3\n",
        r"which column holds the text\? It has columns 'a', 'b', 'c'; say --text-column",
    ),
    (
        "films.csv",
        "text,b,c\n1,2,3\n",
        r"which column holds the label\? .* say --label-column NAME",
    ),
    ("films.csv", "text\ngood\n", r"has one column, 'text'; a text and a label are needed"),
    ("films.csv", "text,text,label\na,b,c\n", r"has two columns called 'text'; rename one"),
    (
        "films.csv",
        "text,label\ngood,1\ntext,label\n",
        r"line 3 repeats the header; remove that line",
    ),
    ("films.csv", "text,label\n", r"has no rows below its header"),
    ("films.csv", "\n\n", r"films.csv has no rows; give a file with texts"),
    ("films.csv", "", r"films.csv is empty; give a file with texts"),
    (
        "films.jsonl",
        '{"text": "a", "label": 1}\n{"text": 2}\n',
        r"line 2: 'text' is 2, not a text; put it between",
    ),
    (
        "films.jsonl",
        '{"text": "a", "label": 1}\n{"text": "b"}\n',
        r"line 2 has no 'label', only 'text'; add it",
    ),
    ("films.jsonl", '{"text": "a", "label": null}\n', r"line 1: the label, 'label', is empty"),
    (
        "films.jsonl",
        '{"text": "a", "label": [1]}\n',
        r"line 1: the label, 'label', is \[1\]; it must be one word",
    ),
    (
        "films.jsonl",
        '{"text": "a"\n',
        r"line 1 is not JSON .*write one object a line, such as \{\"text\"",
    ),
    (
        "films.json",
        '"a film"\n',
        r"line 1 is not a JSON object; write one object a line",
    ),
    ("films.jsonl", '{"text": "\\ud800", "label": 1}\n', r"line 1 has .*, half of a character"),
    ("films.jsonl", "[" * 100_000, r"line 1 is not JSON"),
    ("films.ft", "__label__1 a\nbad\n", r"line 2 does not begin with __label__NAME; add its label"),
    ("films.ft", "__label__1 __label__2 a\n", r"line 1 has two labels; Tenor learns one per text"),
    (
        "films.txt",
        "good\nbad\n",
        r"films.txt has no labels that Tenor can see; write the texts as CSV, TSV",
    ),
    (
        "films.xlsx",
        "PK\x03\x04rest",
        r"is a zip archive or a spreadsheet, not text; export it as CSV in UTF-8",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_a_bad_file_is_refused_with_its_place_and_the_next_step(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        pairs(write(tmp_path / name, content))


@pytest.mark.parametrize(
    ("encoding", "asked", "message"),
    [
        ("windows-1252", None, r"line 3: byte 0xe9 is not UTF-8; .* add --encoding windows-1252"),
        (
            "windows-1252",
            "ascii",
            r"line 3: byte 0xe9 is not ASCII; name the file's own encoding with --encoding",
        ),
        ("utf-16-le", None, r"looks like UTF-16 without its mark; add --encoding utf-16-le"),
        ("utf-16-be", None, r"add --encoding utf-16-be"),
        (
            "utf-8",
            "windows-1225",
            r"no encoding 'windows-1225'; did you mean 'windows-1252'\?; some are utf-8",
        ),
        ("utf-8", "hex", r"no encoding 'hex'"),
        (
            "utf-8",
            "utf-16",
            r"films.csv: the bytes are not UTF-16; name the file's own encoding",
        ),
    ],
)
def test_bytes_of_another_encoding_are_refused_with_their_line(tmp_path, encoding, asked, message):
    path = write(tmp_path / "films.csv", "text,label\ngood,1\ncafé,0\n!", encoding)

    with pytest.raises(DataError, match=message):
        pairs(path, Asked(encoding=asked))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            Asked("txt", None),
            r"no column 'txt'; did you mean 'text'\?; it has columns 'text', 'label'; say --text-col",
        ),
        (
            Asked(None, "lable"),
            r"no column 'lable'; did you mean 'label'\?; .*; say --label-column NAME",
        ),
        (Asked("text", "text"), r"column 'text' cannot be both the text and the label"),
    ],
)
def test_a_column_that_is_not_there_is_answered_with_those_that_are(tmp_path, asked, message):
    with pytest.raises(DataError, match=message):
        pairs(write(tmp_path / "films.csv", "text,label\ngood,1\n"), asked)


def test_a_cut_gzip_file_is_refused(tmp_path):
    path = tmp_path / "films.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\ngood,1\n")[:-9])

    with pytest.raises(DataError, match=r"cannot be read to its end .*; check or fetch it again"):
        pairs(path)


def test_a_folder_is_not_a_file_of_texts(tmp_path):
    with pytest.raises(DataError, match=r"is a folder; name the file in it"):
        pairs(tmp_path)


def write_folder(root, texts):
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name, text)
    return root


def test_a_folder_of_labels_is_read_in_alphabetical_order(tmp_path):
    write_folder(
        tmp_path,
        {"pos/b.txt": "B\n", "pos/a.txt": "A\nA", "neg/a.txt": "N", "neg/.x.txt": "", "a.txt": ""},
    )

    splits = read_folder(tmp_path)

    assert [(e.label, e.text) for e in splits["train"]] == [
        ("neg", "N"),
        ("pos", "A\nA"),
        ("pos", "B"),
    ]
    assert list(splits) == ["train"]


def test_what_is_hidden_or_no_file_is_no_label_and_no_text(tmp_path):
    for name in ("neg/a.txt", "pos/a.txt", ".ipynb_checkpoints/a.txt", "pos/.b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a text")
    for name in ("pos/Thumbs.db", "__MACOSX/a.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no text")
    assert [example.label for example in read_folder(tmp_path)["train"]] == ["neg", "pos"]


def test_files_without_any_ending_are_texts_too(tmp_path):
    texts = {"neg/1": "N", "neg/2": "M", "pos/1.post": "P", "neg/.hidden": "H"}
    read = read_folder(write_folder(tmp_path, texts))["train"]
    assert [(e.label, e.text) for e in read] == [("neg", "N"), ("neg", "M"), ("pos", "P")]


def test_tables_in_folders_are_no_texts(tmp_path):
    with pytest.raises(DataError, match="has no texts at"):
        read_folder(write_folder(tmp_path, {"a/1.csv": "text,label", "b/2.csv": "text,label"}))


def test_an_ending_may_be_in_capitals(tmp_path):
    read = read_folder(write_folder(tmp_path, {"neg/1.TXT": "N", "pos/1.txt": "P"}))["train"]
    assert [e.text for e in read] == ["N", "P"]


@pytest.mark.parametrize("other", ["pos/b", "pos/b.text", "pos/more/b.txt", "pos/notes.txt/b"])
def test_a_folder_of_which_some_would_be_left_out_is_refused(tmp_path, other):
    folder = write_folder(tmp_path, {"neg/a.txt": "N", "pos/a.txt": "P", other: "Q"})
    with pytest.raises(DataError, match=r"has 2 files of texts, .* beside them 1 others, such as"):
        read_folder(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_among_texts_is_refused(tmp_path):
    folder = write_folder(tmp_path, {"neg/a.txt": "N", "pos/a.txt": "P"})
    os.mkfifo(folder / "pos" / "b.txt")
    with pytest.raises(DataError, match=r"b.txt is a pipe or a device, or links to nothing; move it away"):
        read_folder(folder)


def test_a_folder_of_splits_is_read_without_its_unlabelled_texts(tmp_path):
    texts = {
        "train/pos/a.txt": "A",
        "train/neg/a.txt": "N",
        "test/pos/b.txt": "B",
        "train/unsup/a.txt": "U",
    }

    splits = read_folder(write_folder(tmp_path, texts))

    assert [(e.label, e.text) for e in splits["train"]] == [("neg", "N"), ("pos", "A")]
    assert [(e.label, e.text) for e in splits["test"]] == [("pos", "B")]


def test_a_folder_of_another_shape_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"has no texts at .*LABEL.*txt; arrange them so, or give one file: CSV"
    ):
        read_folder(write_folder(tmp_path, {"a.txt": "A"}))


def test_a_model_folder_is_not_data(tmp_path):
    write_folder(tmp_path, {"manifest.json": "{}", "model.safetensors": ""})

    with pytest.raises(DataError, match=r"is a model folder, not texts; give a file or folder of texts"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match=r"is a model folder, not texts"):
        read_examples(tmp_path)


def test_a_bad_byte_in_a_folder_is_named_with_its_file(tmp_path):
    write_folder(tmp_path, {"pos/a.txt": "A"})
    write(tmp_path / "pos" / "b.txt", "a\ncafé", "latin-1")

    with pytest.raises(DataError, match=r"b.txt, line 2: byte 0xe9"):
        read_folder(tmp_path)
    assert read_folder(tmp_path, "latin-1")["train"][1].text == "a\ncafé"


@pytest.mark.parametrize("header", ["", "Text, gekürzt;Kategorie\n"])
def test_semicolons_separate_where_commas_belong_to_the_prose(tmp_path, header):
    path = tmp_path / "reviews.csv"
    rows = "Der Film war schön, sagte er.;positiv\nNa ja, sagte sie.;neutral\n" * 60
    path.write_text(header + rows, encoding="utf-8")
    examples = read_examples(path, Asked(None, None, None))
    assert {example.label for example in examples} == {"positiv", "neutral"}
    assert examples[0].text == "Der Film war schön, sagte er."


def test_one_word_above_sentences_names_their_column(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("Bewertung\nein schöner Film\nein langer Film\n", encoding="utf-8")
    assert list(read_texts(path)) == ["ein schöner Film", "ein langer Film"]


def test_line_ends_of_old_computers_are_told(tmp_path):
    path = tmp_path / "mac.csv"
    path.write_bytes(b"text,label\rgood,a\rbad,b\r")
    with pytest.raises(DataError, match="save the file with Unix or Windows line ends"):
        read_examples(path, Asked(None, None, None))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", "text,label\na film,{}\na song,{}\n"),
        ("r.txt", "__label__{} a film\n__label__{} a song\n"),
    ],
)
def test_a_label_is_the_same_however_its_accents_are_composed(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content.format("tre\u0300s", "tr\u00e8s"), encoding="utf-8")
    assert {example.label for example in read_examples(path)} == {"tr\u00e8s"}


def test_a_folder_name_is_the_same_label_however_its_accents_are_composed(tmp_path):
    for name in ("tre\u0300s", "non"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text("a film", encoding="utf-8")
    assert {example.label for example in read_folder(tmp_path)["train"]} == {"tr\u00e8s", "non"}


def test_no_number_is_no_label(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"text": "a film", "label": 1}\n{"text": "a song", "label": NaN}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: the label, 'label', is empty"):
        read_examples(path)


PAIRS = [("a fine film, all in all", "pos"), ("dull", "neg"), ('say "hi" | or not', "pos")] * 4


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["r.json", "r.txt"])
def test_one_array_of_objects_is_a_table(tmp_path, indent, name):
    path = tmp_path / name
    path.write_text("\n" + json.dumps([{"text": t, "label": n} for t, n in PAIRS], indent=indent), "utf-8")
    assert [(e.text, e.label) for e in read_examples(path)] == PAIRS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "a", "label": "b"},\n\n {"text": 1, "label": "b"}]', "line 3: 'text' is 1, not a text"),
        ('[{"text": "a", "label": "b"},\n 7]', "line 2 is not a JSON object"),
        ('[{"text": "a", "label": "b"}\n', "ends abruptly after line 1"),
        ('[{"text": "a", "label": "b"},\n', r"line 2 is not JSON \(Expecting value\)"),
        ('[{"text": "a", "label": "b"}] 7', "line 1: something follows the array"),
        ("[]", "has no rows"),
        ('{"text": "a", "label": "b"} 7', r"line 1 is not JSON \(something follows the object\)"),
        ('{"text": null, "label": "b"}', "line 1: the text, 'text', is null; fill it in"),
        ('{"text": "a \\ud800 b", "label": "b"}', r"line 1 has \\ud800, half of a character"),
    ],
)
def test_what_is_wrong_with_json_is_told_with_its_line(tmp_path, content, message):
    path = tmp_path / "r.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_examples(path)


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
@pytest.mark.parametrize("name", ["r.csv", "r.data"])
def test_any_usual_mark_separates(tmp_path, mark, name):
    path = tmp_path / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=mark).writerows([("text", "label"), *PAIRS])
    assert [(e.text, e.label) for e in read_examples(path)] == PAIRS
    assert list(read_texts(path)) == [text for text, _ in PAIRS]


def test_a_text_file_is_no_table_for_its_commas(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text("good, bad\ntext; review | film\n", encoding="utf-8")
    assert list(read_texts(path)) == ["good, bad", "text; review | film"]


def test_what_is_not_gzipped_says_so(tmp_path):
    path = tmp_path / "r.csv.gz"
    path.write_text("text,label\na,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"is not gzipped, as its name says; name it without \.gz"):
        read_examples(path)


NAMELESS = "".join(
    f'{row % 4},Title {row},"A longer text, the {row}th, of the row."\n' for row in (3, 7, *range(16))
)
"""As the corpora of Zhang, Zhao & LeCun (2015) are written: class, title, text, and no header."""


def test_of_several_columns_without_names_the_longest_is_the_text_and_few_values_are_labels(tmp_path):
    path = write(tmp_path / "news.csv", NAMELESS)

    assert pairs(path)[:2] == [
        ("A longer text, the 3th, of the row.", "3"),
        ("A longer text, the 7th, of the row.", "3"),
    ]
    assert layout(path)[1:] == (False, "3", "1")
    assert pairs(path, Asked("2", "1"))[0] == ("Title 3", "3")
    assert list(read_texts(path, "2"))[-1] == "Title 15"


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("pos,u1,a film\nneg,u2,no film\npos,u3,one\n" * 2, {"pos", "neg"}),  # a value comes again
        ("kind,number,words\npos,1,a film\nneg,2,no film\npos,3,one\n", {"pos", "neg"}),
        ("kind,2019,words\npos,1,a film\nneg,2,no film\n", {"pos", "neg"}),
    ],
)
def test_several_columns_have_a_header_unless_the_first_row_is_one_of_the_others(tmp_path, content, labels):
    path = write(tmp_path / "films.csv", content)
    is_named = content.startswith("kind")

    found = pairs(path, Asked("words", "kind") if is_named else Asked("3", "1"))

    assert {label for _, label in found} == labels
    assert len(found) == content.count("\n") - is_named


def test_a_label_that_nothing_tells_among_columns_without_names_is_asked_for(tmp_path):
    rows = "".join(f"0,{row},NO_QUERY,user {row},what they said on day {row}\n" for row in range(9))
    others = "".join(f"{row % 2},{row % 3},what they said on day {row}\n" for row in range(40))

    with pytest.raises(
        DataError, match=r"None has a name, and the first row is 1: '0', .* say --label-column NUMBER"
    ):
        pairs(write(tmp_path / "tweets.csv", rows))
    with pytest.raises(DataError, match="which column holds the label"):
        pairs(write(tmp_path / "tweets.csv", others))


def test_a_column_of_one_value_and_one_of_many_are_no_labels(tmp_path):
    rows = "".join(
        f"{row % 2},{row},NO_QUERY,user {row % 9},what they said on day {row}\n" for row in range(40)
    )

    assert {label for _, label in pairs(write(tmp_path / "tweets.csv", rows))} == {"0", "1"}
