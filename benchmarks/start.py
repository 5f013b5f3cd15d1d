"""How long starting takes: imports, help, the first label. Medians of interleaved runs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from common import BIN, save

RUNS = 21
COMMANDS = {
    "python_s": [sys.executable, "-c", "pass"],
    "import_numpy_s": [sys.executable, "-c", "import numpy"],
    "import_tenor_s": [sys.executable, "-c", "import tenor"],
    "import_classifier_s": [sys.executable, "-c", "from tenor import TextClassifier"],
    "help_s": [str(BIN / "tenor"), "--help"],
    "predict_s": [str(BIN / "tenor"), "predict", "This film is terrible"],
}


def main() -> None:
    """Run each command in turn, RUNS times, after one unmeasured turn."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(RUNS + 1):
        for name, command in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"TENOR_DATA": ""}
            )
            if turn:
                times[name].append(time.perf_counter() - began)
    figures = {name: round(statistics.median(values), 4) for name, values in times.items()}
    figures["classifier_over_numpy_s"] = round(figures["import_classifier_s"] - figures["import_numpy_s"], 4)
    save("start", figures)


if __name__ == "__main__":
    main()
