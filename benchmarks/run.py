"""Every benchmark behind a figure of the README, then the table of all of them.

Usage: python benchmarks/run.py [DATA_DIR], where IMDB's archive and GloVe lie (default: TENOR_DATA).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from common import RESULTS, ROOT

TABLE = ROOT / "docs" / "benchmarks.md"


def main(data_dir: str) -> None:
    """Run them one after the other: they would disturb each other."""
    here = Path(__file__).parent
    runs = [
        ["install.py"], ["start.py"], ["train.py", "polarity", data_dir], ["train.py", "imdb", data_dir],
        ["bits.py", data_dir],
    ]  # fmt: skip
    for script, *arguments in runs:
        subprocess.run([sys.executable, here / script, *arguments], check=True, cwd=ROOT)
    TABLE.write_text(table(), encoding="utf-8")
    print(f"wrote {TABLE}")


def table() -> str:
    """All committed results, in Markdown."""
    parts = ["# Benchmarks\n\nMade by `make bench` from the JSON in `benchmarks/results/`."]
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


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TENOR_DATA", "data"))
