"""The figures that are published are those that were measured."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tenor import native
from tenor.config import TrainConfig
from tenor.training.pytorch import arithmetic

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def script(monkeypatch):
    """A function that imports a benchmark; what it sets for its whole process is set back."""
    threads, core_threads = torch.get_num_threads(), native.status().threads
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "peers")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)
    native.set_threads(core_threads)


def test_the_table_is_made_from_the_committed_results():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import common; sys.stdout.write(common.table())"
    command = [sys.executable, "-c", code, str(ROOT / "benchmarks")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_the_tutorials_page_is_made_from_the_committed_results():
    command = [sys.executable, str(ROOT / "benchmarks" / "tutorials_page.py")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode("utf-8") == (ROOT / "docs" / "tutorials.md").read_text(encoding="utf-8")


def test_what_the_tutorials_print_of_their_data_was_counted_again_on_it():
    facts = json.loads((ROOT / "docs" / "tutorials" / "facts.json").read_text(encoding="utf-8"))
    glove, sst, jax, keras = (
        facts[name] for name in ("mindspore-imdb", "pytorch-vanilla-sst", "jax-birnn-imdb", "tensorflow-imdb")
    )
    assert glove["id of 'the'"] == 0
    assert glove["vector of 'the' begins"] == [-0.038194, -0.24487, 0.72812]
    assert glove["first two rows of 50 dimensions begin"] == [[0.418, 0.24968], [0.013441, 0.23682]]
    assert glove["ids of <unk> and <pad>, counted from the end"] == [-2, -1]
    assert glove["training reviews with a joint that becomes a word"] == 13_895
    assert glove["left out"] == [28, 12]
    first = "<unk> <pad> <sos> <eos> . the , a and of to - is 's it that in as but film"
    assert sst["first 20"] == first.split()
    assert sst["tokens by the rules of spaCy 2"] == 15_482
    assert list(sst["ids by the rules of spaCy 2"].values()) == [19, 492, 3404, 715]
    assert sst["labels by frequency"] == ["positive", "negative", "neutral"]
    assert [label for label, _ in sst["examples"].values()] == ["positive", "neutral", "negative", "positive"]
    assert sst["share of the largest label"] == {"train": 0.4225, "test": 0.4127}
    assert jax["as published"]["tokens"] == 49_346
    words = "the and a of to is in it i this that br was as for with movie but"
    assert keras["first 20"][2:] == words.split()
    assert keras["ids of 'This movie is'"] == [11, 18, 7]
    assert keras["ids of 'romantic' and 'drama'"] == [718, 477]
    back = "this movie is just not worth your time its [UNK] upon [UNK] [UNK] [UNK] as its only"
    assert keras["round trips"][0][1].startswith(back)


def test_the_packaged_model_is_the_one_that_the_benchmark_trained():
    figures = json.loads((RESULTS / "train_imdb.json").read_text(encoding="utf-8"))["figures"]
    config = json.loads((ROOT / "src/tenor/pretrained/imdb/config.json").read_text(encoding="utf-8"))
    assert figures["test_accuracy"] == config["metrics"]["test_accuracy"]


def test_pictures_are_made_from_the_committed_results(script):
    peers_picture = script("peers_picture")
    for name, picture in peers_picture.PICTURES.items():
        found = list(RESULTS.glob(f"{name}-*.json"))
        assert found
        for result in found:
            record = json.loads(result.read_text(encoding="utf-8"))
            drawn = ROOT / "docs" / "pictures" / f"{result.stem}.svg"
            assert peers_picture.render(picture, record) == drawn.read_text(encoding="utf-8")


def test_a_picture_has_a_bar_for_each_that_learns_the_fastest_first(script):
    peers_picture = script("peers_picture")
    speeds = {"Keras as in the tutorial": 5, "Tenor": 100, "Tenor to Keras as in the tutorial": "20.00"}
    figures = {name: {"tokens/s": each} if isinstance(each, int) else each for name, each in speeds.items()}
    record = {"machine": "2 cores", "commit": "abc", "figures": {"load before": 0.1, "LSTM": figures}}

    drawn = peers_picture.render(peers_picture.PICTURES["learning"], record)

    assert drawn.count('<rect class="for"') == drawn.count('<rect class="against"') == 1
    assert drawn.index(">Tenor<") < drawn.index(">Keras as in the tutorial<")


def test_a_ratio_is_of_medians_and_has_an_interval(script):
    assert script("workers").ratio([4.0, 2.0, 4.0], [2.0, 2.0, 1.0]) == "2.00 (1.00 to 4.00)"


def test_a_part_of_an_epoch_is_spread_over_its_lengths(script):
    lengths = np.array([5, 1, 9, 3, 7, 2, 8, 4])
    order = [np.array([row, row + 1]) for row in range(0, 8, 2)]  # longest: 5, 9, 7, 8

    part = script("learning_networks").spread(order, lengths, 4)

    assert [lengths[rows].max() for rows in part] == [7, 9]


def test_the_tutorials_networks_are_those_that_are_measured(script):
    networks = script("learning_networks").networks()
    code, told = (network for name, network in networks.items() if name.startswith("tutorial 4"))
    assert (code.settings.model.hidden_sizes, code.published) == ((100,), 5_095_802)
    assert (told.settings.model.hidden_sizes, told.published) == ((100, 100), None)
    assert (code.fill, code.fill_token) == (500, "<unk>")
    assert {network.peer: network.settings.train.batch_size for network in networks.values()} == {
        "keras": 64, "flax": 64, "mindspore": 64, None: 32,
    }  # fmt: skip


BOTH = {"bidirectional": True}
LSTM = BOTH | {"cell": "lstm", "pooling": ("last",), "head_hidden": 3, "biases": "input"}
TWO_LAYERS = BOTH | {"cell": "lstm", "hidden_sizes": (5, 5), "pooling": ("first_last",), "binary_logits": 2}
GRU = BOTH | {"cell": "gru"}
LINEAR = {"cell": "linear"}


@pytest.mark.parametrize(
    ("model", "way"),
    [
        *((model, way) for model in (LSTM, TWO_LAYERS, GRU) for way in ("packed", "padded")),
        (LSTM if arithmetic.has_bf16() else GRU, "padded in bf16"),  # PyTorch's needs AVX-512
        (LINEAR | {"pooling": ("last", "max")}, "padded"),
        (BOTH | LINEAR | {"window": 2}, "padded"),
    ],
)
def test_pytorch_and_the_core_learn_the_same_in_the_benchmark(script, tiny, model, way):
    model = tiny(**model)
    dropouts = dict.fromkeys(("embedding", "input", "hidden", "output", "head"), 0.0)
    train = TrainConfig(engine="core", **{f"{name}_dropout": share for name, share in dropouts.items()})
    settings = {"model": model.config.to_dict(), "train": train.to_dict(), "threads": 1}
    bf16 = way.endswith("bf16")
    ways = {"tenor": "bf16" if bf16 else "", "torch": way}
    texts, targets = [np.array(ids, np.int32) for ids in ([2, 3, 4, 5], [6], [7, 3])], np.array([0, 1, 1])
    learners = [
        script(f"learn_{name}").make(settings | {"way": way}, model.weights) for name, way in ways.items()
    ]

    core, peer = ([one.loss(texts, targets), one.learn([(texts, targets)] * 9), one.loss(texts, targets)]
                  for one in learners)  # fmt: skip

    assert {learner.num_weights for learner in learners} == {model.num_weights}
    assert peer[0] == pytest.approx(core[0], rel=1e-6)
    assert peer[2] == pytest.approx(core[2], rel=1e-2 if bf16 else 1e-4)
    assert core[2] < core[0]


def test_a_worker_answers_each_line(script, tiny, tmp_path):
    model = tiny()
    files = {name: str(tmp_path / f"{name}.npz") for name in ("texts", "weights")}
    np.savez(files["texts"], token_ids=np.array([2, 3, 4], np.int32), offsets=[0, 2, 3], targets=[0, 1])
    np.savez(files["weights"], **model.weights)
    asked = files | {
        "model": model.config.to_dict(), "train": TrainConfig(engine="core").to_dict(), "threads": 1,
        "way": "", "fill": 0, "fill_id": 0, "probe": [0, 1], "part": [[0]], "whole": [[0], [1]],
    }  # fmt: skip
    peers = ROOT / "benchmarks" / "peers"
    worker = script("workers").Worker([sys.executable, peers / "learn_tenor.py"], {})

    for line in (json.dumps(asked), "loss", "part", "whole"):
        worker.send(line)
    answers = [worker.answer() for _ in range(4)]
    worker.close()

    assert [list(answer) for answer in answers] == [["weights"], ["loss"], ["seconds"], ["seconds"]]
    assert answers[0]["weights"] == model.num_weights
