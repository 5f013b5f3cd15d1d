"""A smaller model out, or the reasons why not."""

import json

import numpy as np
import pytest

from tenor import TextClassifier
from tenor.compression import Compressor, num_words, with_words
from tenor.data import Example


@pytest.fixture
def packaged(tmp_path):
    """The model in the package, where a user's would be."""
    folder = tmp_path / "reviews-model"
    TextClassifier.load().save(folder)
    return folder


@pytest.fixture
def held_out(tmp_path):
    """Texts with the labels that the model gives them, which smaller ones keep or lose."""
    rng = np.random.default_rng(0)
    model = TextClassifier.load().model
    words = [token for token in model.vocabulary.tokens[:3000] if token.isalpha()]
    texts = [" ".join(rng.choice(words, 30)) for _ in range(400)]
    labels = [found.label for found in TextClassifier(model).predict(texts)]
    path = tmp_path / "held-out.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def size_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_smaller_model_is_written_with_what_it_cost(tenor, packaged, held_out, tmp_path):
    done = tenor("compress", packaged, held_out)

    small = tmp_path / "reviews-model-int8"
    assert (done.status, done.err.splitlines()) == (
        0,
        [f"saved {small}", f'next: tenor predict -m {small} "a text"'],
    )
    before, after = map(json.loads, done.out.splitlines())
    assert before == {
        "precision": "float32",
        "words": num_words(TextClassifier.load().model),
        "size_bytes": size_of(packaged),
        "accuracy": 1.0,
        "labels_changed": 0,
        "texts": 400,
    }
    assert after["precision"] == "int8"
    assert after["accuracy"] == 1 - after["labels_changed"] / 400
    assert size_of(small) < size_of(packaged) * 0.45
    back = TextClassifier.load(small)
    assert back.model.precision == "int8"
    assert back.model.record["compressed"]["held_out"] == {
        "name": "held-out.jsonl",
        "texts": 400,
        "labels_changed": after["labels_changed"],
        "accuracy": after["accuracy"],
        "accuracy_before": 1.0,
    }
    assert back.model.card.count("## Made smaller") == 1
    assert "of its" in back.model.card
    assert json.loads(tenor("inspect", small).out)["precision"] == "int8"


def test_a_size_is_kept_to(tenor, packaged, held_out, tmp_path):
    done = tenor(
        "compress", packaged, held_out, "--max-size", "0.5MB", "--max-changed", "1", "-o", tmp_path / "s"
    )

    assert done.status == 0
    words = json.loads(done.out.splitlines()[1])["words"]
    assert 480_000 < size_of(tmp_path / "s") <= 500_000
    model = TextClassifier.load(tmp_path / "s").model
    assert num_words(model) == words
    assert model.vocabulary.tokens == TextClassifier.load().model.vocabulary.tokens[: words + 2]


def test_a_model_that_changes_too_many_labels_is_refused_with_the_numbers(
    tenor, packaged, held_out, tmp_path
):
    done = tenor("compress", packaged, held_out, "--max-size", "200kB")

    assert (done.status, done.out) == (1, "")
    assert "nothing was written: " in done.err
    assert "of 400 held-out labels change" in done.err
    assert "and 0.30% may" in done.err
    assert "goes from 1.0000 to 0." in done.err
    assert not (tmp_path / "reviews-model-int8").exists()
    allowed = done.err.split("--max-changed ")[1].split(",")[0]
    assert tenor("compress", packaged, held_out, "--max-size", "200kB", "--max-changed", allowed).status == 0


def test_a_size_that_no_model_fits_into_is_asked_wrongly(tenor, packaged, held_out):
    done = tenor("compress", packaged, held_out, "--max-size", "5kB")
    assert done.status == 2
    assert "without any word the int8 model has " in done.err
    assert "more than 5,000; allow more, take another precision" in done.err


