from __future__ import annotations

import io
import json
import random
import sys
from dataclasses import replace

import numpy as np
import pytest

from tenor import Settings, TextClassifier, native, preset, train
from tenor.config import FlawsConfig, ModelConfig, TokenizerConfig, TrainConfig, VocabularyConfig
from tenor.data import Example, WordVectors, build_dataset, hold_out
from tenor.errors import ConfigError, DataError, TrainingError, TrainingInterrupted, UnsupportedError
from tenor.training import Progress, RunFolder, engine, resume
from tenor.training.checkpoint import write_checkpoint
from tenor.training.encoded import Encoded
from tenor.training.freeze import check_frozen
from tenor.training.history import Position
from tenor.training.ngrams.blend import Beside
from tenor.training.prepare import prepare
from tenor.training.trainer import NotFiniteError, Snapshot, Trainer

needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core")
SMALL = Settings(
    model=ModelConfig(embedding_dim=8, hidden_sizes=(8,)),
    train=TrainConfig(epochs=30, learning_rate=0.02, embedding_dropout=0.1, input_dropout=0.3),
    vocabulary=VocabularyConfig(min_count=1),
)


def examples(count, seed):
    """Texts whose label is told by one word among others."""
    choose = random.Random(seed)
    words = ["the", "a", "film", "plot", "story", "was", "is", "with", "and", "of"]
    made = []
    for i in range(count):
        label = ("bad", "good")[i % 2]
        text = [*choose.choices(words, k=choose.randrange(2, 9)), ("dull", "fine")[i % 2]]
        choose.shuffle(text)
        made.append(Example(text=" ".join(text), label=label))
    return made


def dataset(**splits):
    return build_dataset(splits or {"train": examples(80, 0)}, name="toy", sha256="0" * 64, source="toy")


def test_from_texts_to_a_classifier_that_tells_them_apart():
    classifier = train(dataset(train=examples(80, 0), test=examples(40, 1)), SMALL)
    assert classifier.labels == ("bad", "good")
    assert [p.label for p in classifier.predict(["a fine film", "a dull plot"])] == ["good", "bad"]
    assert classifier.model.record["metrics"]["test_accuracy"] >= 0.95


@pytest.mark.parametrize("name", ["fast", "balanced"])
def test_ngrams_learn_validation_texts_that_training_held_out_and_no_others(name):
    texts, settings = dataset(train=examples(200, 0)), preset(name)
    own = prepare(texts, settings, None, None, Progress(None))
    given = prepare(hold_out(texts, 0.1, 0), settings, None, None, Progress(None))
    assert own.splits["validation"].targets.tolist() == given.splits["validation"].targets.tolist()
    assert own.model.record["data"].pop("ngrams_learn") == ["train", "validation"]
    assert own.model.record["data"] == given.model.record["data"]
    assert given.ngrams.held_out is None
    assert np.abs(own.model.weights["ngrams.weight"] - given.model.weights["ngrams.weight"]).max() > 0.01
    beside = Beside.of(given.model.config, given.model.weights, given.ngrams)
    expected = beside.validation_logits(given.splits["validation"])
    np.testing.assert_allclose(own.ngrams.held_out, expected, rtol=1e-4, atol=1e-4)


def test_a_model_card_says_what_ngrams_learnt():
    fast = preset("fast")
    short = replace(fast, train=replace(fast.train, epochs=1))
    texts = dataset(train=examples(200, 0))
    cards = [train(of, short).model.card for of in (texts, hold_out(texts, 0.1, 0))]
    assert [card.count("the n-grams learnt its texts afterwards") for card in cards] == [1, 0]


def test_what_is_saved_is_what_was_trained(tmp_path):
    classifier = train(dataset(), SMALL)
    classifier.save(tmp_path / "model")
    texts = [example.text for example in examples(30, 2)]
    assert TextClassifier.load(tmp_path / "model").predict(texts) == classifier.predict(texts)


