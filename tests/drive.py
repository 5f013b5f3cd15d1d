"""The compiled core, driven with random layers, models, texts and trainings until the time is up.

Usage: python tests/drive.py [--minutes M] [--seed S] [--case N]

Each instruction set of this processor has a process of its own; all go through the same cases, and what
they find must have the same bits. Within a case, texts alone are held against texts together, ids against
vectors, and floats against NumPy. A case that fails is named, and --case N runs it alone.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from samples import owned
from tenor import TextClassifier, native
from tenor.config import ModelConfig, TokenizerConfig, VocabularyConfig
from tenor.errors import InputError
from tenor.model import Model, weight_shapes
from tenor.native import Gating
from tenor.native.training import Arithmetic, LayerPass, Learner, kept_width, number_type
from tenor.precision import PRECISIONS
from tenor.tokenizer import Tokenizer
from tenor.vocabulary import build_from_words
from test_indexing import CONFIGS, WORDS, assert_same_tokens, reader
from test_native import ABOVE, CELLS, Case, assert_same_bits, joined

Random = np.random.Generator
Arrays = list[Any]

PIECES = [*WORDS, *"aAZ09_'’<>/ \n\u03a3\u0130\u0301\u200d\u7535\ud83d.", "<br />", "</p", " good", " bad"]
POOLINGS = [("last",), ("first_last", "max"), ("mean",), ("mean", "max", "last_word"), ("attention", "max")]
LEARNT = [settings for settings in CELLS if "precision" not in settings]


def a_size(rng: Random, most: int) -> int:
    """Small ones as often as large ones."""
    return int(most ** rng.random())


def some_lengths(rng: Random) -> list[int]:
    """Of up to 200 texts; some have no words, and one may be long."""
    lengths = rng.integers(0, a_size(rng, 60) + 1, a_size(rng, 200)).tolist()
    return [*lengths, int(rng.integers(0, 3000))] if rng.random() < 0.1 else lengths


def a_layer(rng: Random) -> Arrays:
    """Reads texts with one layer."""
    settings = [*CELLS, *ABOVE][rng.integers(len(CELLS) + len(ABOVE))]
    case = Case(a_size(rng, 300), a_size(rng, 300), lengths=some_lengths(rng), **settings)
    options = {
        "reverse": bool(rng.integers(2)),
        "initial": case.initial if rng.integers(2) else None,
    }
    found = case.read(**options)
    if not settings.get("above"):
        assert_same_bits(case.read(folded=a_size(rng, 1 << 22), **options), found)
    row = rng.integers(len(case.texts))
    begin = None if options["initial"] is None else [part[row : row + 1] for part in case.initial]
    alone = case.read([case.texts[row]], reverse=options["reverse"], initial=begin)
    assert_same_bits(alone[1:], [part[row : row + 1].copy() for part in found[1:]])
    if "precision" not in settings and max(map(len, case.texts)) < 100:
        for one, other in zip(case.comparable(found), case.reference(**options), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max(initial=1))
    return list(found)


def a_model(rng: Random) -> Arrays:
    """Scores texts with a whole model."""
    settings: dict[str, Any] = dict(LEARNT[rng.integers(len(LEARNT))])
    if rng.integers(2):
        settings |= {"ngrams": 1024, "ngram_order": int(rng.integers(1, 4))}
        settings |= {"char_ngrams": int(rng.integers(0, 6))}
    config = ModelConfig(
        embedding_dim=a_size(rng, 40),
        hidden_sizes=tuple(a_size(rng, 40) for _ in range(rng.integers(1, 4))),
        bidirectional=bool(rng.integers(2)),
        pooling=POOLINGS[rng.integers(len(POOLINGS))],
        head_hidden=int(rng.integers(0, 2)) * 7,
        **settings,
    )
    vocabulary = build_from_words(WORDS, VocabularyConfig())
    labels = tuple(map(str, range(rng.integers(2, 12))))
    shapes = weight_shapes(config, vocab_size=len(vocabulary), num_labels=len(labels))
    sizes = {
        name: 1 if name.startswith("embedding") else 0.5 / shape[-1] ** 0.5 for name, shape in shapes.items()
    }
    weights = {name: rng.normal(0, size, shapes[name]).astype(np.float32) for name, size in sizes.items()}
    model = Model(
        tokenizer=TokenizerConfig(),
        vocabulary=vocabulary,
        config=config,
        labels=labels,
        weights=owned(weights, config, len(vocabulary)),
    ).at(PRECISIONS[rng.integers(len(PRECISIONS))])
    classifier = TextClassifier(model)
    texts = [a_string(rng) for _ in range(a_size(rng, 100))]
    found = classifier.predict_logits(texts)
    row = rng.integers(len(texts))
    assert_same_bits(classifier.predict_logits([texts[row]]), found[row : row + 1])
    if model.precision == "float32":
        expected = TextClassifier(model, runtime="numpy").predict_logits(texts)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max(initial=1))
    return [found]


def a_string(rng: Random) -> str:
    """Of words, pieces of markup and any characters, lone surrogates too."""
    pieces = rng.integers(0, len(PIECES) + 8, a_size(rng, 200)).tolist()
    return "".join(
        PIECES[at] if at < len(PIECES) else chr(int(0x110000 ** rng.random()) - 1) for at in pieces
    )


def a_text(rng: Random) -> Arrays:
    """Cuts texts into words."""
    config = CONFIGS[rng.integers(len(CONFIGS))]
    both = Tokenizer(config), build_from_words(WORDS, VocabularyConfig(max_size=None)), reader(config)
    texts = [a_string(rng) for _ in range(20)]
    for text in texts:
        assert_same_tokens(both, text)
    return [both[2].tokenize(text).token_ids for text in texts]


def a_learning(rng: Random) -> Arrays:
    """Reads texts forwards and gradients backwards."""
    settings = LEARNT[rng.integers(len(LEARNT))]
    kind = settings["cell"]
    gating = Gating(
        settings.get("window") == 2, *(settings.get(n, False) for n in ("input_gate", "output_gate", "skip"))
    )
    gates = {"lstm": 4, "gru": 3, "rnn": 1}.get(kind, 2 + gating.input_gate + gating.output_gate)
    known, hidden = a_size(rng, 300), a_size(rng, 120)
    weight = 1 / np.float32(
        hidden if settings.get("activation") == "relu" else 2 * hidden**0.5
    )  # or states explode
    lengths = some_lengths(rng)
    ids, offsets = joined([rng.integers(0, known, n).astype(np.int32) for n in lengths])

    precision: Arithmetic = ("float32", "bf16", "float64")[rng.integers(3)]

    def numbers(*shape: int) -> Any:
        return rng.normal(size=shape).astype(number_type(precision))

    def unwritten(_: str, shape: tuple[int, ...]) -> Any:
        return np.full(shape, np.nan, number_type(precision))

    by_vector, elsewhere = kind != "linear" and rng.integers(2), rng.integers(2)
    inputs = a_size(rng, 200)
    one = LayerPass(
        cell=kind,
        activation=settings.get("activation", "tanh"),
        reverse=bool(rng.integers(2)),
        hidden=hidden,
        offsets=offsets,
        shares=None if by_vector else numbers(known, (gates + (kind == "linear" and gating.skip)) * hidden),
        row_of=None if by_vector else ids,
        x=numbers(len(ids), inputs) if by_vector else None,
        weight_ih=numbers(gates * hidden, inputs) / np.float32(inputs**0.5) if by_vector else None,
        bias=numbers(gates * hidden) if by_vector and rng.integers(2) else None,
        gating=gating if kind == "linear" else None,
        given=numbers(known, gates * hidden) if gating.previous else None,
        weight_hh=None if kind == "linear" else numbers(gates * hidden, hidden).clip(-1, 1) * weight,
        precision=precision,
        state_bias=numbers(hidden) if kind == "gru" else None,
        truncate=int(rng.integers(1, 40)) if rng.integers(2) else None,
        sums=bool(rng.integers(2)),
        searches=bool(rng.integers(2)),
        states=unwritten("", (len(ids), hidden)),
        d_states=[numbers(len(ids), hidden) for _ in range(rng.integers(2 if kind == "linear" else 3))],
        room=unwritten,
        kept=unwritten("", (max(known, len(ids)), kept_width(kind, gating, hidden))) if elsewhere else None,
    )
    learner = Learner()
    learner.forward([one])
    for name in ("final", "start", "total", "largest"):
        of_largest = name == "largest" and elsewhere and kind != "linear"  # the learner alone knows where
        if rng.integers(2) and getattr(one, name) is not None and not of_largest:
            one.add_gradient(name, numbers(len(lengths), hidden))
    (Learner() if elsewhere else learner).backward([one])
    read = [one.states, one.final, one.start, one.total, one.largest]
    gradients = [
        one.d_shares,
        one.d_given,
        one.d_x,
        one.d_weight_ih,
        one.d_weight_hh,
        one.d_bias,
        one.d_state_bias,
    ]
    found = [array for array in (*read, *gradients) if array is not None and array.size]
    assert all(np.isfinite(array).all() for array in found)
    return found


def a_refusal(rng: Random) -> Arrays:
    """Is asked for what makes no sense."""
    case = Case(a_size(rng, 20), a_size(rng, 20), lengths=[3, 0, 5])
    layer = case.layer()
    layer.fold(case.vectors, size_bytes=a_size(rng, 1 << 20))
    ids, offsets = joined(case.texts)
    wrong_ids, wrong_offsets = ids.copy(), offsets.copy()
    wrong_ids[rng.integers(len(ids))] = rng.choice([-1, len(case.vectors), 2**31 - 1, -(2**31)])
    wrong_offsets[rng.integers(len(offsets))] += rng.choice([-(2**40), -9, 9, 2**62])
    for bad in ((wrong_ids, offsets), (ids, wrong_offsets), (ids[:-1], offsets)):
        try:
            layer.forward(*bad)
        except InputError:
            continue
        raise AssertionError(f"{bad} was read")
    return list(layer.forward(ids, offsets))


KINDS: tuple[Callable[[Random], Arrays], ...] = (a_layer, a_model, a_learning, a_text, a_refusal)


def go_through(seed: int, numbers: Iterable[str]) -> None:
    """Print a line of each case that is asked for, with a sum of the bits that it found."""
    for number in map(int, numbers):
        rng = np.random.default_rng([seed, number])
        native.set_threads(int(rng.integers(1, 5)))
        kind = KINDS[number % len(KINDS)]
        bits = 0
        for array in kind(rng):
            bits = zlib.crc32(np.ascontiguousarray(array).tobytes(), bits)
        print(number, kind.__name__, bits, flush=True)


def drive(seed: int, minutes: float, case: int | None) -> str | None:
    """Go through cases on every instruction set; what went wrong, or None."""
    command = [sys.executable, __file__, "--within", "--seed", str(seed)]
    isas = native.status().isas
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, env=os.environ | {"TENOR_ISA": isa}, **pipes) for isa in isas]
    until, done = time.monotonic() + 60 * minutes, Counter[str]()
    try:
        for number in itertools.count() if case is None else (case,):
            for process in processes:
                process.stdin.write(f"{number}\n")
                process.stdin.flush()
            lines = [process.stdout.readline() for process in processes]
            if not all(lines):
                which = ", ".join(isa for isa, line in zip(isas, lines, strict=True) if not line)
                return (
                    f"case {number} failed with {which}: python tests/drive.py --seed {seed} --case {number}"
                )
            if len(set(lines)) > 1:
                answers = dict(zip(isas, map(str.strip, lines), strict=True))
                return f"case {number} differs: {answers}; --seed {seed} --case {number} runs it alone"
            done[lines[0].split()[1]] += 1
            if time.monotonic() > until:
                break
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    counts = ", ".join(f"{count} of {name}" for name, count in sorted(done.items()))
    print(f"seed {seed}: {sum(done.values())} cases with equal bits on {', '.join(isas)}: {counts}")
    return None


def main() -> int:
    """Drive the core."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this one")
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.within:
        go_through(args.seed, sys.stdin)
        return 0
    failed = drive(args.seed, args.minutes, args.case)
    if failed:
        print(failed, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
