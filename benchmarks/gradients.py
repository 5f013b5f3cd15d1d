"""How the gradient fades on its way back: each cell, one to three layers, before and after training.

Usage: python benchmarks/gradients.py

Trains nine small models on the sentences in data/, sends the loss of 100 test sentences back through time,
and draws docs/pictures/gradients.svg.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from common import ROOT, origin, save

from tenor import Settings, TextClassifier
from tenor.config import ModelConfig, TrainConfig
from tenor.data import Example, load
from tenor.lessons import backpropagate
from tenor.report.plot import Panel, render_plot
from tenor.training import Progress, RunFolder, train

CELLS, DEPTHS, TEXTS, STEPS = ("rnn", "gru", "lstm"), (1, 2, 3), 100, 20
PICTURE = ROOT / "docs" / "pictures" / "gradients.svg"


def both(cell: str, depth: int, folder: Path) -> tuple[TextClassifier, TextClassifier]:
    """The same model before its first update and after its best epoch."""
    settings = Settings(
        model=ModelConfig(cell=cell, hidden_sizes=(64,) * depth, pooling=("last",)),  # type: ignore[arg-type]
        train=TrainConfig(epochs=4, keep_checkpoints=99),
    )
    with RunFolder(folder) as run:
        data = load("sentence-polarity", data_dir=ROOT / "data")
        after = train(data, settings, run=run, progress=Progress(sys.stderr))
        return TextClassifier(run.read(run.places()[0]).model), after


def fading(classifier: TextClassifier, examples: list[Example]) -> list[list[float]]:
    """For each layer the length of ∂loss/∂h_t at the last word, one before it, …: geometric means."""
    found = [backpropagate(classifier, example.text, example.label).norms for example in examples]
    layers = range(len(found[0]))
    tails = [np.array([norms[layer][-STEPS:] for norms in found]) for layer in layers]  # (texts, STEPS) each
    return [np.exp(np.log(np.maximum(tail, 1e-30)).mean(axis=0)).tolist() for tail in tails]


def main() -> None:
    """Train, send back, draw, keep."""
    measured = origin()
    test = load("sentence-polarity", data_dir=ROOT / "data").splits["test"]
    tokenizer = TextClassifier.load().tokenizer
    examples = [example for example in test if len(tokenizer.tokens(example.text)) >= STEPS][:TEXTS]
    panels, figures = [], {}
    for cell in CELLS:
        for depth in DEPTHS:
            with tempfile.TemporaryDirectory() as folder:
                before, after = both(cell, depth, Path(folder))
            curves = {"before": fading(before, examples)[0], "after": fading(after, examples)[0]}
            layers = "1 layer" if depth == 1 else f"lowest of {depth} layers"
            panels.append(Panel(title=f"{cell}, {layers}", curves=curves, logarithmic=True))
            title = f"first of {STEPS} words, as a share of the last"
            figures[f"{cell}, {depth}"] = {
                f"{when}: {title}": float(f"{curve[0] / curve[-1]:.3g}") for when, curve in curves.items()
            }
    note = (
        f"word, of the last {STEPS}; upright the length of the gradient at the state after it; "
        f"{len(examples)} sentences, before and after training"
    )
    PICTURE.write_text(render_plot("The loss sent back through time", note, panels), encoding="utf-8")
    save("gradients", figures, measured)


if __name__ == "__main__":
    main()
