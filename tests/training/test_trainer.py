from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tenor import native
from tenor.config import ModelConfig, TrainConfig, VocabularyConfig
from tenor.errors import TrainingInterrupted, UnsupportedError
from tenor.training.encoded import Encoded
from tenor.training.initial import initial_weights
from tenor.training.progress import Progress
from tenor.training.pytorch import arithmetic
from tenor.training.trainer import Hooks, NotFiniteError, Trainer
from tenor.vocabulary import build_from_words

VOCABULARY = build_from_words(["the", "film", "is", "not", "good", "bad"], VocabularyConfig())
EIGHT = Encoded(
    token_ids=[
        np.array(ids, np.int32)
        for ids in ([2, 3, 4, 6], [6], [5, 7], [2, 5, 7, 3], [7], [5, 6, 3], [2, 3, 4, 5, 6], [7, 3, 4])
    ],
    targets=np.array([1, 1, 1, 1, 0, 0, 0, 0]),
)
"""Good and bad, and both turned round by "not": no bag of words tells them apart by one weight."""

PLAIN = {
    "batch_size": 4, "embedding_dropout": 0.0, "input_dropout": 0.0, "hidden_dropout": 0.0,
    "output_dropout": 0.0, "schedule": "constant", "threads": 1,
}  # fmt: skip


needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core")


@pytest.fixture(autouse=True, params=[pytest.param("core", marks=needs_core), "torch"])
def engine(request, monkeypatch):
    """What computes the training."""
    monkeypatch.setitem(PLAIN, "engine", request.param)
    return request.param


def trainer_of(model=None, num_labels=2, **settings):
    model = ModelConfig(**({"embedding_dim": 8, "hidden_sizes": (8,)} | (model or {})))
    config = TrainConfig(**(PLAIN | {"epochs": 1} | settings))
    weights = initial_weights(model, VOCABULARY, num_labels=num_labels, seed=config.seed)
    return Trainer(config, model, weights, num_labels=num_labels, progress=Progress(None))


def run(trainer, texts=EIGHT):
    records = []
    return trainer.run(texts, texts, Hooks(epoch=records.append)), records


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("pooling", [("last",), ("mean", "max"), ("attention",)])
def test_it_learns_eight_examples_by_heart(cell, pooling):
    model = {"cell": cell, "pooling": pooling, "init": "torch", "hidden_sizes": (24,)}
    trainer = trainer_of(model, epochs=100, learning_rate=0.01)
    _, records = run(trainer)
    assert records[-1].validation_accuracy == 1
    assert records[-1].train_loss < records[0].train_loss / 4


def test_two_logits_and_three_labels_are_learnt_too():
    three = Encoded(token_ids=EIGHT.token_ids, targets=np.array([1, 1, 1, 2, 0, 0, 2, 0]))
    for texts, num_labels, model in ((EIGHT, 2, {"binary_logits": 2}), (three, 3, {})):
        _, records = run(trainer_of(model, num_labels, epochs=150, learning_rate=0.02), texts)
        assert records[-1].validation_accuracy == 1


def test_the_same_seed_gives_the_same_weights_to_the_bit():
    dropping = {"embedding_dropout": 0.3, "input_dropout": 0.3, "output_dropout": 0.5, "epochs": 3}
    first, _ = run(trainer_of(**dropping))
    again, _ = run(trainer_of(**dropping))
    other, _ = run(trainer_of(seed=1, **dropping))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["head.weight"] != other["head.weight"]).any()


def test_no_random_state_outside_is_used_or_moved():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, _ = run(trainer_of(embedding_dropout=0.5, epochs=2))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again, _ = run(trainer_of(embedding_dropout=0.5, epochs=2))
    assert all((first[name] == again[name]).all() for name in first)


def first_gradient(trainer, name):
    """That of the only update there was: Adam's first average is a tenth of it."""
    return trainer.engine.moments()[f"exp_avg.{name}"] * 10


def test_one_step_of_each_optimizer_is_the_one_of_its_paper(engine):
    for optimizer, decay in (("adam", 0.0), ("adam", 0.1), ("adamw", 0.1), ("lazy_adam", 0.1)):
        trainer = trainer_of(optimizer=optimizer, weight_decay=decay, batch_size=8, clip_norm=0.0)
        before = trainer.engine.weights()["head.weight"].copy()
        run(trainer)
        gradient = first_gradient(trainer, "head.weight")  # with Adam's weight decay in it
        shrink = 1 if optimizer == "adam" else 1 - 0.005 * decay
        expected = before * shrink - 0.005 * gradient / (np.abs(gradient) + 1e-8)
        np.testing.assert_allclose(trainer.engine.weights()["head.weight"], expected, atol=1e-6)


def test_rows_without_a_gradient_go_on_moving_but_not_for_lazy_adam(engine):
    for optimizer in ("adam", "adamw", "lazy_adam"):
        trainer = trainer_of(optimizer=optimizer, batch_size=2, epochs=1)
        first, second, *_ = embeddings_after_updates(trainer)
        absent = [
            word for word in range(2, 8) if moves_in(trainer, word, 0) and not moves_in(trainer, word, 1)
        ]
        assert absent
        for word in absent:
            assert (first[word] != second[word]).any() == (optimizer != "lazy_adam")


def embeddings_after_updates(trainer):
    """Of each update of a training."""
    after = []
    trainer.run(
        EIGHT, EIGHT, Hooks(stop=lambda: after.append(trainer.engine.weights()["embedding.weight"].copy()))
    )
    return after


