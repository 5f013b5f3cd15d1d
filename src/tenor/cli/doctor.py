"""``tenor doctor``: what works here, what does not, and what to type."""

from __future__ import annotations

import argparse
import platform
from importlib import metadata
from importlib.util import find_spec

from tenor.cli.options import Subparsers
from tenor.cli.output import print_json, print_table, wants_json


def add_parser(commands: Subparsers, summary: str) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "doctor",
        help=summary,
        description="Check this installation: versions, the compiled core, corpora.",
        epilog="example: tenor doctor",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on a terminal too")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print each part and its state; the status is 0 also where the core is absent."""
    import tenor
    from tenor import native
    from tenor.data.corpora import CORPORA, find_archive

    status = native.status()
    record = {
        "tenor": tenor.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "numpy": _version("numpy"),
        "safetensors": _version("safetensors"),
        "compiled core": "works" if status.available else f"absent: {status.reason}",
        "instruction set": f"{status.isa} (of {', '.join(status.isas)})" if status.isa else "-",
        "threads": str(status.threads),
        "training": _training(in_core=status.available, in_torch=find_spec("torch") is not None),
    }
    for name in CORPORA:
        here = find_archive(name)
        record[f"corpus {name}"] = str(here) if here else "fetched when it is named"
    if wants_json(args.json):
        print_json(record)
    else:
        print_table([[name, value] for name, value in record.items()])
    return 0


def _training(*, in_core: bool, in_torch: bool) -> str:
    """What can compute one."""
    engines = ["the compiled core"] * in_core + [f"PyTorch {_version('torch')}"] * in_torch
    return ", ".join(engines) or "needs the compiled core, or PyTorch; type: pip install 'tenor[train]'"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
