"""The tests of the core once more, with a core that watches its own memory, arithmetic and threads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tenor import native

ROOT = Path(__file__).parents[1]
SANITIZERS = "address,undefined"
SAME = ["-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
# Programs linked without the sanitizers cannot load such a core, and processors are not told apart twice.
ELSEWHERE = (
    "c_example exports environment setting_that importing 2_ulp same_activations missing_library no_library"
)
# An editable installation would be found before the copy.
FIRST = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__]
"""


def build(sources: Path, folder: Path, isa_flags: dict[str, list[str]], watched: list[str]) -> list[Path]:
    """Compile every file of the core as CMakeLists.txt says, but watched."""

    def compiled(source: Path) -> Path:
        made = folder / f"{source.stem}.o"
        command = ["c++", *SAME, *watched, *isa_flags.get(source.stem, []), "-c", source, "-o", made]
        subprocess.run(command, check=True)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compiled, sorted(sources.glob("*.cpp"))))


@pytest.mark.slow
@pytest.mark.skipif(not native.is_available() or shutil.which("c++") is None, reason="no core or no compiler")
@pytest.mark.parametrize("sanitizers", [SANITIZERS, "thread"])
def test_reading_and_learning_with_threads_are_clean(tmp_path, isa_flags, sanitizers):
    watched = [f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-O1", "-g"]
    core = ROOT / "src" / "tenor" / "native"
    objects = build(core, tmp_path, isa_flags, watched)
    main, program = tmp_path / "bits.o", tmp_path / "bits"
    subprocess.run(["cc", *watched, f"-I{core}", "-c", ROOT / "tests" / "bits.c", "-o", main], check=True)
    subprocess.run(["c++", *watched, main, *objects, "-lpthread", "-o", program], check=True)
    answers = set()
    for isa in native.status().isas:
        environment = os.environ | {"TENOR_ISA": isa, "TENOR_THREADS": "4", "ASAN_OPTIONS": "detect_leaks=0"}
        done = subprocess.run([program], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, isa + done.stderr[-3000:]
        assert not done.stderr
        answers.add(done.stdout)
    assert len(answers) == 1


@pytest.fixture(scope="module")
def watched(tmp_path_factory, isa_flags):
    """The environment of a Python whose core watches its memory and arithmetic."""
    folder = tmp_path_factory.mktemp("watched")
    package = folder / "sources" / "tenor"
    shutil.copytree(ROOT / "src" / "tenor", package)
    (package.parent / "sitecustomize.py").write_text(FIRST)
    watched = [f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=undefined", "-O1", "-g", "-fPIC"]
    objects = build(package / "native", folder, isa_flags, watched)
    library = package / "native" / "libtenor_core.so"
    subprocess.run(["c++", "-shared", *watched, *objects, "-o", library, "-lpthread"], check=True)
    preload = [
        subprocess.run(
            ["c++", f"-print-file-name=lib{name}.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("asan", "ubsan")
    ]
    environment = os.environ | {
        "PYTHONPATH": str(package.parent),
        "LD_PRELOAD": " ".join(preload),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself gives not all of its memory back
    }
    where = run(["-c", "import tenor; print(tenor.__file__)"], environment)
    assert where.startswith(str(package))
    return environment


def run(arguments: list[str], environment: dict[str, str]) -> str:
    """What a Python prints that must succeed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


needs_preloading = pytest.mark.skipif(
    sys.platform != "linux" or not native.is_available() or shutil.which("c++") is None,
    reason="no core, no compiler, or not Linux, whose libraries are preloaded",
)


@pytest.mark.slow
@needs_preloading
def test_the_core_touches_no_memory_but_its_own_and_does_nothing_undefined(watched):
    files = ["tests/test_native.py", "tests/test_native_model.py", "tests/test_indexing.py"]
    chosen = " and ".join(f"not {name}" for name in ELSEWHERE.split())
    said = run(
        ["-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *files, "-k", chosen], watched
    )
    assert int(re.search(r"(\d+) passed", said).group(1)) > 500


@pytest.mark.slow
@needs_preloading
def test_random_work_touches_no_other_memory_either(watched):
    assert "cases with equal bits" in run(["tests/drive.py", "--minutes", "2"], watched)