def test_the_same_call_makes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        train(dataset(), SMALL).save(tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_the_record_says_where_the_model_comes_from():
    record = train(dataset(), SMALL).model.record
    assert record["data"]["sha256"] == "0" * 64
    assert record["data"]["texts"] == {"train": 72, "validation": 8}
    assert record["train"]["learning_rate"] == 0.02
    assert 1 <= record["metrics"]["best_epoch"] <= record["metrics"]["epochs"] == 30


def test_the_run_folder_gets_a_line_and_a_picture_for_every_epoch(tmp_path):
    with RunFolder(tmp_path / "run") as run:
        train(dataset(), SMALL, run=run)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, 31))
    assert (tmp_path / "run" / "curves.svg").read_text().startswith("<svg")


def test_epochs_not_set_are_as_many_as_the_data_needs():
    settings = Settings(model=SMALL.model)
    assert train(dataset(train=examples(40, 0)), settings).model.record["train"]["epochs"] == 40


def test_words_of_the_texts_make_the_vocabulary():
    assert "dull" in train(dataset(), SMALL).model.vocabulary


def test_words_beyond_what_is_read_of_a_text_count_too():
    long = [Example(text=f"{('dull', 'fine')[i % 2]} film and then", label="ab"[i % 2]) for i in range(20)]
    settings = replace(SMALL, tokenizer=TokenizerConfig(max_tokens=2), train=TrainConfig(epochs=1))
    vocabulary = train(dataset(train=long), settings).model.vocabulary
    assert vocabulary.tokens[2:] == ("and", "film", "then", "dull", "fine")


def test_a_list_of_words_is_the_vocabulary_in_its_order():
    settings = Settings(model=SMALL.model, train=SMALL.train, vocabulary=VocabularyConfig(source="list"))
    classifier = train(dataset(), settings, words=["fine", "dull", "fine"])
    assert classifier.model.vocabulary.tokens == ("<pad>", "<unk>", "fine", "dull")


@pytest.mark.parametrize(("source", "words"), [("list", None), ("texts", ["a"])])
def test_a_list_of_words_and_its_setting_go_together(source, words):
    settings = Settings(vocabulary=VocabularyConfig(source=source))
    with pytest.raises(ConfigError, match="--source list and --words FILE"):
        train(dataset(), settings, words=words)


VECTORS = WordVectors(words=("fine", "zebra"), matrix=np.array([[9, 8, 7], [1, 1, 1]], np.float32))


def test_vectors_set_the_width_and_the_first_rows_of_their_words():
    settings = Settings(train=TrainConfig(epochs=1, freeze_embedding=True), vocabulary=SMALL.vocabulary)
    model = train(dataset(), settings, vectors=VECTORS).model
    row = model.weights["embedding.weight"][model.vocabulary.tokens.index("fine")]
    np.testing.assert_array_equal(row, [9, 8, 7])
    assert model.config.embedding_dim == 3
    assert model.record["data"]["vectors_sha256"] is not None


def test_vectors_can_be_the_vocabulary_in_their_order():
    settings = Settings(train=TrainConfig(epochs=1), vocabulary=VocabularyConfig(source="vectors"))
    model = train(dataset(), settings, vectors=VECTORS).model
    assert model.vocabulary.tokens == ("<pad>", "<unk>", "fine", "zebra")


def test_vectors_as_the_vocabulary_must_be_given():
    settings = Settings(vocabulary=VocabularyConfig(source="vectors"))
    with pytest.raises(ConfigError, match="set --vectors FILE"):
        train(dataset(), settings)


def test_texts_without_a_word_are_refused():
    blank = [Example(text=" ", label=label) for label in ("a", "b") * 10]
    with pytest.raises(DataError, match="no training text has a word"):
        train(dataset(train=blank), SMALL)


def test_validation_texts_of_the_data_are_used():
    record = train(dataset(train=examples(40, 0), validation=examples(10, 1)), SMALL).model.record
    assert record["data"]["texts"] == {"train": 40, "validation": 10}


@pytest.mark.parametrize("name", [pytest.param("core", marks=needs_core), "torch"])
def test_a_runtime_that_computes_something_else_is_not_saved(tiny, monkeypatch, name):
    classifier = TextClassifier(tiny())
    model = classifier.model
    trained = engine.build(TrainConfig(engine=name), model.config, model.weights, FlawsConfig())
    texts = Encoded(token_ids=[np.array([2, 3], np.int32)], targets=np.array([0]))
    check_frozen(classifier, trained, texts)
    real = classifier.logits_of
    monkeypatch.setattr(classifier, "logits_of", lambda ids: real(ids) + 0.001)
    with pytest.raises(TrainingError, match="runtime and the training disagree by"):
        check_frozen(classifier, trained, texts)


