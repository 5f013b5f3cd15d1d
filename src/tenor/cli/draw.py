"""``tenor draw``: a model → pictures of what it is and of what it does with some texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_model, free_picture
from tenor.cli.output import say
from tenor.section import listed

if TYPE_CHECKING:
    from tenor import TextClassifier
    from tenor.cells import Floats

_TEXTS = ("The film starts well, but the story falls apart.", "A great film!", "Not bad at all.")
_MAP_WORDS = 120
_PLACE = "the texts to draw, for batch, unrolled and gradients; without any, three short ones"


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "draw",
        help=summary,
        description="Draw a model as SVG: its cell; its network with sizes; the network unrolled over a "
        "text; a padded batch of texts with the states that are read; the gradient as it goes back through "
        "time (needs the extra train); its word vectors as a map.",
        epilog='example: tenor draw unrolled "not bad at all" -o unrolled.svg',
    )
    parser.add_argument("what", choices=tuple(_DRAWINGS), help="what to draw")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help=_PLACE)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the picture (default: WHAT.svg)")
    parser.add_argument("--force", action="store_true", help="replace the picture if it is there")
    parser.add_argument("--label", help="whose loss and words (default: the last label)")
    parser.add_argument(
        "--beside", type=Path, metavar="FOLDER",
        help="of words: a second model for a second map, such as the checkpoint RUN/checkpoints/step-0000000",
    )  # fmt: skip
    add_model(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Draw one picture."""
    from tenor import TextClassifier
    from tenor.errors import InputError

    output = args.output or Path(f"{args.what}.svg")
    free_picture(output, force=args.force)
    classifier = TextClassifier.load(args.model, runtime=args.runtime)
    label = classifier.labels[-1] if args.label is None else args.label
    if label not in classifier.labels:
        raise InputError(f"no label {label!r}; there are {listed(classifier.labels)}")
    picture = _DRAWINGS[args.what](classifier, args.texts or list(_TEXTS), label, args.beside)
    output.write_text(picture, encoding="utf-8")
    say(f"wrote {output}")
    return 0


def _cell(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor.report.cell import render_cell

    return render_cell(classifier.model.config)


def _network(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor.report.network import render_network

    return render_network(classifier.model)


def _unrolled(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor.report.unrolled import render_unrolled

    tokens = [token.text for token in classifier.encode(texts[0]).tokens]
    return render_unrolled(classifier.model.config, tokens)


def _batch(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor.report.batch import render_batch

    tokens = [[token.text for token in classifier.encode(text).tokens] for text in texts]
    return render_batch(classifier.model.config, tokens)


def _gradients(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor.lessons import backpropagate
    from tenor.report.plot import Panel, render_plot

    panels = []
    for text in texts:
        found = backpropagate(classifier, text, label)
        layers = [(f"layer {n}", norms.tolist()) for n, norms in enumerate(found.norms, 1)]
        curves = dict(layers[:2] + layers[2:][-1:])  # as many as there are colours: the lowest and the top
        shown = text if len(text) <= 40 else text[:39] + "…"
        panels.append(Panel(title=shown, curves=curves, steps=found.tokens, logarithmic=True))
    way = "; of the forward direction" if classifier.model.config.bidirectional else ""
    note = f"length of the gradient at the state after each word; the loss is at the right{way}"
    return render_plot(f"The loss of {label!r} sent back through time", note, panels)


def _words(classifier: TextClassifier, texts: list[str], label: str, beside: Path | None) -> str:
    from tenor import TextClassifier
    from tenor.errors import InputError
    from tenor.report.words import render_words

    words = telling_words(classifier, label, _MAP_WORDS)
    if beside is not None:
        other = TextClassifier.load(beside)
        words = [word for word in words if word in other.model.vocabulary]
    if not words:
        raise InputError(
            "there is no word of letters to draw; name a model that knows some, the same ones in both"
        )
    maps = {} if beside is None else {str(beside)[-44:]: _vectors(other, words)}
    maps["this model"] = _vectors(classifier, words)
    shares = classifier.predict_proba(words)[:, classifier.labels.index(label)].tolist()
    before = classifier.predict_proba([""])[0, classifier.labels.index(label)]
    return render_words(words, maps, dict(zip(words, shares, strict=True)), label, before=float(before))


def telling_words(classifier: TextClassifier, label: str, count: int) -> list[str]:
    """The words that, read alone, speak most for and most against a label, among the first 5,000."""
    vocabulary = classifier.model.vocabulary
    words = [token for token in vocabulary.tokens[:5000] if token in vocabulary and token.isalpha()]
    if not words:
        return []
    shares = classifier.predict_proba(words)[:, classifier.labels.index(label)]
    order = [words[place] for place in shares.argsort(kind="stable")]
    return order if len(order) <= count else order[: count // 2] + order[-(count - count // 2) :]


def _vectors(classifier: TextClassifier, words: list[str]) -> Floats:
    return classifier.model.weights["embedding.weight"][classifier.model.vocabulary.encode(words)]


_DRAWINGS: dict[str, Callable[[TextClassifier, list[str], str, Path | None], str]] = {
    "cell": _cell,
    "network": _network,
    "unrolled": _unrolled,
    "batch": _batch,
    "gradients": _gradients,
    "words": _words,
}
