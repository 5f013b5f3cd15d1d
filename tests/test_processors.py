"""The same bits on another kind of processor: the core compiled for arm64, and run by an emulator."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tenor import native

NATIVE = Path(native.__file__).parent
ROOT = Path(__file__).parents[1]
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
FLAGS = ["-O2", "-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-Wall", "-Wextra", "-Werror"]


def compiled(compiler: str, folder: Path, *, isas: bool) -> Path:
    """The program of ``bits.c`` with the core in it; ``isas`` adds those of x86-64."""
    folder.mkdir()
    extra = {"isa_avx2": ["-mavx2", "-mfma", "-mf16c"]}
    extra["isa_avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"]
    objects = []
    for source in sorted((ROOT / "src" / "tenor" / "native").glob("*.cpp")):
        if source.stem in extra and not isas:
            continue
        objects.append(folder / f"{source.stem}.o")
        subprocess.run(
            [compiler, *FLAGS, *extra.get(source.stem, []), "-c", source, "-o", objects[-1]], check=True
        )
    main = folder / "bits.o"
    include = ROOT / "src" / "tenor" / "native"
    subprocess.run(
        [compiler.replace("g++", "gcc"), "-O1", f"-I{include}", "-c", ROOT / "tests" / "bits.c", "-o", main],
        check=True,
    )
    program = folder / "bits"
    subprocess.run([compiler, "-static", main, *objects, "-lpthread", "-o", program], check=True)
    return program


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR) and shutil.which("g++")),
    reason="no cross-compiler or emulator: apt install g++-aarch64-linux-gnu qemu-user",
)
def test_arm64_gives_the_bits_of_every_instruction_set_here(tmp_path):
    arm = compiled(COMPILER, tmp_path / "arm", isas=False)
    here = compiled("g++", tmp_path / "here", isas=True)
    found = subprocess.run([EMULATOR, arm], capture_output=True, text=True, check=True).stdout
    assert len(found.splitlines()) == 24
    for isa in native.status().isas:
        done = subprocess.run([here], env={"TENOR_ISA": isa}, capture_output=True, text=True, check=True)
        assert done.stdout == found, isa