def test_a_label_absent_from_a_split_is_noted_before_training():
    lines = []

    class Said(Progress):
        def say(self, line):
            lines.append(line)

    rare = [*examples(40, 0), Example(text="a rare film", label="odd\n"), Example(text="odd", label="odd\n")]
    train(dataset(train=rare, test=examples(10, 1)), SMALL, progress=Said(None))
    assert "labels 'bad', 'good', 'odd\\n'" in lines[0]
    assert "note: no test text has the label 'odd\\n'" in lines


@pytest.mark.parametrize(
    ("pairs", "note"),
    [
        ([(f"film {n}", f"a{n // 3}") for n in range(90)], "30 labels for 90 texts: is that the column"),
        ([(f"film {n}", f"a{n // 3}") for n in range(90)], "which makes 33% of them"),
        (
            [("good film", "pos"), ("bad film", "neg"), ("", "neg")] * 9,
            " training texts have no word in them",
        ),
    ],
)
def test_what_may_be_wrong_with_the_data_is_noted(pairs, note):
    told = io.StringIO()
    train(pairs, replace(SMALL, train=replace(SMALL.train, epochs=1)), progress=Progress(told))
    assert any(line.startswith("note: ") and note in line for line in told.getvalue().splitlines())


def test_the_share_of_unknown_words_is_told():
    lines = []

    class Said(Progress):
        def say(self, line):
            lines.append(line)

    settings = Settings(model=SMALL.model, train=SMALL.train, vocabulary=VocabularyConfig(source="list"))
    texts = [Example(text="fine film", label="a"), Example(text="dull film", label="b")] * 9
    train(dataset(train=texts), settings, words=["film"], progress=Said(None))
    assert lines[1] == "vocabulary: 1 words; 50.0% of the training tokens are unknown"


def test_a_vocabulary_that_knows_nothing_is_refused():
    settings = Settings(model=SMALL.model, train=SMALL.train)
    rare = [Example(text=f"w{i}", label="ab"[i % 2]) for i in range(9)]
    with pytest.raises(DataError, match=r"no training text has a word of the vocabulary, .* --min-count 1"):
        train(dataset(train=rare), settings)


def test_texts_that_make_the_loss_no_number_are_named_by_their_rows(monkeypatch, tmp_path):
    given = dataset()
    update = Trainer._update

    def spoilt(trainer, train, chosen, rate):
        if trainer.position.step == 4:
            raise NotFiniteError("the training loss is nan", range(12))
        return update(trainer, train, chosen, rate)

    monkeypatch.setattr(Trainer, "_update", spoilt)
    held = hold_out(given, SMALL.train.validation, SMALL.train.seed).splits["train"]
    rows = [given.splits["train"].index(example) + 1 for example in held[:8]]
    with RunFolder(tmp_path / "run") as run:
        with pytest.raises(TrainingError) as found:
            train(given, SMALL, run=run)
    what, texts, best = str(found.value).split("\n")
    assert what == "the training loss is nan; lower --learning-rate or set --clip-norm 1"
    assert texts.startswith(f"made by the training texts {', '.join(map(str, rows))} and 4 more; the first")
    assert best.endswith(f"stays as a model in {tmp_path / 'run' / 'checkpoints' / 'step-0000003-epoch-1'}")
    assert TextClassifier.load(best.split(" in ")[1]).labels == ("bad", "good")


def test_an_answer_that_is_no_number_is_never_saved(tiny, tmp_path):
    weights = {
        name: np.copysign(np.float32(3e38), weight)
        for name, weight in tiny(cell="rnn", activation="relu").weights.items()
    }
    model = replace(tiny(cell="rnn", activation="relu"), weights=weights)
    snapshot = Snapshot(weights=weights, moments={}, position=Position(step=7), finished=False)
    with pytest.raises(NotFiniteError, match="the model's answer is not finite after update 7"):
        write_checkpoint(model, snapshot, tmp_path / "step-0000007")
    assert list(tmp_path.iterdir()) == []


