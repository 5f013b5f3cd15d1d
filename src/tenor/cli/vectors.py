"""``tenor vectors``: learn word vectors from texts, or look at those of a file or a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tenor.cli.options import Subparsers, add_columns, refuse_existing
from tenor.cli.output import one_line, print_json, print_table, say, wants_json
from tenor.cli.progress import Counter, Fetching

if TYPE_CHECKING:
    from tenor.data import WordVectors

_WORD_COLUMNS = 40


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "vectors",
        help=summary,
        description="Learn word vectors from texts by skip-gram (needs the extra skipgram), or show the "
        "words nearest to one in a vectors file or a model.",
        epilog="examples: tenor vectors train reviews.csv -o reviews.vec; "
        "tenor vectors neighbours reviews.vec good",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    _add_train(actions.add_parser("train", help="learn vectors from texts, as --vectors takes them"))
    look = actions.add_parser("neighbours", help="show the words nearest to one")
    look.add_argument(
        "source", metavar="FILE|MODEL", help="vectors file, name such as glove-50d, or model folder"
    )
    look.add_argument("word", metavar="WORD")
    look.add_argument("--count", type=int, default=10, metavar="N", help="how many (default: 10)")
    look.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "texts", metavar="TEXTS",
        help="corpus, whose training texts are read; table, or file with a text a line; - is standard input",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="to write (default: TEXTS.vec)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument("--data-dir", type=Path, metavar="FOLDER", help="folder with the corpora's archives")
    parser.add_argument("--fold", type=int, metavar="N", help="of sentence-polarity: leave out this tenth")
    for name, (default, text) in _SETTINGS.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=default, metavar="N", help=f"{text} (default: {default})")
    add_columns(parser)


_SETTINGS = {
    "size": (100, "width of a vector"),
    "window": (5, "words on either side that are foretold"),
    "negative": (5, "words drawn at random for each right one"),
    "min_count": (2, "words seen fewer times get none"),
    "epochs": (10, "passes over the texts"),
    "seed": (0, "where all random choices come from"),
}
"""Fields of ``SkipGram``: default and help."""


def run(args: argparse.Namespace) -> int:
    """Learn, or look."""
    return _train(args) if args.action == "train" else _neighbours(args)


def _train(args: argparse.Namespace) -> int:
    from tenor.atomic import write_file
    from tenor.config import TokenizerConfig
    from tenor.data.skipgram import SkipGram, learn_vectors, spell_vectors
    from tenor.errors import InputError
    from tenor.tokenizer import Tokenizer

    chosen = {name: getattr(args, name) for name in _SETTINGS}
    wrong = next((name for name, value in chosen.items() if value < (name != "seed")), None)
    if wrong is not None:
        raise InputError(f"--{wrong.replace('_', '-')} is {chosen[wrong]}, which is too small")
    stem = "texts" if args.texts == "-" else Path(args.texts).name.partition(".")[0] or "texts"
    output = args.output or Path(f"{stem}.vec")
    if not output.resolve().parent.is_dir():
        raise InputError(f"there is no folder {output.parent}; make it, or name another place with -o")
    refuse_existing(output, force=args.force)
    tokenizer = Tokenizer(TokenizerConfig())
    with Counter("reading texts") as counter:
        tokens = []
        for text in _texts(args):
            tokens.append(tokenizer.tokens(text))
            counter.add(1)
    settings = SkipGram(**chosen)
    vectors = learn_vectors(tokens, settings, on_epoch=lambda n: say(f"epoch {n}/{settings.epochs}"))
    write_file(output.resolve(), spell_vectors(vectors).encode("utf-8", "replace"))
    say(f"wrote {output}: {len(vectors.words):,} words of {settings.size} numbers")
    say(f"next: tenor vectors neighbours {output} {vectors.words[0]}")
    return 0


def _texts(args: argparse.Namespace) -> list[str]:
    from tenor.data import CORPORA, load, read_texts

    if args.texts in CORPORA:  # what is learnt must not know the test texts
        dataset = load(args.texts, data_dir=args.data_dir, fold=args.fold)
        return [example.text for example in dataset.splits["train"]]
    return list(read_texts(args.texts, args.text_column, args.encoding))


def _neighbours(args: argparse.Namespace) -> int:
    from tenor.data.skipgram import neighbours
    from tenor.errors import InputError

    if args.count < 1:
        raise InputError(f"--count is {args.count}; it must be at least 1")
    found = neighbours(_vectors(args.source), args.word, args.count)
    if wants_json(args.json):
        for word, cosine in found:
            print_json({"word": word, "cosine": round(cosine, 6)})
        return 0
    print_table([[one_line(word, _WORD_COLUMNS), f"{cosine:.3f}"] for word, cosine in found], numbers=True)
    return 0


def _vectors(source: str) -> WordVectors:
    from tenor import artifact
    from tenor.data import WordVectors, read_vectors

    if artifact.is_model_folder(source):
        model = artifact.read(source)[0]
        known = [row for row, token in enumerate(model.vocabulary.tokens) if token in model.vocabulary]
        words = tuple(model.vocabulary.tokens[row] for row in known)  # without the special tokens
        return WordVectors(words=words, matrix=model.weights["embedding.weight"][known].astype("f4"))
    with Counter("reading word vectors") as counter:
        return read_vectors(source, fetched=Fetching(), parsed=counter.add)
