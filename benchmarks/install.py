"""How much a core installation takes: a fresh environment, and the size of what pip put there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, save


def main() -> None:
    """Install without extras into a new environment and weigh each distribution."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        site = next(Path(folder, "lib").glob("python3*/site-packages"))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", f"{folder}/bin/python"]
        constraints = ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, "install", "-q", "--no-compile", *constraints, str(ROOT)], check=True)
        sizes = {path.name: _megabytes(path) for path in sorted(site.iterdir())}
    tenor = sum(size for name, size in sizes.items() if name.startswith("tenor"))
    save(
        "install", {"total_mb": round(sum(sizes.values()), 1), "tenor_mb": round(tenor, 1), "parts_mb": sizes}
    )


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return round(sum(file.stat().st_size for file in files) / 1e6, 2)


if __name__ == "__main__":
    main()
