"""Words such as ``1m30s`` → seconds."""

from __future__ import annotations

import argparse
import re

_NUMBER = r"([0-9]{1,9}(?:\.[0-9]+)?)"
_ALONE = re.compile(_NUMBER)
_PARTS = re.compile(f"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")
_SECONDS = (3600, 60, 1)


def seconds(words: str) -> float:
    """How long the words say; for ``argparse``.

    Raises:
        ArgumentTypeError: they are no time, or one of 0 seconds; the message lists the forms.
    """
    alone, parts = _ALONE.fullmatch(words), _PARTS.fullmatch(words)
    found = float(words) if alone else 0.0
    if parts:
        found = sum(float(part or 0) * unit for part, unit in zip(parts.groups(), _SECONDS, strict=True))
    if not found:
        raise argparse.ArgumentTypeError(
            f"{words!r} is not a time; give seconds, such as 90 or 60s, minutes, such as 2m or 1m30s, or "
            "hours, such as 0.5h"
        )
    return found
