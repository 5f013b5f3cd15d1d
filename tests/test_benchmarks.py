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


def test_the_packaged_model_is_the_one_that_the_benchmark_trained():
    figures = json.loads((RESULTS / "train_imdb.json").read_text(encoding="utf-8"))["figures"]
    config = json.loads((ROOT / "src/tenor/pretrained/imdb/config.json").read_text(encoding="utf-8"))
    assert figures["test_accuracy"] == config["metrics"]["test_accuracy"]
