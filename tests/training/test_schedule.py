from __future__ import annotations

import pytest

from tenor.training.schedule import rate


def rates(schedule, total=10, warmup=0.4):
    return [rate(step, total, schedule=schedule, warmup=warmup) for step in range(total)]


def test_constant_stays_at_the_peak():
    assert rates("constant") == [1.0] * 10


def test_linear_rises_over_the_warm_up_and_falls_to_zero():
    expected = [0.25, 0.5, 0.75, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]
    assert rates("linear") == pytest.approx(expected)


def test_one_cycle_rises_and_falls_along_a_cosine():
    found = rates("one_cycle")
    assert found[3] == max(found) == 1
    assert found[:4] == sorted(found[:4])
    assert found[3:] == sorted(found[3:], reverse=True)
    assert found[6] == pytest.approx(0.5, abs=0.01)
    assert found[-1] == pytest.approx(1e-4)


@pytest.mark.parametrize("schedule", ["linear", "one_cycle"])
@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_a_run_may_be_all_warm_up_or_none(schedule, warmup):
    assert all(0 <= share <= 1 for share in rates(schedule, warmup=warmup))


def test_a_run_of_one_update_has_a_rate():
    assert rates("linear", total=1) == [0]
