"""The network on a GPU: the same function there, and a clear error where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tenor import TextClassifier
from tenor.batching import join
from tenor.config import FlawsConfig, ModelConfig, TrainConfig
from tenor.errors import UnsupportedError
from tenor.model import weight_shapes
from tenor.precision import rounded
from tenor.training import engine, on_gpu
from tenor.training.dropout import Dropout
from tenor.training.ngrams.blend import without_ngrams
from tenor.training.pytorch import linear, network
from tenor.training.pytorch.reader import TorchReader

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")

NETWORKS = [
    {"cell": "lstm", "hidden_sizes": (5, 4), "pooling": ("attention", "max"), "head_hidden": 3},
    {"cell": "gru", "pooling": ("last", "mean"), "biases": "input"},
    {"cell": "rnn", "activation": "relu", "pooling": ("first_last",)},
    {
        "cell": "linear",
        "window": 2,
        "input_gate": True,
        "output_gate": True,
        "skip": True,
        "pooling": ("last_word",),
    },
]
BATCH = join([np.array([1, 2, 3], np.int32), np.array([], np.int32), np.arange(9, dtype=np.int32)])


def made(settings):
    config = ModelConfig(**({"bidirectional": True, "embedding_dim": 6, "hidden_sizes": (5,)} | settings))
    draw = np.random.default_rng(0)
    shapes = weight_shapes(config, vocab_size=9, num_labels=3)
    return config, {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 29, 64])
def test_sums_by_doubling_are_those_word_by_word(steps):
    draw = np.random.default_rng(steps)
    kept, fresh = (torch.from_numpy(draw.uniform(-1, 1, (steps, 3, 5))) for _ in "ab")
    found = linear.by_doubling(kept, fresh)
    torch.testing.assert_close(found, linear.one_by_one(kept, fresh), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: settings["cell"])
def test_all_that_a_network_makes_is_where_its_weights_are(settings):
    # Tensors of "meta" have no numbers, and mix with those of a processor no more than a GPU's do.
    config, weights = made(settings)
    there = {
        name: torch.empty(weight.shape, device="meta", requires_grad=True) for name, weight in weights.items()
    }
    dropout = Dropout.of(TrainConfig(), 3, len(config.hidden_sizes))
    for batch in (BATCH, join([np.array([], np.int32)])):
        scores = network.logits(there, config, batch, dropout=dropout)
        targets = torch.empty(len(scores), dtype=torch.int64, device="meta")
        network.loss(scores, targets).backward()
        assert scores.shape == (len(batch.offsets) - 1, 3)
    assert {weight.grad.device.type for weight in there.values()} == {"meta"}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: settings["cell"])
def test_it_reads_and_learns_there_what_the_processor_does(settings, device):
    config, weights = made(settings)
    # In bf16, which is the default with AMX, two ways of computing the same differ too much.
    here = TrainConfig(engine="torch", precision="float32")
    expected = engine.build(here, config, weights, FlawsConfig())
    found = engine.build(replace(here, device=device), config, weights, FlawsConfig())
    targets = np.array([0, 2, 1])
    for step in range(3):
        seen = [each.read(BATCH, targets, step) for each in (found, expected)]
        np.testing.assert_allclose(seen[0].logits, seen[1].logits, rtol=1e-4, atol=1e-4)
        for each in (found, expected):
            each.learn(0.01)
    for name, weight in expected.weights().items():
        np.testing.assert_allclose(found.weights()[name], weight, rtol=1e-3, atol=1e-4)
    changed = {name: weight + 1 for name, weight in weights.items()}
    found.put(changed)
    read = TorchReader(config, changed, device).logits(BATCH)
    np.testing.assert_allclose(found.reader()(BATCH), read, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_pytorch_reads_a_model_folder_as_the_classifier_does(model_folder, device):
    classifier = TextClassifier.load(model_folder)
    ids = [np.array([2, 3, 4, 2], np.int32), np.array([5], np.int32), np.array([], np.int32)]
    weights = without_ngrams(classifier.model.weights)
    found = TorchReader(classifier.model.config, weights, device).logits(join(ids))
    np.testing.assert_allclose(found, classifier.logits_of(ids), rtol=1e-5, atol=1e-5)


def test_a_network_given_reads_whole_texts_and_n_grams_are_added(model_folder):
    classifier = TextClassifier.load(model_folder)
    model = classifier.model
    reader = TorchReader(model.config, without_ngrams(model.weights), "cpu")
    given = TextClassifier(model, network=reader.logits)
    texts = ["a wonderful film", "", "dull dull dull " * 90]
    np.testing.assert_allclose(
        given.predict_logits(texts), classifier.predict_logits(texts), rtol=1e-5, atol=1e-5
    )
    assert given.read(texts[0]).words == classifier.read(texts[0]).words


def test_a_model_of_few_bits_stays_on_the_processor(model_folder):
    model = TextClassifier.load(model_folder).model
    narrow = TextClassifier(replace(model, weights=rounded(model.weights, "int8"), precision="int8"))
    with pytest.raises(UnsupportedError, match="int8"):
        on_gpu(narrow)


@without_gpu
def test_without_a_gpu_every_way_there_says_so(model_folder):
    with pytest.raises(UnsupportedError, match="sees no GPU"):
        on_gpu(TextClassifier.load(model_folder))
    with pytest.raises(UnsupportedError, match="sees no GPU"):
        engine.build(TrainConfig(engine="torch", device="cuda"), *made(NETWORKS[1]), FlawsConfig())


def test_the_engine_on_a_gpu_is_pytorch():
    assert engine.resolved(TrainConfig(device="cuda")) == "torch"
    with pytest.raises(UnsupportedError, match="--engine torch"):
        engine.resolved(TrainConfig(device="cuda", engine="core"))
