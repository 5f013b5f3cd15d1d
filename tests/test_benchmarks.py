"""The figures that are published are those that were measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


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