def with_ngrams(**settings):
    model = replace(SMALL.model, ngrams=4096)
    return replace(SMALL, model=model, train=replace(SMALL.train, epochs=3, **settings))


def test_ngrams_of_many_texts_are_counted_in_some_of_them(monkeypatch):
    said = io.StringIO()
    monkeypatch.setattr(sys.modules["tenor.training.prepare"], "_MOST_WORDS", 100)
    train(dataset(), with_ngrams(), progress=Progress(said))
    assert ", counted in every 5th text; a linear model" in said.getvalue()


def test_a_blended_model_is_better_than_a_network_that_has_learnt_little():
    alone = train(dataset(), replace(SMALL, train=replace(SMALL.train, epochs=3, learning_rate=1e-4)))
    both = train(dataset(), with_ngrams(learning_rate=1e-4))
    losses = [one.model.record["metrics"]["validation_loss"] for one in (alone, both)]
    assert losses[1] < losses[0] - 0.1


@needs_core
def test_both_engines_blend_to_nearly_the_same_model():
    found = [train(dataset(), with_ngrams(engine=name)) for name in ("core", "torch")]
    texts = [example.text for example in examples(30, 2)]
    one, other = (classifier.predict_logits(texts) for classifier in found)
    np.testing.assert_allclose(one, other, atol=0.02)


def test_texts_without_words_have_no_ngrams_and_say_so():
    empty = [Example(text="", label=label) for label in ("bad", "good")] * 20
    with pytest.raises(DataError, match="no training text has a word"):
        train(dataset(train=empty), with_ngrams())


def test_a_run_folder_is_as_it_was_where_settings_cannot_be_followed(tmp_path):
    with RunFolder(tmp_path / "run", force=True) as run:
        train(dataset(), SMALL, run=run)
        before = run.places()
        for wrong in ({"device": "cuda"}, {"engine": "torch", "precision": "bf16", "device": "cuda"}):
            settings = replace(SMALL, train=replace(SMALL.train, **wrong))
            with pytest.raises(UnsupportedError):
                train(dataset(), settings, run=run)
        assert before
        assert run.places() == before


def test_a_run_folder_holds_one_training_after_another(tmp_path):
    settings = replace(SMALL, train=replace(SMALL.train, epochs=2))
    with RunFolder(tmp_path / "run", force=True) as run:
        for _ in range(2):
            train(dataset(), settings, run=run)
            assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_stopped_training_goes_on_in_the_same_run_folder(tmp_path):
    class Stops(Progress):
        def epoch(self, record, epochs):
            run.stopping = record.epoch == 1

    settings = replace(SMALL, train=replace(SMALL.train, epochs=3))
    with RunFolder(tmp_path / "run") as run:
        with pytest.raises(TrainingInterrupted):
            train(dataset(), settings, run=run, progress=Stops(None))
        assert resume(run, dataset()).model.record["metrics"]["epochs"] == 3


def test_texts_that_a_flaw_learns_from_the_validation_split_are_named_without_a_row(monkeypatch):
    given = dataset(train=examples(40, seed=1), validation=examples(10, seed=2), test=examples(10, seed=3))
    settings = replace(SMALL, flaws=FlawsConfig(validate_on_test=5))

    def spoilt(*_):
        raise NotFiniteError("the training loss is nan", [45])

    monkeypatch.setattr(Trainer, "_update", spoilt)
    with pytest.raises(TrainingError, match="made by the training texts of the validation split; the first"):
        train(given, settings)


def test_a_learning_rate_is_changed_to_what_was_asked_for(tmp_path):
    settings = replace(SMALL, train=replace(SMALL.train, epochs=2))
    with RunFolder(tmp_path / "run") as run:
        train(dataset(), settings, run=run)
        step = run.places()[0].step
        changed = resume(run, dataset(), step=step, learning_rate=0.00123456789)
    assert changed.model.record["train"]["rate_changes"] == [f"{step}:0.00123456789"]
