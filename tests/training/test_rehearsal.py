"""How long parts take: with a clock that the parts move, and on real trainings."""

from dataclasses import replace

import numpy as np
import pytest

from tenor import Settings, native, train
from tenor.config import FlawsConfig, ModelConfig, TrainConfig, VocabularyConfig
from tenor.data import Example, build_dataset
from tenor.training import Progress, RunFolder, TimeBudget, _trainer, budget, rehearsal, resume
from tenor.training.budget import Pace
from tenor.training.prepare import prepare

needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core")
SETTINGS = Settings(
    model=ModelConfig(embedding_dim=4, hidden_sizes=(5,), ngrams=64),
    train=TrainConfig(epochs=6, batch_size=4, threads=1, best_metric="last"),
    vocabulary=VocabularyConfig(min_count=1),
)
"""Of 60 texts 54 are learnt from: 14 updates an epoch, the last of two texts."""


@pytest.fixture(params=[pytest.param("core", marks=needs_core), "torch"])
def settings(request):
    """Of a small training, with either engine."""
    return replace(SETTINGS, train=replace(SETTINGS.train, engine=request.param))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(rehearsal.time, "perf_counter", lambda: now[0])

    def move(seconds):
        now[0] += seconds

    return move


@pytest.fixture
def paced(monkeypatch):
    """Every rehearsal finds 10 s an update and 100 s an epoch, beside which a test's own time is none."""
    monkeypatch.setattr("tenor.training.rehearse", lambda *_: Pace(update=10.0, epoch=100.0, rest=0.0))


def dataset(**more):
    rows = [("a dull film was seen", "bad"), ("the plot is fine", "good"), ("not", "bad")] * 20
    texts = [Example(text=f"{text} {i % 7}", label=label) for i, (text, label) in enumerate(rows)]
    return build_dataset({"train": texts, **more}, name="toy", sha256="0" * 64, source="toy")


def numbers(classifier):
    return {name: weight.tobytes() for name, weight in classifier.model.weights.items()}


class Said(Progress):
    def __init__(self):
        super().__init__(None)
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def parts_of(*sizes):
    """Parts of one text each, of so many tokens beside the one that each text counts for."""
    return [np.array([i]) for i in range(len(sizes))], np.array(sizes) - 1


def test_few_parts_tell_of_all_where_time_is_in_proportion_to_length(clock):
    parts, lengths = parts_of(*range(1, 1001))
    seconds = rehearsal._seconds(lambda part: clock(0.5 * (lengths[part[0]] + 1)), parts, lengths, 1e9)
    assert seconds == pytest.approx(0.5 * sum(range(1, 1001)))


def test_a_cost_of_each_part_is_found_as_well_where_most_parts_are_short(clock):
    sizes = [k * k for k in range(1, 1001)]
    parts, lengths = parts_of(*sizes)
    seconds = rehearsal._seconds(lambda part: clock(300_000 + lengths[part[0]] + 1), parts, lengths, 1e9)
    assert seconds == pytest.approx(300_000 * 1000 + sum(sizes), rel=0.04)


def test_the_first_part_warms_up(clock):
    parts, lengths = parts_of(5, 5, 5)
    costs = iter([1000.0] + [2.0] * 99)
    assert rehearsal._seconds(lambda _: clock(next(costs)), parts, lengths, 2000.0) == pytest.approx(6)


@pytest.mark.parametrize(("limit", "done"), [(0.0, 1), (1.0, 1), (5.0, 4), (1e9, rehearsal._MOST_PARTS)])
def test_no_part_is_begun_after_the_limit(clock, limit, done):
    parts, lengths = parts_of(5, 5, 5)
    begun = []

    def part(_):
        begun.append(1)
        clock(2.0)

    assert rehearsal._seconds(part, parts, lengths, limit) == pytest.approx(6)
    assert len(begun) == done


