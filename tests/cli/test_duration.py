import argparse

import pytest

from tenor.cli.duration import seconds


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("90", 90), ("7.5", 7.5), ("60s", 60), ("2m", 120), ("1m30s", 90), ("0.5h", 1800),
        ("1h2m3.5s", 3723.5), ("1h5s", 3605),
    ],
)  # fmt: skip
def test_a_time_is_seconds_or_hours_minutes_and_seconds(words, expected):
    assert seconds(words) == expected


@pytest.mark.parametrize(
    "words", ["", "0", "0s", "-5", "soon", "5x", "1m30", "30s1m", "1e3", "nan", "inf", "m", "1 m", "٣s"]
)
def test_anything_else_is_refused_with_what_is_allowed(words):
    with pytest.raises(argparse.ArgumentTypeError) as found:
        seconds(words)
    assert str(found.value) == (
        f"{words!r} is not a time; give seconds, such as 90 or 60s, minutes, such as 2m or 1m30s, or hours, "
        "such as 0.5h"
    )