@pytest.mark.parametrize("size", ["", "MB", "2 XB", "-3MB", "0MB", "1e3", "nan"])
def test_what_is_no_size_is_asked_wrongly(tenor, packaged, held_out, size):
    done = tenor("compress", packaged, held_out, f"--max-size={size}")
    assert done.status == 2
    assert f"{size!r} is not a size such as 2MB, 500kB or 1000000" in done.err


@pytest.mark.parametrize("share", ["-0.1", "1.1", "nan", "few"])
def test_what_is_no_share_is_asked_wrongly(tenor, packaged, held_out, share):
    done = tenor("compress", packaged, held_out, f"--max-changed={share}")
    assert done.status == 2
    assert f"{share!r} is not a share from 0 to 1" in done.err


def test_nothing_is_overwritten(tenor, packaged, held_out, tmp_path):
    done = tenor("compress", packaged, held_out, "-o", packaged)
    assert done.status == 1
    assert "holds a model already" in done.err
    (tmp_path / "c.svg").write_text("mine")
    done = tenor("compress", packaged, held_out, "--curve", tmp_path / "c.svg")
    assert (done.status, (tmp_path / "c.svg").read_text()) == (2, "mine")


def test_the_curve_has_every_precision_and_ever_fewer_words(tenor, packaged, held_out, tmp_path):
    done = tenor("compress", packaged, held_out, "--curve", tmp_path / "c.svg")

    assert (done.status, done.err) == (0, f"saved {tmp_path / 'c.svg'}\n")
    found = [json.loads(line) for line in done.out.splitlines()]
    every = num_words(TextClassifier.load().model)
    halves = [every >> n for n in range(8) if every >> n >= 100]
    assert [(one["precision"], one["words"]) for one in found] == [
        (precision, words) for precision in ("float32", "bf16", "int8") for words in halves
    ]
    sizes = [one["size_bytes"] for one in found if one["precision"] == "int8"]
    assert sizes == sorted(sizes, reverse=True)
    picture = (tmp_path / "c.svg").read_text(encoding="utf-8")
    assert all(f">{name}</text>" in picture for name in ("float32", "bf16", "int8", "megabytes"))
    assert picture.count("<polyline") >= 3


def test_made_smaller_twice_has_one_note(tenor, packaged, held_out, tmp_path):
    for model, name in ((packaged, "a"), (tmp_path / "a", "b")):
        args = ("--max-changed", "1", "-o", tmp_path / name, "--max-size", f"{1 if name == 'a' else 0.3}MB")
        assert tenor("compress", model, held_out, *args).status == 0
    assert TextClassifier.load(tmp_path / "b").model.card.count("## Made smaller") == 1


def test_fewer_words_keep_special_tokens_wherever_they_are(tiny):
    model = tiny()
    fewer = with_words(model, 2)
    special = model.vocabulary.config.special_tokens
    assert set(special) < set(fewer.vocabulary.tokens)
    assert len(fewer.vocabulary) == len(special) + 2
    for token in fewer.vocabulary.tokens:
        np.testing.assert_array_equal(
            fewer.weights["embedding.weight"][fewer.vocabulary.tokens.index(token)],
            model.weights["embedding.weight"][model.vocabulary.tokens.index(token)],
        )


def test_a_model_without_words_still_answers(tiny):
    model = tiny()
    examples = [Example(text="the film", label="negative"), Example(text="bad", label="positive")]
    found = Compressor(TextClassifier(model), examples, name="two").compressed("int8", words=0)
    assert (found.words, found.accuracy) == (0, 0.5)


def test_the_size_that_is_told_is_that_of_the_folder(tenor, model_folder, reviews, tmp_path):
    done = tenor("compress", model_folder, reviews, "-o", tmp_path / "small", "--max-changed", 1)
    assert done.status == 0, done.err
    told = [json.loads(line)["size_bytes"] for line in done.out.splitlines()]
    for size, folder in zip(told, (model_folder, tmp_path / "small"), strict=True):
        assert size == sum(file.stat().st_size for file in folder.iterdir())
