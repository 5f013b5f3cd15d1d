"""Every benchmark behind a figure of the README.

Usage: python benchmarks/run.py [DATA_DIR], where IMDB's archive and GloVe lie (default: TENOR_DATA).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from common import ROOT


def main(data_dir: str) -> None:
    """Run them one after the other: they would disturb each other."""
    here = Path(__file__).parent
    runs = [
        ["install.py"], ["start.py"], ["train.py", "polarity", data_dir], ["train.py", "imdb", data_dir],
        ["bits.py", data_dir], ["layers.py"], ["growth.py"], ["raw_text.py", data_dir],
        ["peers.py", data_dir], ["from_text.py", data_dir], ["learning.py", data_dir], ["peers_picture.py"],
        ["study.py", data_dir],
    ]  # fmt: skip
    for script, *arguments in runs:
        subprocess.run([sys.executable, here / script, *arguments], check=True, cwd=ROOT)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TENOR_DATA", "data"))
