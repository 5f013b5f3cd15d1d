"""An LSTM from token ids to logits: Tenor beside PyTorch, ONNX Runtime and OpenVINO.

Usage: python benchmarks/peers.py DATA_DIR [--quick]

The same weights and the same film reviews for all, each peer in an environment of its own under
build/peers. Every setting of a peer is tried once, over a part of the texts; its best one of each
precision then runs in turns with Tenor: there and back again, full passes over real ids. The span
is from arrays of ids to logits; speed counts real tokens, padding is the peer's own loss.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import origin, save, wait_for_quiet
from workers import FOLDER, SCRIPTS, Worker, make_environment, python_of, ratio

from tenor import TextClassifier, native
from tenor.data import load

PEERS = {
    "torch": ["torch==2.13.0", "numpy==2.4.6"],
    "onnx": ["onnx==1.23.2", "onnxruntime==1.32.0", "numpy==2.4.6"],
    "openvino": ["openvino==2026.4.1", "numpy==2.4.6"],
}
NETWORKS = {
    "LSTM 100→256, both directions": (256, 2, 1),
    "… two layers": (256, 2, 2),
    "LSTM 100→128, forwards": (128, 1, 1),
}
"""Units, directions, layers."""
BATCHES = (32, 64, 128, 256)
SPREADS = ((1, 2), (2, 1))
"""Processes, and threads of each."""
ROUNDS = 8
HOPELESS = 3
"""How many times slower than a peer's float32 another precision of it is not tried further: some processors
have no instructions for it."""
TEXTS, PART = 400, 100
"""Reviews of a pass, and of the pass that chooses a peer's settings."""


class Setting(NamedTuple):
    """One way to run a peer."""

    peer: str
    precision: str
    processes: int
    threads: int
    batch: int = 0
    packed: bool = False

    @property
    def name(self) -> str:
        """For the table."""
        way = f"{self.processes} × {self.threads} threads"
        if self.batch:
            way += f", batches of {self.batch}"
        return f"{way}, packed" if self.packed else way


class Group:
    """The processes of one setting, which read a part of the texts each."""

    def __init__(self, setting: Setting, data: Path, folder: Path) -> None:
        """Start them and wait for their first pass.

        Raises:
            RuntimeError: the peer cannot do it here; the message is its own.
        """
        self.setting = setting
        command = [python_of(setting.peer), SCRIPTS / f"with_{setting.peer}.py"]
        environment = {"OMP_NUM_THREADS": str(setting.threads), "KMP_BLOCKTIME": "0"}
        self._workers = [
            Worker(
                [*command, json.dumps(setting._asdict() | {"part": part, "folder": str(folder)}), data],
                environment,
            )
            for part in range(setting.processes)
        ]
        answers = [worker.answer() for worker in self._workers]
        problems = [answer["error"] for answer in answers if "error" in answer]
        if problems:
            self.close()
            raise RuntimeError(problems[0])
        self.logits = np.empty(sum(len(answer["logits"]) for answer in answers))
        for part, answer in enumerate(answers):
            self.logits[part :: setting.processes] = answer["logits"]

    def round(self) -> tuple[float, float]:
        """One pass over all texts: seconds, and seconds of processors."""
        began = time.perf_counter()
        for worker in self._workers:
            worker.send("read")
        answers = [worker.answer() for worker in self._workers]
        return time.perf_counter() - began, sum(answer["cpu_s"] for answer in answers)

    def alone(self) -> list[float]:
        """Milliseconds of one text of 20 tokens, many times."""
        self._workers[0].send("alone")
        found: list[float] = self._workers[0].answer()["alone_ms"]
        return found

    def close(self) -> None:
        """Let them end."""
        for worker in self._workers:
            worker.close()


def settings_of(peer: str) -> Iterator[Setting]:
    """Every setting of a peer that is tried."""
    precisions = {"torch": ("float32", "bf16"), "onnx": ("float32", "int8"), "openvino": ("float32", "bf16")}
    for precision, (processes, threads), batch in itertools.product(precisions[peer], SPREADS, BATCHES):
        for packed in (False, True) if peer == "torch" else (False,):
            yield Setting(peer, precision, processes, threads, batch, packed)


