"""The pictures of the tutorials' pages: docs/pictures/tutorials/.

Usage: python benchmarks/tutorial_pictures.py

Networks, cells and graphs are drawn from the recipes; learning curves, readings and maps of words from the
results and the models that benchmarks/tutorials.py has left, as far as they are there.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from common import ROOT

from tenor import Settings, TextClassifier
from tenor.cli.draw import telling_words
from tenor.config import ModelConfig
from tenor.lessons import RecurrentLayer, autograd_graph
from tenor.model import Model, weight_shapes
from tenor.recipes import Recipe, load_recipe, recipe_names
from tenor.report.batch import render_batch
from tenor.report.cell import render_cell
from tenor.report.curves import render_curves
from tenor.report.graph import render_graphs
from tenor.report.network import render_network
from tenor.report.plot import Panel, render_plot
from tenor.report.unrolled import render_unrolled
from tenor.report.words import render_words
from tenor.training.initial import initial_weights
from tenor.vocabulary import build_from_words

PICTURES = ROOT / "docs" / "pictures" / "tutorials"
RESULTS = ROOT / "docs" / "tutorials" / "results"
WORK = ROOT / "build" / "tutorials"
VOCABULARIES = {
    "mindspore-imdb": 400_000, "neural-perspective-polarity": 10_000, "pytorch-vanilla-sst": 15_447,
    "jax-birnn-imdb": 30_189, "tensorflow-imdb": 9_998, "tensorflow-imdb-stacked": 9_998,
}  # fmt: skip
"""Words of each recipe put right, counted on its data."""
LABELS = {"pytorch-vanilla-sst": ("negative", "neutral", "positive")}
SENTENCES = ("it was the worst movie i have ever seen", "a great film", "not bad at all", "boring")


def main() -> None:
    """Draw all that can be drawn."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in recipe_names():
        recipe = load_recipe(name)
        _write(f"{name}-network", render_network(_untrained(recipe)))
        config = _untrained(recipe).config
        _write(f"{name}-unrolled", render_unrolled(config, recipe.texts[0][0].split()[:7]))
        _curves(name)
        _words(name)
    for cell in ("rnn", "lstm", "gru"):
        _write(f"cell-{cell}", render_cell(ModelConfig(cell=cell)))
    config = _untrained(load_recipe("tensorflow-imdb")).config
    _write("batch", render_batch(config, [text.split() for text in SENTENCES]))
    _write("graph", _two_steps())
    _readings()


def _write(name: str, picture: str) -> None:
    (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")
    print(f"drew {name}")


def _untrained(recipe: Recipe) -> Model:
    """A model of the recipe's shape, all of whose weights are zeros."""
    settings = Settings.from_dict(recipe.tables())
    words = (f"word{n}" for n in range(VOCABULARIES[recipe.name]))
    vocabulary = build_from_words(words, settings.vocabulary)
    labels = LABELS.get(recipe.name, ("negative", "positive"))
    shapes = weight_shapes(settings.model, vocab_size=len(vocabulary), num_labels=len(labels))
    return Model(
        tokenizer=settings.tokenizer, vocabulary=vocabulary, config=settings.model, labels=labels,
        weights={name: np.zeros(shape, np.float32) for name, shape in shapes.items()},
    )  # fmt: skip


def _curves(name: str) -> None:
    for run, title in ((f"{name}+as-published+seed0", "as-published"), (f"{name}+seed0", "put-right")):
        file = RESULTS / f"{run}.json"
        if file.is_file():
            rows = json.loads(file.read_text(encoding="utf-8"))["epochs"]
            _write(f"{name}-curves-{title}", render_curves(rows))


def _words(name: str) -> None:
    """The map of words before training, drawn again from the seed, and after it."""
    folder = WORK / f"{name}+seed0"
    if not folder.is_dir() or load_recipe(name).vectors:
        return
    classifier = TextClassifier.load(folder)
    label = classifier.labels[-1]
    words = telling_words(classifier, label, 80)
    model = classifier.model
    rows, seed = model.vocabulary.encode(words), model.record["train"]["seed"]
    first = initial_weights(model.config, model.vocabulary, num_labels=len(model.labels), seed=seed)
    maps = {"before training": first["embedding.weight"][rows]}
    maps["after training"] = model.weights["embedding.weight"][rows]
    shares = classifier.predict_proba(words)[:, -1].tolist()
    _write(f"{name}-words", render_words(words, maps, dict(zip(words, shares, strict=True)), label))


def _two_steps() -> str:
    """The graph of a vanilla layer's second output beside that of its first."""
    generator = torch.Generator().manual_seed(0)
    layer = RecurrentLayer(1024, 10, 1, generator=generator)
    x1, x2 = (torch.randn(3, 1024, generator=generator, requires_grad=True) for _ in range(2))
    y1, h1 = layer(x1)
    y2, _ = layer(x2, h1)
    names = layer.parameters | {"x1": x1, "x2": x2}
    graphs = {name: autograd_graph(y, names | {name: y}) for name, y in (("y1", y1), ("y2", y2))}
    return render_graphs("One layer, used once and used twice", graphs)


def _readings() -> None:
    """The score after each word, every seed's curve, for the three cells."""
    recipe = load_recipe("neural-perspective-polarity")
    panels = []
    for text, _ in recipe.texts:
        for cell in ((), ("lstm",), ("rnn",)):
            curves = {}
            for seed in range(3):
                file = RESULTS / ("+".join([recipe.name, *cell, f"seed{seed}"]) + ".json")
                if file.is_file():
                    found = json.loads(file.read_text(encoding="utf-8"))["texts"]
                    reading = next(t["reading"]["positive"] for t in found if t["text"] == text)
                    curves[f"seed {seed}"] = [share for _, share in reading]
            if curves:
                title = f"{cell[0] if cell else 'gru'}: {' '.join(text.split()[3:5])}"
                panels.append(Panel(title=title, curves=curves, steps=text.split(), bounds=(0.0, 1.0)))
    if panels:
        note = "the probability of “positive” after each word"
        _write("readings", render_plot("Two sentences, read word by word", note, panels))


if __name__ == "__main__":
    main()
