"""Seconds and a pace in, a length out; the pace is given, and large beside what the tests take."""

import math
import time

import pytest

from tenor.config import TrainConfig
from tenor.errors import InputError
from tenor.training.budget import Pace, TimeBudget, decision, fitted

PACE = Pace(update=1.0, epoch=20.0, rest=50.0)
"""Of epochs of 100 updates: 120 s whole, 95 s cut to three quarters."""


def length(seconds, pace=PACE, updates=100, **settings):
    """Epochs, and updates of each where they are cut, of at most 8 epochs."""
    config = fitted(TrainConfig(**{"epochs": 8} | settings), updates, pace, seconds)
    return config.epochs, config.steps_per_epoch


def test_85_percent_of_the_time_left_is_planned_for():
    assert length((50 + 4 * 120) / 0.85 + 0.1, epochs=4) == (4, None)
    assert length((50 + 4 * 120) / 0.85 - 0.1, epochs=4) == (4, 99)


def test_epochs_are_cut_to_three_quarters_where_that_makes_room_for_one_more():
    assert length((50 + 2 * 95) / 0.85 + 0.1) == (2, 75)
    assert length((50 + 2 * 95) / 0.85 - 0.1) == (1, None)


def test_where_not_three_quarters_of_an_epoch_fit_some_of_its_updates_do():
    assert length((50 + 20 + 30) / 0.85 + 0.1) == (1, 30)


def test_the_length_of_the_settings_is_never_passed():
    assert length(1e9) == (8, None)
    assert length(1e9, epochs=1) == (1, None)
    assert length(1e9, updates=40, steps_per_epoch=40) == (8, 40)
    assert length((50 + 20 + 30) / 0.85 + 0.1, updates=40, steps_per_epoch=40) == (1, 30)


@pytest.mark.parametrize("seconds", [-1e9, 0.0, 50.0, 85.0])
def test_a_few_updates_are_made_in_any_case(seconds):
    assert length(seconds) == (1, 10)
    assert length(seconds, updates=3) == (1, None)


@pytest.mark.parametrize("seconds", [100, 250, 300, 500, 900, 2000])
@pytest.mark.parametrize("pace", [PACE, Pace(0.01, 40, 0), Pace(2, 0.5, 9)])
def test_what_fits_takes_no_longer_than_was_planned(pace, seconds):
    config = fitted(TrainConfig(epochs=40), 100, pace, seconds)
    assert pace.of(config, 100) <= seconds * 0.85


def test_nothing_but_the_length_is_changed():
    config = TrainConfig(epochs=8, seed=3, patience=2)
    cut = fitted(config, 100, PACE, 420)
    assert {k for k, v in cut.to_dict().items() if v != config.to_dict()[k]} == {"epochs", "steps_per_epoch"}


def said(seconds, pace=PACE, updates=100, **settings):
    config = fitted(TrainConfig(epochs=8, **settings), updates, pace, seconds)
    return decision(config, updates, pace, TimeBudget(seconds=seconds))


def test_the_decision_is_told():
    assert said(3000) == "3,000 s allow 8 epochs of 100 updates (measured 1,000.0 ms an update)"
    assert said(201, PACE._replace(update=0.97)).startswith(
        "201 s allow 1 epoch of 100 updates (measured 970.0 ms"
    )
    assert said(286).startswith("286 s allow 2 epochs of 76 of its 100 updates (measured ")


def test_a_budget_that_will_be_passed_is_told_with_by_how_much():
    assert said(60) == (
        "note: 60 s are too few; 10 updates, the fewest, should pass them by 21 s "
        "(measured 1,000.0 ms an update)"
    )


def test_time_counts_from_where_it_began():
    assert TimeBudget(seconds=60).left() == pytest.approx(60, abs=5)
    assert TimeBudget(seconds=60, began=time.perf_counter() - 100).left() == pytest.approx(-40, abs=5)


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_a_budget_of_no_time_is_refused(seconds):
    with pytest.raises(InputError, match=f"seconds is {seconds}; a time budget must be a number above 0"):
        TimeBudget(seconds=seconds)
