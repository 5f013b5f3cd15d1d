"""Nothing in → small model folders of this release, and what each says of ten texts.

Run once a release, by hand: ``python tests/artifacts/make.py``. Folders of releases are never remade:
they are what people have on their disks, and every later Tenor must read them and say the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import tenor
from tenor import TextClassifier
from tenor.config import ModelConfig, TokenizerConfig, VocabularyConfig
from tenor.model import Model, weight_shapes
from tenor.vocabulary import build_from_words

HERE = Path(__file__).parent
WORDS = ("the", "film", "is", "not", "good", "bad", "don't", "café", "中", "!", ".", "very")
LABELS = {
    "lstm": ("negative", "positive"),
    "gru": ("bad", "fair", "good"),
    "rnn": ("nein", "ja"),
    "linear": ("no", "yes"),
    "lstm-int8": ("no", "yes"),
    "linear-bf16": ("no", "yes"),
}
"""Name of each folder, a cell and perhaps a precision, → labels."""
SETTINGS = {
    "lstm": {"bidirectional": True},
    "gru": {"pooling": ("last", "attention"), "head_hidden": 3},
    "rnn": {"hidden_sizes": (5, 5), "biases": "input", "pooling": ("first_last",), "binary_logits": 2},
    "linear": {"window": 2, "output_gate": True, "skip": True},
}
TEXTS = (
    "",
    "good",
    "not good",
    "The film is very good!",
    "The film is not bad.",
    "I don't know this CAFÉ",
    "中中 good 中",
    "<br />bad<br />bad",
    "!!! ... !!!",
    "the film " * 40 + "is bad",
)


def model(name: str) -> Model:
    """A model of five hidden units whose weights are drawn from a fixed seed."""
    cell, _, precision = name.partition("-")
    config = ModelConfig(cell=cell, **{"embedding_dim": 4, "hidden_sizes": (5,)} | SETTINGS[cell])
    vocabulary = build_from_words(WORDS, VocabularyConfig(min_count=1))
    shapes = weight_shapes(config, vocab_size=len(vocabulary), num_labels=len(LABELS[name]))
    generator = np.random.default_rng(20)
    made = Model(
        tokenizer=TokenizerConfig(max_tokens=60, keep="both"),
        vocabulary=vocabulary,
        config=config,
        labels=LABELS[name],
        weights={name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
        record={"data": {"name": "drawn at random"}, "metrics": {"accuracy": 0.5}},
        card=f"# A {name} of release {tenor.__version__}\n",
    )
    return made.at(precision) if precision else made


def main() -> None:
    """Write the folders of this release, which must not be there."""
    release = HERE / tenor.__version__
    release.mkdir()
    expected = {}
    for name in LABELS:
        classifier = TextClassifier(model(name), runtime="numpy")
        classifier.save(release / name)
        found = classifier.predict_proba(TEXTS).tolist()
        expected[name] = dict(zip(TEXTS, found, strict=True))
    text = json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
    (release / "expected.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