def moves_in(trainer, word, update):
    """Whether an update's texts have a word."""
    return any(word in EIGHT.token_ids[i] for i in trainer.order(EIGHT)[update])


def test_gradients_are_clipped_by_their_global_norm():
    trainer = trainer_of(clip_norm=0.01, batch_size=8)
    run(trainer)
    gradients = [first_gradient(trainer, name) for name in trainer.engine.weights()]
    assert math.sqrt(sum(float((g**2).sum()) for g in gradients)) == pytest.approx(0.01, rel=1e-3)


def test_a_frozen_embedding_does_not_move_and_a_free_one_does():
    for frozen in (True, False):
        trainer = trainer_of(freeze_embedding=frozen)
        before = trainer.engine.weights()["embedding.weight"].copy()
        run(trainer)
        assert np.array_equal(trainer.engine.weights()["embedding.weight"], before) is frozen


def test_the_weights_returned_are_those_of_the_best_epoch():
    trainer = trainer_of(epochs=40, learning_rate=0.5, clip_norm=0.0, output_dropout=0.9)
    best, records = run(trainer)
    chosen = [record for record in records if record.best][-1]
    assert chosen.validation_loss == min(record.validation_loss for record in records)
    assert chosen.epoch < 40
    for name, weight in best.items():
        trainer.engine.weights()[name][...] = weight
    scores = trainer.evaluate(EIGHT, "")
    assert np.mean((scores[:, 0] >= 0) == EIGHT.targets) == chosen.validation_accuracy


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_another_metric_can_choose(metric):
    _, records = run(trainer_of(epochs=20, best_metric=metric, learning_rate=0.05))
    values = [record.to_dict()[f"validation_{metric}"] for record in records]
    chosen = [record for record in records if record.best][-1]
    assert values[chosen.epoch - 1] == max(values)
    assert chosen.epoch == values.index(max(values)) + 1


def test_patience_stops_a_run_that_gets_no_better():
    _, records = run(trainer_of(epochs=60, learning_rate=0.0, patience=3))
    assert len(records) == 4


def test_a_loss_that_is_not_finite_stops_with_the_texts_that_made_it():
    trainer = trainer_of()
    updates = []

    def spoil():
        updates.append(1)
        trainer.engine.weights()["embedding.weight"][7] = math.nan
        return False

    with pytest.raises(
        NotFiniteError, match=r"loss is nan \(epoch 1, update 2\); lower --learning-rate"
    ) as found:
        trainer.run(EIGHT, EIGHT, Hooks(stop=spoil))
    assert len(updates) == 1
    assert found.value.texts
    assert all(7 in EIGHT.token_ids[i] for i in found.value.texts)


def test_weights_that_are_not_finite_are_never_saved():
    trainer, saved = trainer_of(), []
    trainer.engine.weights()["head.bias"][0] = math.inf
    with pytest.raises(
        NotFiniteError, match=r"head\.bias is not finite after update 0; lower --learning-rate"
    ):
        trainer.run(EIGHT, EIGHT, Hooks(save=saved.append))
    assert saved == []


def test_empty_texts_are_learnt_from_without_harm():
    texts = Encoded(token_ids=[np.empty(0, np.int32)] * 4, targets=np.array([0, 1, 1, 1]))
    for pooling in (("mean", "max"), ("last", "first_last"), ("attention",)):
        best, records = run(trainer_of({"pooling": pooling, "bidirectional": True}, epochs=3), texts)
        assert all(np.isfinite(weight).all() for weight in best.values())
        assert records[-1].validation_accuracy == 0.75


def test_denormals_are_flushed_only_while_training():
    small = torch.tensor([1e-39])
    run(trainer_of())
    assert (small * 1).item() != 0


def test_threads_are_as_they_were_afterwards():
    before = torch.get_num_threads(), native.status().threads
    run(trainer_of(threads=1))
    assert (torch.get_num_threads(), native.status().threads) == before


def test_bf16_learns_too(monkeypatch):
    monkeypatch.setitem(PLAIN, "engine", "torch")
    _, records = run(trainer_of({"cell": "gru"}, epochs=120, learning_rate=0.02, precision="bf16"))
    assert records[-1].validation_accuracy == 1


@pytest.mark.parametrize("supported", [True, False])
def test_an_lstm_in_bf16_is_refused_only_where_the_processor_cannot(monkeypatch, supported):
    monkeypatch.setitem(PLAIN, "engine", "torch")
    monkeypatch.setattr(arithmetic, "has_bf16", lambda: supported)
    if supported:
        trainer_of(precision="bf16")
        return
    with pytest.raises(UnsupportedError, match=r"cannot train an LSTM in bf16, .*--precision auto"):
        trainer_of(precision="bf16")


def test_between_two_updates_it_stops_when_told_and_has_saved():
    trainer, saved = trainer_of(epochs=2), []
    with pytest.raises(TrainingInterrupted, match="stopped after update 1, in epoch 1 of 2"):
        trainer.run(EIGHT, EIGHT, Hooks(save=lambda s: saved.append(s.position.step), stop=lambda: True))
    assert saved == [0, 1]


def test_it_saves_at_the_start_every_few_updates_and_after_each_epoch():
    places = []

    def save(snapshot):
        places.append((snapshot.position.step, snapshot.position.batch, snapshot.finished))

    trainer_of(epochs=2, batch_size=1, checkpoint_steps=3).run(EIGHT, EIGHT, Hooks(save=save))
    assert places == [
        (0, 0, False), (3, 3, False), (6, 6, False), (8, 0, False),
        (9, 1, False), (12, 4, False), (15, 7, False), (16, 0, True),
    ]  # fmt: skip
