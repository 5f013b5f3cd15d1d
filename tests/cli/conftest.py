"""Ways to call the command line: in this process, in another, and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import struct
import subprocess
import sys
import termios
from typing import NamedTuple

import pytest

from tenor import TextClassifier
from tenor.cli import main

COMMAND = [sys.executable, "-m", "tenor"]
FILLER = ["the", "film", "is", "a", "story", "of", "people", "and", "it", "was", "seen", "by", "us"]
SPEAKING = {"positive": ["good", "great", "fine", "lovely"], "negative": ["bad", "awful", "dull", "boring"]}


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def tenor(capsys):
    """A function that runs a command in this process, where standard output is no terminal."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture
def process():
    """A function that runs a command in a process of its own; arguments and input may be bytes."""

    def run(*arguments, stdin=b"", **variables):
        found = subprocess.run(
            [*COMMAND, *arguments], input=stdin, capture_output=True, env=os.environ | variables, timeout=60
        )
        return Done(found.returncode, found.stdout.decode(), found.stderr.decode())

    return run


@pytest.fixture
def terminal():
    """A function that runs a command whose standard output is a terminal."""

    def run(*arguments, width=80, **variables):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        variables = {"NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"} | variables
        env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | variables
        with subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=theirs,
            stderr=subprocess.PIPE, env=env,
        ) as running:  # fmt: skip
            os.close(theirs)
            out = _all_of(ours)
            err = running.stderr.read().decode()
        return Done(running.returncode, out.decode().replace("\r\n", "\n"), err)

    return run


def _all_of(terminal):
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # how Linux says that the other end was closed
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts)
        parts.append(part)


@pytest.fixture
def save(tiny, tmp_path):
    """A function that saves a small model, with labels or settings of its own, and gives its folder."""

    def make(name="saved", **settings):
        TextClassifier(tiny(**settings)).save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def reviews(tmp_path):
    """A table of 60 short reviews, each with one word that gives its label away."""
    generator = random.Random(0)
    rows = ["text,label"]
    for number in range(60):
        label = ("negative", "positive")[number % 2]
        words = [*generator.choices(FILLER, k=5), generator.choice(SPEAKING[label])]
        rows.append(" ".join(words) + f",{label}")
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