def test_texts_of_no_length_take_time_too(clock):
    parts, lengths = parts_of(1, 1)
    assert rehearsal._seconds(lambda _: clock(1.0), parts, lengths, 1e9) == pytest.approx(2)


def pace_of(settings, run=None, **more):
    """What a rehearsal finds."""
    prepared = prepare(dataset(**more), settings, None, None, Progress(None))
    return rehearsal.rehearse(_trainer(prepared, Progress(None)), prepared, run, 60.0)


def test_updates_and_epochs_take_time_and_the_rest_where_there_is_a_test_or_a_run(settings, tmp_path):
    alone = pace_of(settings)
    assert 0 < alone.update < 5
    assert 0 < alone.epoch < 5
    assert alone.rest == 0
    assert 0 < pace_of(settings, test=dataset().splits["train"]).rest < 5
    with RunFolder(tmp_path / "run") as run:
        assert 0 < pace_of(settings, run).rest < 5


def test_a_rehearsed_checkpoint_is_gone_afterwards(tmp_path):
    with RunFolder(tmp_path / "run") as run:
        pace_of(SETTINGS, run)
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def test_measuring_changes_no_bit(settings):
    whole = train(dataset(), settings)
    measured = train(dataset(), settings, budget=TimeBudget(seconds=1000))
    assert numbers(measured) == numbers(whole)
    assert measured.model.record == whole.model.record


@pytest.mark.usefixtures("paced")
def test_the_length_stands_in_the_record_and_repeats_the_same_bits(settings):
    said = Said()
    cut = train(dataset(), settings, progress=said, budget=TimeBudget(seconds=530))
    assert "530 s allow 2 epochs of 12 of its 14 updates (measured 10,000.0 ms an update)" in said.lines
    assert (cut.model.record["train"]["epochs"], cut.model.record["train"]["steps_per_epoch"]) == (2, 12)
    again = train(dataset(), replace(settings, train=TrainConfig.from_dict(cut.model.record["train"])))
    assert numbers(again) == numbers(cut)
    assert again.model.record == cut.model.record


@pytest.mark.usefixtures("paced")
def test_the_learning_rate_comes_to_its_end(tmp_path):
    with RunFolder(tmp_path / "run") as run:
        train(dataset(), SETTINGS, run=run, budget=TimeBudget(seconds=530))
        last = run.choose(None)
    assert last.position.step == 24
    assert last.position.records[-1].learning_rate == pytest.approx(1e-4 * SETTINGS.train.learning_rate)


@pytest.mark.usefixtures("paced")
def test_a_shortened_training_goes_on_to_the_same_bits(settings, tmp_path):
    settings = replace(settings, train=replace(settings.train, checkpoint_steps=5, keep_checkpoints=9))
    with RunFolder(tmp_path / "run") as run:
        cut = train(dataset(), settings, run=run, budget=TimeBudget(seconds=530))
        gone_on = resume(run, dataset(), step=5)
    assert numbers(gone_on) == numbers(cut)
    assert gone_on.model.record == cut.model.record


@pytest.mark.usefixtures("paced")
def test_a_budget_that_is_over_before_the_training_begins_still_gives_a_model(monkeypatch):
    said = Said()
    over = TimeBudget(seconds=60, began=budget.time.perf_counter() - 3600)
    classifier = train(dataset(), SETTINGS, progress=said, budget=over)
    assert classifier.model.record["train"]["steps_per_epoch"] == 10
    note = next(line for line in said.lines if line.startswith("note: 60 s are too few; 10 updates, the few"))
    assert "should pass them by 3,74" in note


def test_flaws_are_rehearsed_with_the_training(settings):
    flawed = replace(settings, flaws=FlawsConfig(fill_batches=True, drop_last=True))
    said = Said()
    train(dataset(), flawed, progress=said, budget=TimeBudget(seconds=1000))
    assert any(line.startswith("1,000 s allow 6 epochs of 13 updates (measured ") for line in said.lines)
