"""Each mistake of the tutorials does what it says, and nothing where it is not asked for."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from tenor import Settings, native, train
from tenor.config import FlawsConfig, ModelConfig, TrainConfig, VocabularyConfig
from tenor.data import Example, WordVectors, build_dataset
from tenor.errors import ConfigError, DataError
from tenor.training import resume
from tenor.training.encoded import Encoded
from tenor.training.initial import initial_weights
from tenor.training.progress import Progress
from tenor.training.pytorch import network
from tenor.training.run import RunFolder
from tenor.training.trainer import Hooks, Trainer
from tenor.vocabulary import build_from_words

VOCABULARY = build_from_words(["the", "film", "is", "not", "good", "bad"], VocabularyConfig())
TEN = Encoded(
    token_ids=[np.array([2 + i % 6] * (1 + i % 4), np.int32) for i in range(10)],
    targets=np.array([0, 1] * 5),
)
PLAIN = {
    "epochs": 1,
    "batch_size": 4,
    "embedding_dropout": 0.0,
    "input_dropout": 0.0,
    "output_dropout": 0.0,
    "engine": "torch",
}


def run(model=None, fill_id=0, flaws=None, validation=TEN, **settings):
    """The records of a training on ten texts, and the trainer."""
    model = ModelConfig(**({"embedding_dim": 3, "hidden_sizes": (4,)} | (model or {})))
    config = TrainConfig(**(PLAIN | settings))
    weights = initial_weights(model, VOCABULARY, num_labels=2, seed=0)
    trainer = Trainer(
        config, model, weights, num_labels=2, progress=Progress(None), fill_id=fill_id,
        flaws=FlawsConfig(**(flaws or {})),
    )  # fmt: skip
    records = []
    best = trainer.run(TEN, validation, Hooks(epoch=records.append))
    return records, best, trainer


def seen_by(monkeypatch):
    """The batches that the network is given, as they are."""
    seen, logits = [], network.logits

    def watched(weights, config, batch, **options):
        seen.append((np.diff(batch.offsets).tolist(), batch.token_ids.tolist(), options))
        return logits(weights, config, batch, **options)

    monkeypatch.setattr(network, "logits", watched)
    return seen


def test_filled_batches_are_as_long_as_their_longest_while_learning_only(monkeypatch):
    seen = seen_by(monkeypatch)
    run(flaws={"fill_batches": True}, fill_id=7)
    learnt, validated = seen[:3], seen[3:]
    assert all(len(set(lengths)) == 1 for lengths, _, _ in learnt)
    assert sum(ids.count(7) for _, ids, _ in learnt) > sum(text.tolist().count(7) for text in TEN.token_ids)
    assert sorted(validated[0][0]) == sorted(TEN.lengths)


def test_a_last_batch_that_is_not_whole_is_dropped_in_training_and_validation(monkeypatch):
    seen = seen_by(monkeypatch)
    records, *_ = run(flaws={"drop_last": True})
    assert [len(lengths) for lengths, _, _ in seen] == [4, 4, 8]
    assert records[0].step == 2


def test_redrawn_parts_share_texts_and_keep_their_sizes():
    held = Encoded(token_ids=[np.array([100 + i], np.int32) for i in range(300)], targets=np.zeros(300))
    learnt = Encoded(token_ids=[np.array([1000 + i], np.int32) for i in range(700)], targets=np.ones(700))
    both = {int(text[0]) for text in [*learnt.token_ids, *held.token_ids]}
    seen, shares = set(), []
    for epoch in (1, 2, 3):
        parts = learnt.redrawn(held, seed=0, epoch=epoch)
        train, validation = ({int(text[0]) for text in part.token_ids} for part in parts)
        assert (len(train), len(validation)) == (700, 300)
        assert train | validation <= both
        for part in parts:
            np.testing.assert_array_equal(part.targets == 1, [text[0] >= 1000 for text in part.token_ids])
        seen |= train
        shares.append(len(validation & seen) / 300)
    np.testing.assert_allclose(shares, [0.7, 0.91, 0.973], atol=0.06)  # 1 - 0.3 to the power of the epoch


def test_parts_are_redrawn_in_every_epoch_and_otherwise_stay(monkeypatch):
    held = Encoded(token_ids=[np.array([1], np.int32)] * 2, targets=np.array([0, 1]))
    seen = seen_by(monkeypatch)
    run(validation=held, epochs=2)
    assert [1 in ids for _, ids, _ in seen] == [False, False, False, True] * 2
    seen.clear()
    run(validation=held, epochs=2, flaws={"redraw_validation": True}, seed=1)
    first, second = ([ids for _, ids, _ in seen[start : start + 4]] for start in (0, 4))
    assert any(1 in ids for ids in [*first[:3], *second[:3]])
    assert first[3] != second[3]


def test_a_training_on_redrawn_parts_goes_on_where_it_stood(tmp_path):
    data = build_dataset({"train": examples(40)}, name="x", sha256="0" * 64, source="x")
    settings = small(redraw_validation=True)
    settings = replace(
        settings, train=replace(settings.train, epochs=3, checkpoint_steps=5, keep_checkpoints=9)
    )
    with RunFolder(tmp_path / "run") as run:
        whole = train(data, settings, run=run)
        gone_on = resume(run, data, step=15)
    for name, weight in whole.model.weights.items():
        np.testing.assert_array_equal(weight, gone_on.model.weights[name])
    assert gone_on.model.record["metrics"] == whole.model.record["metrics"]


def test_fewer_texts_than_a_batch_are_not_dropped():
    assert run(flaws={"drop_last": True}, batch_size=64)[0][0].step == 1


def test_means_of_batch_means_differ_from_means_over_texts():
    (fair,), (unfair,) = (run(flaws={"batch_means": on}, batch_size=8)[0] for on in (False, True))
    assert (fair.train_loss, fair.learning_rate) == (unfair.train_loss, unfair.learning_rate)
    assert fair.validation_loss != unfair.validation_loss
    assert fair.validation_loss == pytest.approx(unfair.validation_loss, abs=0.1)


def test_the_sigmoid_loss_takes_each_label_alone():
    scores, targets = torch.tensor([[0.3, -1.2], [2.0, 0.5]]), torch.tensor([1, 0])
    p = torch.sigmoid(scores)
    by_hand = -(torch.log(1 - p[0, 0]) + torch.log(p[0, 1]) + torch.log(p[1, 0]) + torch.log(1 - p[1, 1])) / 4
    assert network.loss(scores, targets, each_alone=True) == pytest.approx(float(by_hand))
    two = {"binary_logits": 2}
    assert run(two, flaws={"sigmoid_loss": True})[0][0].train_loss < run(two)[0][0].train_loss


def test_the_bottom_state_teaches_the_lowest_layer_only():
    model = {"hidden_sizes": (4, 4)}
    _, _, trainer = run(model, flaws={"bottom_state": True})
    first = initial_weights(ModelConfig(embedding_dim=3, **model), VOCABULARY, num_labels=2, seed=0)
    moved = {
        name for name, weight in trainer.engine.weights().items() if not np.array_equal(weight, first[name])
    }
    assert {"rnn.weight_hh_l0", "head.weight"} <= moved
    assert not any(name.endswith("_l1") for name in moved)


@pytest.mark.parametrize("engine", ["core", "torch"])
def test_a_model_whose_lowest_layer_alone_was_taught_is_saved_as_it_reads(engine):
    if engine == "core" and not native.is_available():
        pytest.skip("no compiled core")
    data = build_dataset({"train": examples(40)}, name="x", sha256="0" * 64, source="x")
    settings = replace(small(bottom_state=True), model=ModelConfig(embedding_dim=3, hidden_sizes=(4, 4)))
    learning = replace(settings.train, engine=engine, epochs=8, learning_rate=0.1)
    assert train(data, replace(settings, train=learning)).model.weights


def test_the_last_epoch_is_kept_if_told_so():
    turned = Encoded(token_ids=TEN.token_ids, targets=1 - TEN.targets)  # what is learnt is wrong there
    learning = {"epochs": 6, "learning_rate": 0.1}
    records, best, trainer = run(validation=turned, best_metric="last", **learning)
    assert [record.best for record in records] == [True] * 6
    np.testing.assert_array_equal(best["head.weight"], trainer.engine.weights()["head.weight"])
    chosen, *_ = run(validation=turned, **learning)
    assert [record.best for record in chosen] != [True] * 6


def test_an_epoch_of_few_updates_has_so_many():
    records, *_ = run(epochs=3, steps_per_epoch=2)
    assert [record.step for record in records] == [2, 4, 6]


def test_a_change_of_the_learning_rate_holds_from_its_update_on():
    config = TrainConfig(learning_rate=0.1, rate_changes=("7:0.01", "3:0.5"))
    assert [config.peak_rate(update) for update in (0, 2, 3, 6, 7, 99)] == [0.1, 0.1, 0.5, 0.5, 0.01, 0.01]
    for wrong in ("7", "x:1", "-1:0.1", "3:nan", "3:-1"):
        with pytest.raises(ConfigError, match=r"must be UPDATE:RATE, such as 1200:0.001"):
            TrainConfig(rate_changes=(wrong,))


def examples(count, word="fine"):
    return [Example(text=f"{('dull', word)[i % 2]} {i}", label="ab"[i % 2]) for i in range(count)]


def small(**flaws):
    return Settings(
        model=ModelConfig(embedding_dim=2, hidden_sizes=(2,)), vocabulary=VocabularyConfig(min_count=1),
        train=TrainConfig(epochs=1, batch_size=4), flaws=FlawsConfig(**flaws),
    )  # fmt: skip


def test_validating_on_test_texts_trains_on_all_others():
    data = build_dataset({"train": examples(20), "test": examples(12)}, name="x", sha256="0" * 64, source="x")
    record = train(data, small(validate_on_test=5)).model.record
    assert record["data"]["texts"] == {"train": 20, "validation": 5, "test": 12}
    assert record["flaws"]["validate_on_test"] == 5
    assert "flaws" not in train(data, small()).model.record
    with pytest.raises(DataError, match="has no test texts to validate on"):
        train(replace(data, splits={"train": data.splits["train"]}), small(validate_on_test=5))


def test_what_fills_texts_up_is_not_counted_as_words_of_theirs():
    said = io.StringIO()
    vectors = WordVectors(words=("dull",), matrix=np.ones((1, 2), np.float32))
    data = build_dataset({"train": examples(20)}, name="x", sha256="0" * 64, source="x")
    filled = VocabularyConfig(min_count=2, fill_to=50)
    train(data, replace(small(), vocabulary=filled), vectors=vectors, progress=Progress(said))
    assert "which are 25.0% of the training tokens" in said.getvalue()  # half of the words, half are numbers


def test_flaws_that_the_settings_leave_no_room_for_are_refused():
    data = build_dataset({"train": examples(20)}, name="x", sha256="0" * 64, source="x")
    uneven = replace(small(bottom_state=True), model=ModelConfig(hidden_sizes=(3, 4)))
    unknown = replace(small(fill_batches=True), vocabulary=VocabularyConfig(special_tokens=("<unk>",)))
    with pytest.raises(ConfigError, match=r"bottom_state takes layers of one size"):
        train(data, uneven)
    with pytest.raises(
        ConfigError, match=r"fill_batches fills with '<pad>', which is not one of special_tokens"
    ):
        train(data, unknown)
