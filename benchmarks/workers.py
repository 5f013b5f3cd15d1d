"""What benchmarks beside other libraries share: their environments, their processes, ratios of rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT

FOLDER = ROOT / "build" / "peers"
"""Where environments and what is given to peers lie."""
SCRIPTS = ROOT / "benchmarks" / "peers"
_PATIENCE_S = 30


class Worker:
    """A process that says a line of JSON when it has begun, and one for each line that it is sent."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )

    def send(self, line: str) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next line of it; ``error`` where it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with status {self._process.wait()}"}

    def close(self) -> None:
        """Let it end, but no longer than ``_PATIENCE_S``: a peer may wait for threads of its own for ever."""
        try:
            self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def python_of(peer: str) -> Path:
    """The interpreter that has a peer; Tenor's is this one."""
    return Path(sys.executable) if peer == "tenor" else FOLDER / peer / "bin" / "python"


def make_environment(peer: str, packages: Sequence[str]) -> None:
    """Make what a peer needs, unless it is there."""
    if not python_of(peer).exists():
        place = FOLDER / peer
        print(f"making {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "-q", *packages], check=True)


def ratio(slow: Sequence[float], fast: Sequence[float]) -> str:
    """Ratio of medians with the 95 % interval of 2,000 bootstrap samples of the rounds."""
    rng = np.random.default_rng(0)
    both = np.array([slow, fast])
    drawn = both[:, rng.integers(0, both.shape[1], (2000, both.shape[1]))]
    ratios = np.median(drawn[0], axis=1) / np.median(drawn[1], axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return f"{np.median(slow) / np.median(fast):.2f} ({low:.2f} to {high:.2f})"
