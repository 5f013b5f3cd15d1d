"""The results of the tutorials' trainings → docs/tutorials.md. Prints the page; --write puts it there.

Usage: python benchmarks/tutorials_page.py [--write]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tenor.recipes import Recipe, load_recipe, recipe_names

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "tutorials" / "results"
PAGE = ROOT / "docs" / "tutorials.md"
SEEDS, FOLDS = 3, 10
MISSING = "missing"
_SCORES = ("test_accuracy", "validation_accuracy")
HEAD = """# The tutorials, reproduced and put right

Made by `python benchmarks/tutorials_page.py --write` from the JSON in `docs/tutorials/results/`, which
`make tutorials` makes (hours on two cores; each result is kept as it comes, and the next run goes on). A
figure that has not been measured is printed as *missing*. Seconds are those of one core of a shared machine,
often beside another training, learning in float32 unless they say bf16; accuracies are over texts, unless a
flaw says otherwise. Put right: the mean of three seeds with the lowest and the highest, the epoch chosen on
held-out training texts, the test set read once. As published: one seed (three where a range is shown), with
every flaw of the tutorial.
"""


def seeds_as_published(recipe: str) -> range:
    """One, but of the recipe whose first came out farther from what was published than any other's."""
    return range(SEEDS if recipe == "mindspore-imdb" else 1)


