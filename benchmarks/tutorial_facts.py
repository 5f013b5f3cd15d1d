"""What the tutorials print of their data, counted again on the same data.

Usage: python benchmarks/tutorial_facts.py DATA_DIR

Writes docs/tutorials/facts.json; a test compares it with what was published.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from common import ROOT, origin
from learning import PEERS
from workers import SCRIPTS, make_environment, python_of

from tenor.config import Settings
from tenor.data import Dataset, load, read_vectors
from tenor.recipes import load_recipe
from tenor.report.batch import share_of_padding
from tenor.tokenizer import Tokenizer
from tenor.training.order import batches
from tenor.vocabulary import Vocabulary, build_from_counts, build_from_words

FACTS = ROOT / "docs" / "tutorials" / "facts.json"


def main(data_dir: str) -> None:
    """Count, print and keep."""
    imdb = load("imdb", data_dir=data_dir)
    facts = {
        **origin(),
        "mindspore-imdb": mindspore(imdb, data_dir),
        "pytorch-vanilla-sst": vanilla(load("sst", num_labels=3, data_dir=data_dir)),
        "jax-birnn-imdb": jax(imdb, data_dir),
        "tensorflow-imdb": tensorflow(imdb),
    }
    print(json.dumps(facts, indent=1, ensure_ascii=False))
    FACTS.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _settings(recipe: str, *flaws: str) -> Settings:
    found = load_recipe(recipe)
    return Settings.from_dict(found.tables(found.choose(flaws=flaws)))


def _words(settings: Settings, data: Dataset) -> tuple[Tokenizer, list[list[str]], Counter[str]]:
    tokenizer = Tokenizer(settings.tokenizer)
    texts = [tokenizer.tokens(example.text) for example in data.splits["train"]]
    return tokenizer, texts, Counter(token for text in texts for token in text)


def mindspore(imdb: Dataset, data_dir: str) -> dict[str, Any]:
    """GloVe as a vocabulary, and the joints that become words."""
    settings = _settings("mindspore-imdb", "joined-words")
    vectors = read_vectors("glove.6B.100d", data_dir=data_dir)
    vocabulary = build_from_words(vectors.words, settings.vocabulary)
    small = read_vectors("glove-50d")
    reviews = [example.text for example in imdb.splits["train"]]
    return {
        "rows of this copy of GloVe": len(vectors.words),
        "id of 'the'": vocabulary.encode(["the"])[0],
        "ids of <unk> and <pad>, counted from the end": [
            vocabulary.special_id(name) - len(vocabulary) for name in ("<unk>", "<pad>")
        ],
        "vector of 'the' begins": [round(float(x), 6) for x in vectors.matrix[0][:3]],
        "first two rows of 50 dimensions begin": [
            [round(float(x), 6) for x in row[:2]] for row in small.matrix[:2]
        ],
        "their words": list(small.words[:2]),
        "rows of 50 dimensions": len(small.words),
        "training reviews with a joint that becomes a word": sum(
            bool(re.search(r"\S<br /><br />\S", text)) for text in reviews
        ),
        "what 'end.<br /><br />The' becomes": Tokenizer(settings.tokenizer).tokens("end.<br /><br />The"),
        "updates an epoch, whole batches of 64, of 17,500 and 7,500 and 25,000 texts": [
            17_500 // 64, 7_500 // 64, -(-25_000 // 64),
        ],
        "left out": [17_500 % 64, 7_500 % 64],
        "share of validation texts that training has had, by epochs, in MindSpore": split_by_mindspore(),
    }  # fmt: skip


def split_by_mindspore() -> list[float]:
    """What MindSpore's split does to a data set that is shuffled before it."""
    make_environment("mindspore", PEERS["mindspore"])
    command = [python_of("mindspore"), SCRIPTS / "split_mindspore.py"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    shares: list[float] = json.loads(printed.splitlines()[-1])
    return shares


def vanilla(sst: Dataset) -> dict[str, Any]:
    """The vocabulary by today's spaCy and by the rule of its second version; labels; padding."""
    settings = _settings("pytorch-vanilla-sst")
    _, texts, counts = _words(settings, sst)
    vocabulary = build_from_counts(counts, settings.vocabulary)
    second = _second_version()
    old = [[token.lower() for token in second(example.text)] for example in sst.splits["train"]]
    old_counts = Counter(token for text in old for token in text)
    old_vocabulary = build_from_counts(old_counts, settings.vocabulary)
    lost, gained = set(old_counts) - set(counts), set(counts) - set(old_counts)
    lengths = [len(text) + 2 for text in old]
    bucketed = batches(lengths, batch_size=4, seed=0, epoch=1)
    return {
        "tokens": len(vocabulary),
        "tokens by the rules of spaCy 2": len(old_vocabulary),
        "tokens of spaCy 2 only": [*sorted(lost)[:12], f"… {len(lost)} in all"],
        "tokens of today's only": [*sorted(gained)[:12], f"… {len(gained)} in all"],
        "first 20": list(old_vocabulary.tokens[:20]),
        "first 20 today": list(vocabulary.tokens[:20]),
        "ids by the rules of spaCy 2": _ids(old_vocabulary),
        "ids today": _ids(vocabulary),
        "labels by frequency": [
            name for name, _ in Counter(e.label for e in sst.splits["train"]).most_common()
        ],
        "examples": {
            str(place): [sst.splits["train"][place].label, " ".join(texts[place])]
            for place in (111, 4321, 7777, 0)
        },
        "share of the largest label": {split: _majority(sst, split) for split in ("train", "test")},
        "share of padding, batches of 4 in the order of the file": round(share_of_padding(lengths, 4), 3),
        "share of padding, batches of similar length": round(
            statistics.mean(share_of_padding([lengths[i] for i in batch], 4) for batch in bucketed), 3
        ),
    }  # fmt: skip


def _ids(vocabulary: Vocabulary) -> dict[str, int]:
    words = ("film", "actor", "schwarzenegger", "spielberg")
    return dict(zip(words, vocabulary.encode(words), strict=True))


def _majority(data: Dataset, split: str) -> float:
    labels = Counter(example.label for example in data.splits[split])
    return round(max(labels.values()) / sum(labels.values()), 4)


def _second_version() -> Callable[[str], list[str]]:
    """SpaCy's English tokenizer with one rule of its second version: no cut at a hyphen after a digit."""
    from spacy.lang.char_classes import ALPHA, HYPHENS
    from spacy.lang.en import English
    from spacy.util import compile_infix_regex

    nlp = English()
    now = rf"(?<=[{ALPHA}0-9])(?:{HYPHENS})(?=[{ALPHA}])"
    then = rf"(?<=[{ALPHA}])(?:{HYPHENS})(?=[{ALPHA}])"
    assert now in nlp.Defaults.infixes, "spaCy has changed this rule again"
    infixes = [then if infix == now else infix for infix in nlp.Defaults.infixes]
    nlp.tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    return lambda text: [token.text for token in nlp.tokenizer(text)]


def jax(imdb: Dataset, data_dir: str) -> dict[str, Any]:
    """How many words have a vector, as they stand and put right."""
    known = set(read_vectors("glove.6B.100d", data_dir=data_dir).words)
    found = {}
    for way, flaws in (("as published", ["raw-words"]), ("put right", [])):
        settings = _settings("jax-birnn-imdb", *flaws)
        _, _, counts = _words(settings, imdb)
        words = build_from_counts(counts, settings.vocabulary).tokens
        found[way] = {
            "tokens": len(words),
            "share of the vocabulary with a vector": round(
                float(np.mean([word in known for word in words])), 3
            ),
            "share of the training words with a vector": round(
                sum(n for word, n in counts.items() if word in known) / sum(counts.values()), 3
            ),
        }
    return found


def tensorflow(imdb: Dataset) -> dict[str, Any]:
    """The vocabulary, ids, and the three round trips."""
    settings = _settings("tensorflow-imdb", "thousand-words", "tags-as-words")
    tokenizer, _, counts = _words(settings, imdb)
    vocabulary = build_from_counts(counts, settings.vocabulary)
    begins = (
        "This movie is just not worth your time. Its",
        "Dieter Bohlen, Germany",
        "Working-class romantic",
    )
    return {
        "tokens": len(vocabulary),
        "first 20": list(vocabulary.tokens[:20]),
        "ids of 'This movie is'": vocabulary.encode(tokenizer.tokens("This movie is")),
        "ids of 'romantic' and 'drama'": vocabulary.encode(["romantic", "drama"]),
        "round trips": [_round_trip(imdb, begin, tokenizer, vocabulary) for begin in begins],
        "id of 'graphics' is the unknown one": vocabulary.encode(["graphics"]) == [vocabulary.unknown_id],
    }


def _round_trip(data: Dataset, begin: str, tokenizer: Tokenizer, vocabulary: Vocabulary) -> Sequence[str]:
    text = next(example.text for example in data.splits["train"] if example.text.startswith(begin))
    back = vocabulary.decode(vocabulary.encode(tokenizer.tokens(text)))
    return [text[:70], " ".join(back[:22])]


if __name__ == "__main__":
    main(*sys.argv[1:])