def write_data(
    place: Path, texts: Sequence[np.ndarray[Any, Any]], hidden: int, directions: int, layers: int
) -> None:
    """Ids of texts, and a network with random weights, by the names that PyTorch gives them."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray[Any, Any]:
        return rng.uniform(-1 / hidden**0.5, 1 / hidden**0.5, shape).astype(np.float32)

    arrays = {"embedding": rng.normal(0, 0.4, (1 + max(map(max, texts)), 100)).astype(np.float32)}
    for layer, reverse in itertools.product(range(layers), ("", "_reverse")[:directions]):
        suffix = f"l{layer}{reverse}"
        arrays[f"weight_ih_{suffix}"] = draw(4 * hidden, directions * hidden if layer else 100)
        arrays[f"weight_hh_{suffix}"] = draw(4 * hidden, hidden)
        arrays[f"bias_ih_{suffix}"] = draw(4 * hidden)
        arrays[f"bias_hh_{suffix}"] = draw(4 * hidden)
    arrays["head"] = draw(1, directions * hidden)
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    np.savez(place, token_ids=np.concatenate(texts), offsets=offsets, **arrays)


def choose(data: Path, folder: Path, tokens: int, *, quick: bool) -> tuple[list[Setting], dict[str, Any]]:
    """The best setting of each peer and precision, and the tokens a second of all that were tried."""
    best: dict[tuple[str, str], tuple[float, Setting]] = {}
    tried: dict[str, Any] = {}
    for peer in PEERS:
        for setting in settings_of(peer):
            if quick and setting.batch != 64:
                continue
            key = (setting.peer, setting.precision)
            name = f"{setting.peer} {setting.precision}"
            if isinstance(tried.get(name), str):
                continue  # it cannot
            exact = best.get((setting.peer, "float32"))
            if key in best and exact and best[key][0] < exact[0] / HOPELESS:
                continue
            try:
                group = Group(setting, data, folder)
            except RuntimeError as error:
                tried[name] = f"not here: {error}"
                print(name, tried[name], flush=True)
                continue
            speed = tokens / group.round()[0]
            group.close()
            tried.setdefault(name, {})[setting.name] = round(speed)
            print(name, setting.name, f"{speed:,.0f} tokens/s", flush=True)
            if key not in best or speed > best[key][0]:
                best[key] = (speed, setting)
    worth = [
        setting for speed, setting in best.values() if speed > best[setting.peer, "float32"][0] / HOPELESS
    ]
    return worth, tried


def compare(settings: Sequence[Setting], data: Path, folder: Path, tokens: int) -> dict[str, Any]:
    """Rounds in turns, there and back again."""
    groups = [Group(setting, data, folder) for setting in settings]
    seconds: dict[Setting, list[float]] = {setting: [] for setting in settings}
    used: dict[Setting, list[float]] = {setting: [] for setting in settings}
    for number in range(ROUNDS):
        for group in groups if number % 2 == 0 else reversed(groups):
            wall, cpu = group.round()
            seconds[group.setting].append(wall)
            used[group.setting].append(cpu)
            print(number, group.setting.peer, group.setting.precision, f"{wall:.3f} s", flush=True)
    reference = groups[0].logits
    figures: dict[str, Any] = {}
    for group in groups:
        setting = group.setting
        exact = setting.packed or setting.peer != "torch"
        figures[f"{setting.peer} {setting.precision}"] = {
            "setting": setting.name,
            "tokens/s": round(tokens / float(np.median(seconds[setting]))),
            "processor seconds a million tokens": round(1e6 * float(np.median(used[setting])) / tokens, 2),
            "largest difference of a logit": round(float(np.abs(group.logits - reference).max()), 5)
            if exact
            else "reads its padding",
        }
        group.close()
    for mine, other in itertools.product(settings, settings):
        if mine.peer == "tenor" and other.peer != "tenor":
            name = f"tenor {mine.precision} to {other.peer} {other.precision}"
            figures[name] = ratio(seconds[other], seconds[mine])
    return figures


def percentiles(times: Sequence[float]) -> str:
    """The median and the 99th percentile."""
    return f"{np.percentile(times, 50):.3f} (99 % within {np.percentile(times, 99):.3f})"


def latency(data: Path, folder: Path) -> dict[str, str]:
    """One text of 20 tokens on one thread, warm: each peer in float32, Tenor in both."""
    found = {}
    for setting in (
        *(Setting("tenor", precision, 1, 1) for precision in ("float32", "int8")),
        *(Setting(peer, "float32", 1, 1, 1, packed=peer == "torch") for peer in PEERS),
        Setting("onnx", "int8", 1, 1, 1),
    ):
        group = Group(setting, data, folder)
        found[f"{setting.peer} {setting.precision}"] = percentiles(group.alone())
        group.close()
    return found


def main() -> None:
    """Measure both networks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--quick", action="store_true", help="try batches of 64 only")
    args = parser.parse_args()
    measured = origin()
    for peer, packages in PEERS.items():
        make_environment(peer, packages)
    load_before = wait_for_quiet()
    reviews = load("imdb", data_dir=args.data_dir).splits["test"][:: 25_000 // TEXTS]
    reader = TextClassifier.load()._indexer
    batch = reader.index([review.text for review in reviews]).batch
    texts = [batch.token_ids[a:b] for a, b in itertools.pairwise(batch.offsets)]
    figures: dict[str, Any] = {
        "load before": load_before,
        "texts": len(texts),
        "tokens": len(batch.token_ids),
    }
    for precision in ("float32", "int8"):
        figures[f"roof, multiply-adds/s on two threads, {precision}"] = (
            f"{native.roof(precision, threads=2):.3g}"
        )
    for name, (hidden, directions, layers) in NETWORKS.items():
        folder = FOLDER / f"lstm{hidden}x{layers}"
        folder.mkdir(exist_ok=True)
        whole, part = folder / "whole.npz", folder / "part.npz"
        write_data(whole, texts, hidden, directions, layers)
        write_data(part, texts[:: TEXTS // PART], hidden, directions, layers)
        subprocess.run([python_of("onnx"), SCRIPTS / "with_onnx.py", whole, folder], check=True)
        best, tried = choose(part, folder, sum(map(len, texts[:: TEXTS // PART])), quick=args.quick)
        mine = [Setting("tenor", precision, 1, 2) for precision in ("float32", "int8")]
        found = compare([*mine, *best], whole, folder, len(batch.token_ids))
        work = len(batch.token_ids) * layers * directions * 4 * hidden * hidden
        figures[name] = {
            "multiply-adds of the states' products": f"{work:.3g}",
            **found,
            "20 tokens alone on one thread, ms": latency(whole, folder),
            "tokens/s of every setting, over fewer texts": tried,
        }
    save(f"peers-{native.status().isa}", figures, measured)


if __name__ == "__main__":
    main()
