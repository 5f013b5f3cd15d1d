"""A model and its evaluation in → the model card, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import tenor
from tenor.evaluation import Evaluation
from tenor.model import Model
from tenor.report import svg

_TITLE_LABELS = 6
_MARKUP = re.compile(r"[\\`*_~\[\]|]")
"""Characters that mean something in Markdown wherever they stand in a line."""


def render_card(model: Model, evaluation: Evaluation | None) -> str:
    """What a stranger should know before using the model.

    Args:
        model: with the record of its training.
        evaluation: on the test texts; None when the data has none.
    """
    data, train = model.record["data"], model.record["train"]
    parts = [
        f"# {_plain(data['name'])}: {_title(model.labels)}",
        f"A recurrent text classifier made with Tenor {tenor.__version__}. It reads a text word "
        f"by word and gives one of {len(model.labels)} labels: {_listed(model.labels)}.",
        "```python\nfrom tenor import TextClassifier\n\n"
        'classifier = TextClassifier.load("this folder")\n'
        'classifier.predict(["a text"])[0].label\n```',
        "## How it was made",
        _table(_origin(model, data, train).items()),
        "## How good it is",
        _quality(model.record, evaluation),
        "## What to mind",
        _limits(model),
    ]
    return "\n\n".join(parts) + "\n"


def _origin(model: Model, data: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, str]:
    config = model.config
    sizes = ", ".join(f"{count:,} {split}" for split, count in data["texts"].items())
    layers = " → ".join(map(str, config.hidden_sizes))
    direction = "both directions" if config.bidirectional else "forwards"
    return _made_on_purpose(model.record) | {
        "data": f"{_plain(data['name'])} ({sizes} texts), SHA-256 `{data['sha256']}`",
        "word vectors": "learnt from the data alone"
        if data["vectors_sha256"] is None
        else "started from given ones",
        "vocabulary": f"{len(model.vocabulary):,} tokens",
        "network": f"{config.cell.upper()} {config.embedding_dim} → {layers}, {direction}, "
        f"pooled by {' and '.join(config.pooling)}"
        + (f"; {config.ngrams:,} scores of 1 to {config.ngram_order} words" if config.ngrams else ""),
        "weights": f"{model.num_weights:,}",
        "training": f"{model.record['metrics']['epochs']} epochs of batches of "
        f"{train['batch_size']}, {train['optimizer']} at {train['learning_rate']:g}, "
        f"seed {train['seed']}; all settings are in `config.json`",
    }


def _made_on_purpose(record: Mapping[str, Any]) -> dict[str, str]:
    """The recipe and the mistakes that were made on purpose, if any."""
    rows = {}
    if "recipe" in record:
        rows["recipe"] = ", ".join([record["recipe"]["name"], *record["recipe"]["variants"]])
    flaws = [name for name, value in record.get("flaws", {}).items() if value]
    flaws += record.get("recipe", {}).get("flaws", [])
    if flaws:
        rows["mistakes, made on purpose"] = ", ".join(dict.fromkeys(flaws))
    return rows


def _quality(record: Mapping[str, Any], evaluation: Evaluation | None) -> str:
    metrics = record["metrics"]
    on_test = record.get("flaws", {}).get("validate_on_test")
    seen = f", of which {on_test:,} chose the epoch" if on_test else ", read once"
    if "best_epoch" not in metrics:
        return (
            f"Not known: this is a checkpoint, made after update {metrics['step']:,} of a training that "
            "was not over. `metrics.jsonl`, two folders up, has what each epoch scored."
        )
    learnt = "; the n-grams learnt its texts afterwards" if "ngrams_learn" in record["data"] else ""
    rows = {
        f"validation (chose epoch {metrics['best_epoch']}{learnt})": _scores(
            metrics["validation_accuracy"],
            metrics["validation_loss"],
            metrics["validation_macro_f1"],
        )
    }
    if evaluation is None:
        note = (
            "These are the texts that chose the epoch, so expect a little less on others. There "
            "were no test texts."
        )
        return _table(rows.items(), "texts", "scores") + "\n\n" + note
    rows[f"test ({evaluation.texts:,} texts{seen})"] = _scores(
        evaluation.accuracy, evaluation.loss, evaluation.macro_f1
    )
    low, high = evaluation.accuracy_interval
    note = f"95 % interval of the test accuracy: {low:.4f} to {high:.4f}."
    return "\n\n".join([_table(rows.items(), "texts", "scores"), note, _labels(evaluation)])


def _scores(accuracy: float, loss: float, macro_f1: float) -> str:
    return f"accuracy {accuracy:.4f}, loss {loss:.4f}, macro F1 {macro_f1:.4f}"


def _labels(evaluation: Evaluation) -> str:
    rows = [
        (
            _plain(label),
            f"precision {s.precision:.4f}, recall {s.recall:.4f}, F1 {s.f1:.4f}, {s.texts:,} texts",
        )
        for label, s in evaluation.labels.items()
    ]
    return _table(rows, "label", "on the test texts")


def _limits(model: Model) -> str:
    limit = model.tokenizer.max_tokens
    points = [
        "It knows the language, the subject and the time of its training texts; on others it is "
        "less accurate, and still as sure of itself. Evaluate it on some of yours: "
        "`tenor evaluate MODEL FILE`.",
        "Its probabilities are not calibrated.",
        f"It reads at most {limit:,} tokens of a text." if limit else "It reads texts of any length.",
        "A text without a known word gets the label that it holds before reading.",
    ]
    return "\n".join(f"* {point}" for point in points)


def _title(labels: tuple[str, ...]) -> str:
    short = len(labels) <= _TITLE_LABELS
    return " / ".join(map(_plain, labels)) if short else f"{len(labels)} labels"


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(map(_code, labels))


def _table(rows: Iterable[tuple[str, str]], first: str = "", second: str = "") -> str:
    head = f"| {first} | {second} |\n|---|---|\n"
    return head + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _plain(value: str) -> str:
    """Words from outside as Markdown that shows just them, on one line."""
    return _MARKUP.sub(r"\\\g<0>", _one_line(value)).replace("&", "&amp;").replace("<", "&lt;")


def _code(value: str) -> str:
    """Words from outside as Markdown code, between more backticks than they have in a row."""
    value = _one_line(value)
    fence = "`" * (max(map(len, re.findall("`+", value)), default=0) + 1)
    edge = " " if "`" in value else ""
    return f"{fence}{edge}{value}{edge}{fence}"


def _one_line(value: str) -> str:
    """On one line, without control characters."""
    return svg.clean(" ".join(value.split()))
