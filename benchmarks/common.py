"""What every benchmark shares: where results go, and what they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TABLE = ROOT / "docs" / "benchmarks.md"
BIN = Path(sys.executable).parent
_QUIET = 0.2
"""Processes that run or wait, as a mean of the last minute."""
_PATIENCE_S = 600


def save(name: str, figures: dict[str, Any], measured: dict[str, Any] | None = None, **more: Any) -> None:
    """Print figures, keep them with machine, versions and commit, and make the table of all anew.

    Args:
        name: of the result; with the instruction set in it, where much hangs on that.
        figures: what was measured.
        measured: where it began, as ``origin`` says; None asks now.
        more: to be kept, but not in the table.
    """
    print(json.dumps(figures, indent=2))
    RESULTS.mkdir(exist_ok=True)
    record = {"command": _command(), **(measured or origin()), "figures": figures, **more}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")


def table() -> str:
    """All committed results, in Markdown."""
    parts = [
        "# Benchmarks\n\nMade by `make bench` from the JSON in `benchmarks/results/`. A + after a "
        "commit: with changes to it."
    ]
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        versions = ", ".join(f"{name} {version}" for name, version in record["packages"].items())
        parts.append(
            f"## {path.stem}\n\n`{record['command']}` at commit {record['commit']}, on "
            f"{record['machine']}, Python {record['python']}, {versions}\n"
        )
        parts.append("| figure | |\n|---|---|\n" + "\n".join(_rows(record["figures"])))
    return "\n\n".join(parts) + "\n"


def _rows(figures: dict[str, object], prefix: str = "") -> list[str]:
    rows = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{name} · ")
        else:
            rows.append(f"| {prefix}{name} | {value} |")
    return rows


def origin() -> dict[str, Any]:
    """Machine, versions and commit."""
    return {
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "--porcelain", "src") else ""),
        "machine": f"{os.cpu_count()} cores of {_processor()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in ("numpy", "safetensors", "torch")},
    }


def wait_for_quiet() -> float:
    """Wait until the machine has had nothing to do for minutes, 10 at most: its load then."""
    until = time.monotonic() + _PATIENCE_S
    while os.getloadavg()[0] >= _QUIET and time.monotonic() < until:
        time.sleep(5)
    return os.getloadavg()[0]


def _command() -> str:
    """What was typed, with folders of this machine as DATA_DIR."""
    words = ["DATA_DIR" if Path(word).is_dir() else word for word in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].partition(":")[2].strip() if names else platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