def load(name: str) -> dict[str, Any] | None:
    """A result, or None where it is missing."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def page() -> str:
    """The whole page."""
    order = sorted(recipe_names(), key=lambda name: ORDER.index(name))
    return "\n".join([HEAD, *(_section(load_recipe(name)) for name in order), _origins()]) + "\n"


ORDER = (
    "mindspore-imdb", "neural-perspective-polarity", "pytorch-vanilla-sst", "jax-birnn-imdb",
    "tensorflow-imdb", "tensorflow-imdb-stacked",
)  # fmt: skip
PAGES = {
    "mindspore-imdb": "1-mindspore.md", "neural-perspective-polarity": "2-neural-perspective.md",
    "pytorch-vanilla-sst": "3-vanilla-rnn.md", "jax-birnn-imdb": "4-jax-birnn.md",
    "tensorflow-imdb": "5-tensorflow.md", "tensorflow-imdb-stacked": "5-tensorflow.md",
}  # fmt: skip


def _section(recipe: Recipe) -> str:
    parts = [
        f"## {recipe.name}",
        f"*{recipe.title}* ({recipe.framework}). {recipe.summary}. "
        f"[The page for learners](tutorials/{PAGES[recipe.name]}).",
        _scores(recipe),
        _epochs(recipe),
        _flaws(recipe),
        _variants(recipe),
        _texts(recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _scores(recipe: Recipe) -> str:
    """Published, as published, put right: side by side."""
    published = recipe.published
    ours = [load(f"{recipe.name}+as-published+seed{seed}") for seed in seeds_as_published(recipe.name)]
    right = [load(f"{recipe.name}+seed{seed}") for seed in range(SEEDS)]
    rows = [
        [title, _number(published.get(key)), _spread(ours, key), _spread(right, key)]
        for title, key in _METRICS.items()
        if key in published or key == "test_accuracy"
    ]
    rows.append(["seconds an epoch", _seconds(published), _clock(ours), _clock(right)])
    return _table(["", "published", "as published, here", "put right"], rows)


_METRICS = {
    "test accuracy": "test_accuracy", "test loss": "test_loss", "validation accuracy": "validation_accuracy",
    "validation loss": "validation_loss", "training accuracy": "train_accuracy", "weights": "num_weights",
}  # fmt: skip


def _value(result: dict[str, Any] | None, key: str) -> float | None:
    if result is None:
        return None
    found = result.get(key, result["metrics"].get(key))
    return None if found is None else float(found)


def _metric(result: dict[str, Any] | None, key: str) -> str:
    return MISSING if result is None else _number(_value(result, key), digits=4)


def _number(value: Any, digits: int | None = None) -> str:
    """A count, or a figure with so many digits; None writes it as it was published."""
    if value is None:
        return "–"
    if value > 100:
        return f"{value:,.0f}"
    return f"{value:g}" if digits is None else f"{value:.{digits}f}"


def _spread(results: Sequence[dict[str, Any] | None], key: str) -> str:
    """Mean, lowest and highest of those that are there; how many are missing."""
    values = [value for result in results if (value := _value(result, key)) is not None]
    absent = sum(result is None for result in results)
    if not values:
        return MISSING if absent else "–"
    mean = statistics.mean(values)
    if min(values) == max(values):
        shown = _number(mean, digits=4)
    elif mean > 100:
        shown = f"{_number(min(values))} to {_number(max(values))}"
    else:
        shown = f"{mean:.4f} ({min(values):.4f} to {max(values):.4f})"
    return shown + (f", {absent} of {len(results)} {MISSING}" if absent else "")


def _seconds(published: Any) -> str:
    seconds = published.get("seconds_per_epoch")
    return "–" if seconds is None else f"{seconds:g} on {published['machine']}"


def _clock(results: Sequence[dict[str, Any] | None]) -> str:
    """Half of the epochs took less; those in bf16 say so."""
    there = [result for result in results if result]
    seconds = [row["seconds"] for result in there for row in result["epochs"] if row["seconds"]]
    in_bf16 = any(map(_in_bf16, there))
    return f"{statistics.median(seconds):.0f}{' in bf16' * in_bf16}" if seconds else MISSING


def _epochs(recipe: Recipe) -> str:
    """Every epoch of the run as published, beside what was published."""
    published = recipe.published.get("epochs")
    ours = load(f"{recipe.name}+as-published+seed0")
    if not published:
        return ""
    rows = []
    for key, figures in published.items():
        mine = [f"{row[key]:.3f}" for row in ours["epochs"]] if ours else [MISSING]
        title = key.replace("_", " ").replace("train ", "training ")
        rows.append([title, " ".join(f"{figure:.3f}" for figure in figures), " ".join(mine)])
    return "Epoch by epoch:\n\n" + _table(["", "published", "as published, here"], rows)


def _flaws(recipe: Recipe) -> str:
    """What was put right, and what each flaw costs when it is made alone."""
    right = load(f"{recipe.name}+seed0")
    rows, exact = [["none", "", "", *(_against(right, None, metric) for metric in _SCORES)]], []
    for flaw in recipe.flaws:
        alone = load(f"{recipe.name}+{flaw.name}+seed0")
        costs = ["see the texts below", ""]
        if flaw.settings:
            costs = [_against(alone, right, metric) for metric in _SCORES]
            if alone and right and _in_bf16(right) and not _in_bf16(alone):
                exact.append(f"`{flaw.name}`")
        rows.append([f"`{flaw.name}`", flaw.what, flaw.repair, *costs])
    header = ["flaw", "what the tutorial does", "put right", "test accuracy with it alone", "validation"]
    told = f"What was put right, and what each flaw does by itself, seed 0.\n\n{_table(header, rows)}"
    if exact:
        told += (
            f"\n\nLearnt in float32, where the others are in bf16, on a machine that has no fast bf16: "
            f"{', '.join(exact)}. Rounding decides as much as a seed does, so a point there may be chance."
        )
    return told


def _in_bf16(result: dict[str, Any]) -> bool:
    return "--precision bf16" in result["command"]


def _against(found: dict[str, Any] | None, right: dict[str, Any] | None, metric: str) -> str:
    """A score, and its distance from what is put right, in points."""
    score, base = _value(found, metric), _value(right, metric)
    if score is None:
        return MISSING
    return f"{score:.4f}" if base is None else f"{score:.4f} ({100 * (score - base):+.2f} points)"


def _variants(recipe: Recipe) -> str:
    if recipe.name == "neural-perspective-polarity":
        return _folds(recipe)
    if recipe.name == "pytorch-vanilla-sst":
        return _ladder(recipe)
    rows = [
        [change.what, _metric(load(f"{recipe.name}+{change.name}+seed0"), "test_accuracy")]
        for change in recipe.variants
    ]
    return _table(["variant (seed 0)", "test accuracy"], rows) if rows else ""


def _folds(recipe: Recipe) -> str:
    """Ten folds of each cell with each kind of vectors."""
    rows = []
    for title, changes in (
        ("gru", ()), ("lstm", ("lstm",)), ("rnn", ("rnn",)), ("gru, two layers", ("two-layers",)),
        ("gru, attention pooling", ("attention",)),
    ):  # fmt: skip
        row = [title]
        for vectors in ((), ("skip-gram",), ("glove",)):
            names = [
                "+".join([recipe.name, *changes, *vectors, f"fold{fold}", "seed0"]) for fold in range(FOLDS)
            ]
            planned = title != "gru, two layers" or not vectors
            row.append(_spread([load(name) for name in names], "test_accuracy") if planned else "–")
        rows.append(row)
    head = ["ten folds: mean accuracy (lowest to highest)", "random vectors", "skip-gram vectors", "GloVe"]
    return _table(head, rows)


def _ladder(recipe: Recipe) -> str:
    """The improvements that the tutorial names, each added to those above it."""
    known = {change.name: change.what for change in recipe.variants}
    rows = [["The recipe put right: the vanilla RNN.", *_ladder_cells(recipe, ())]]
    added = ("longer", "glove", "lstm", "both-directions", "attention", "two-layers")
    rows += [
        [f"+ {known[name]}", *_ladder_cells(recipe, added[: place + 1])] for place, name in enumerate(added)
    ]
    return _table(["each added to those above", "test accuracy", "weights"], rows)


def _ladder_cells(recipe: Recipe, added: tuple[str, ...]) -> list[str]:
    found = [load("+".join([recipe.name, *added, f"seed{seed}"])) for seed in range(SEEDS)]
    return [_spread(found, "test_accuracy"), _spread(found, "num_weights")]


def _texts(recipe: Recipe) -> str:
    """The tutorial's own texts, in each way of presenting them."""
    rows = []
    runs = {"as published": f"{recipe.name}+as-published+seed0", "put right": f"{recipe.name}+seed0"}
    for title, name in runs.items():
        result = load(name)
        for text in result["texts"] if result else ():
            for way, shares in text["ways"].items():
                if way != "as trained" and shares == text["ways"]["as trained"]:
                    continue
                label = max(shares, key=shares.__getitem__)
                right = "" if label == text["label"] else " ✗"
                rows.append([f"“{text['text']}”", title, way, f"{label}{right}, {shares[label]:.3f}"])
    if not rows:
        return f"The tutorial's own texts: {MISSING}."
    return "The tutorial's own texts (✗: the wrong label), seed 0:\n\n" + _table(
        ["text", "model", "presented", "label, probability"], rows
    )


def _origins() -> str:
    """What the results were measured on."""
    found: dict[str, int] = {}
    for file in sorted(RESULTS.glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        versions = ", ".join(f"{name} {version}" for name, version in record["packages"].items())
        line = f"commit {record['commit']}, {record['machine']}, Python {record['python']}, {versions}"
        found[line] = found.get(line, 0) + 1
    lines = [f"* {count} results: {line}" for line, count in found.items()] or [f"* {MISSING}"]
    return "\n".join(["## Measured on", "", *lines])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    cells = [[cell.replace("<", "&lt;").replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
