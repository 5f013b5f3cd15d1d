"""The README's promises: its Python runs, its commands are real, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tenor.cli import build_parser

ROOT = Path(__file__).parent.parent
NAMES = "README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs/decisions.md docs/tutorials.md"
DOCUMENTS = [ROOT / name for name in NAMES.split()]
README = DOCUMENTS[0].read_text(encoding="utf-8")
PYTHON = re.findall(r"(?<!not run: needs a file of yours -->\n)```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.partition("  #")[0].partition(" > ")[0]
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("tenor ")
]
COMMANDS += [c for c in re.findall(r"`(tenor [^`]+)`", README) if "\n" not in c]


@pytest.mark.parametrize("code", PYTHON)
def test_python_in_the_readme_runs(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_readme_exist(command):
    arguments = shlex.split(command)[1:]
    if "--help" not in arguments:
        assert build_parser(arguments).parse_args(arguments).run


def test_the_readme_shows_python_and_commands():
    assert len(PYTHON) >= 1
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_tests_that_hold_what_is_promised_of_hostile_files_exist():
    named = re.findall(r"`((?:tests|src)/[^`]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) >= 10
    assert [name for name in named if not (ROOT / name).exists()] == []
