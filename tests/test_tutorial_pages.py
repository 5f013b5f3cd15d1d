"""Every code block of the tutorials' pages runs, and every command in them exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tenor.cli import build_parser

FOLDER = Path(__file__).parent.parent / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))
FENCED = {
    page: re.findall(r"```(python|sh)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for page in PAGES
}
BLOCKS = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page, blocks in FENCED.items()
    for number, (kind, code) in enumerate(blocks)
    if kind == "python"
]
COMMANDS = [
    line.partition("  #")[0].strip()
    for blocks in FENCED.values()
    for kind, block in blocks
    if kind == "sh"
    for line in block.splitlines()
    if line.startswith("tenor ")
]


def test_there_is_a_page_for_each_tutorial():
    assert [page.stem[0] for page in PAGES] == ["1", "2", "3", "4", "5"]
    assert len(BLOCKS) >= 15
    assert len(COMMANDS) >= 15


@pytest.mark.parametrize("code", BLOCKS)
def test_a_code_block_of_a_page_runs(code, capsys):
    exec(compile(code, "page", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_a_page_exists(command):
    arguments = shlex.split(command)[1:]
    assert build_parser(arguments).parse_args(arguments).run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_pictures_of_a_page_are_there(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
