"""The same bits on another kind of processor: the core compiled for arm64, and run by an emulator."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tenor import native

ROOT = Path(__file__).parents[1]
NATIVE = ROOT / "src" / "tenor" / "native"
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
FLAGS = ["-O2", "-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-Wall", "-Wextra", "-Werror"]


def compiled(compiler: str, folder: Path, sources: dict[Path, list[str]]) -> Path:
    """The program of ``bits.c`` with the core in it: source → flags of its own."""
    folder.mkdir()
    objects = []
    for source, own in sources.items():
        objects.append(folder / f"{source.stem}.o")
        subprocess.run([compiler, *FLAGS, *own, "-c", source, "-o", objects[-1]], check=True)
    main, program = folder / "bits.o", ROOT / "tests" / "bits.c"
    c_compiler = compiler.replace("g++", "gcc")
    subprocess.run([c_compiler, "-O1", f"-I{NATIVE}", "-c", program, "-o", main], check=True)
    program = folder / "bits"
    subprocess.run([compiler, "-static", main, *objects, "-lpthread", "-o", program], check=True)
    return program


CPU = Path("/proc/cpuinfo")
WANTED = {
    "avx2": {"avx2", "fma", "f16c"},
    "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    "avx512vnni": {"avx512f", "avx512_vnni"},
    "avx512bf16": {"avx512_vnni", "avx512_bf16"},
    "amx": {"avx512_vnni", "amx_tile", "amx_int8", "amx_bf16"},
}


@pytest.mark.skipif(not (CPU.exists() and native.is_available()), reason="no core, or no Linux")
def test_what_the_processor_has_is_used():
    flags = set(CPU.read_text(encoding="utf-8").split())
    compiler = shutil.which("g++") or shutil.which("c++")

    def knows(*flags: str) -> bool:
        if compiler is None:
            return False
        tried = [compiler, *flags, "-E", "-x", "c++", os.devnull]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0

    may = ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0  # arch_prctl, of which a sandbox may know nothing
    compiled = {"avx512bf16": knows("-mavx512bf16"), "amx": may and knows("-mamx-bf16")}
    expected = {isa for isa, wanted in WANTED.items() if wanted <= flags and compiled.get(isa, True)}
    assert set(native.status().isas) == expected | {"base"}


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR) and shutil.which("g++")),
    reason="no cross-compiler or emulator: apt install g++-aarch64-linux-gnu qemu-user",
)
def test_arm64_gives_the_bits_of_every_instruction_set_here(tmp_path, isa_flags):
    every = {source: isa_flags.get(source.stem, []) for source in sorted(NATIVE.glob("*.cpp"))}
    general = {source: own for source, own in every.items() if not own}
    arm, here = compiled(COMPILER, tmp_path / "arm", general), compiled("g++", tmp_path / "here", every)
    found = subprocess.run([EMULATOR, arm], capture_output=True, text=True, check=True).stdout
    assert len(found.splitlines()) == 24 + 16 + 8 + 1  # layers, learning, by vectors, updates
    for isa in native.status().isas:
        done = subprocess.run([here], env={"TENOR_ISA": isa}, capture_output=True, text=True, check=True)
        assert done.stdout == found, isa
