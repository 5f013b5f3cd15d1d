"""What users are told: names, what an import costs and loads, and which way modules may look."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tenor

SOURCE = Path(tenor.__file__).parent
PATH = [
    "errors", "section", "config", "precision", "tokenizer", "batching", "spelled", "vocabulary", "native",
    "indexing", "forking", "cells", "encoder", "pooling", "head", "ngrams", "scorer", "prediction", "model",
    "atomic", "untrusted", "artifact", "reading", "classifier",
]  # fmt: skip
"""The path of one prediction: a module imports only what stands before it."""


def imports(module):
    """Modules of Tenor that a module, or any file of a package, imports at any depth of its code."""
    place = SOURCE / f"{module}.py"
    files = [place] if place.exists() else sorted((SOURCE / module).rglob("*.py"))
    found = set()
    for node in (n for file in files for n in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "tenor":
            found |= {f"tenor.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.split(".")[1] for name in found if name.startswith("tenor.")}


def loaded_by(code):
    """Which heavy packages a fresh interpreter has loaded after running the code."""
    code += "\nimport sys\nprint(sorted({'torch', 'tqdm', 'numpy', 'safetensors'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("module", PATH)
def test_the_path_of_a_prediction_only_looks_back(module):
    allowed = set(PATH[: PATH.index(module)]) | {module}
    assert imports(module) <= allowed


def test_only_training_layers_and_lessons_import_pytorch():
    for file in SOURCE.rglob("*.py"):
        if not {"training", "nn", "lessons"} & set(file.relative_to(SOURCE).parts):
            names = {node.names[0].name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                     if isinstance(node, ast.Import)}  # fmt: skip
            assert "torch" not in names, file


def test_public_names_are_all_there():
    assert sorted(tenor.__all__) == tenor.__all__
    assert [name for name in tenor.__all__ if getattr(tenor, name, None) is None] == []


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import tenor") == "[]"


def test_a_prediction_loads_no_pytorch(model_folder):
    code = f"import tenor; tenor.TextClassifier.load({str(model_folder)!r}).predict(['good'])"
    assert loaded_by(code) == "['numpy', 'safetensors']"


def test_training_in_the_core_loads_no_pytorch(tmp_path):
    rows = "".join(
        f"{text},{label}\n" for text, label in [("a good film", "good"), ("a bad film", "bad")] * 10
    )
    (tmp_path / "films.csv").write_text("text,label\n" + rows, encoding="utf-8")
    train = ["train", str(tmp_path / "films.csv"), "-o", str(tmp_path / "model"), "--epochs", "1"]
    code = f"import tenor.cli; assert tenor.cli.main({train}) == 0"
    assert "torch" not in loaded_by(code)


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["predict"], ["nonsense"]])
def test_help_and_wrong_arguments_load_nothing_heavy(arguments):
    assert loaded_by(f"import tenor.cli; tenor.cli.main({arguments!r})") == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'classify'"):
        tenor.classify  # noqa: B018


def test_the_map_of_contributing_has_every_module():
    told = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    modules = [path for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    missing = [path.name for path in modules if not path.name.startswith("__") and path.name not in told]
    assert missing == []
