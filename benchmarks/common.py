"""What every benchmark shares: where results go, and what they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BIN = Path(sys.executable).parent


def save(name: str, figures: dict[str, Any]) -> None:
    """Print figures and keep them with the machine, the versions and the commit they stand for."""
    print(json.dumps(figures, indent=2))
    RESULTS.mkdir(exist_ok=True)
    record = {"command": f"python benchmarks/{name}.py", **origin(), "figures": figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def origin() -> dict[str, Any]:
    """Machine, versions and commit."""
    return {
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "--porcelain", "src") else ""),
        "machine": f"{os.cpu_count()} cores of {_processor()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in ("numpy", "safetensors", "torch")},
    }


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
