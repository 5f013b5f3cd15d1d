"""Epoch records become curves that show what they are."""

from xml.etree import ElementTree

import pytest

from tenor.report.curves import render_curves

NAMESPACE = "{http://www.w3.org/2000/svg}"


def record(epoch, *, loss=0.7, accuracy=0.5, best=False):
    return {
        "epoch": epoch,
        "train_loss": loss,
        "train_accuracy": accuracy,
        "validation_loss": loss + 0.01,
        "validation_accuracy": accuracy,
        "best": best,
    }


def drawn(records):
    return ElementTree.fromstring(render_curves(records))


def words(root, kind=None):
    found = root.iter(f"{NAMESPACE}text")
    return [element.text for element in found if kind is None or element.get("class") == kind]


def curve(root, place):
    """Points of a curve: 0 and 1 are the losses, 2 and 3 the accuracies."""
    lines = [e for e in root.iter(f"{NAMESPACE}polyline") if e.get("class").startswith("line ")]
    return [tuple(map(float, point.split(","))) for point in lines[place].get("points").split()]


def test_there_are_two_panels_with_two_curves_each():
    root = drawn([record(1), record(2)])

    assert [word for word in words(root) if word in ("loss", "accuracy")] == ["loss", "accuracy"]
    assert [len(curve(root, place)) for place in range(4)] == [2, 2, 2, 2]


def test_a_falling_loss_goes_down_and_a_rising_accuracy_up():
    root = drawn([record(n, loss=1 - n / 10, accuracy=n / 10) for n in range(1, 6)])

    down, up = [y for _, y in curve(root, 0)], [y for _, y in curve(root, 2)]
    assert down == sorted(down)  # y counts from the top
    assert up == sorted(up, reverse=True)


def test_a_point_stands_at_its_value_on_the_axis():
    root = drawn([record(1, accuracy=0.2), record(2, accuracy=0.45)])

    ticks = {
        e.text: float(e.get("y")) - 4 for e in root.iter(f"{NAMESPACE}text") if e.get("text-anchor") == "end"
    }
    assert curve(root, 2)[0][1] == pytest.approx(ticks["0.2"], abs=0.1)
    assert curve(root, 2)[1][1] == pytest.approx(ticks["0.45"], abs=0.1)


def test_the_best_epoch_is_named_and_marked():
    root = drawn([record(1, best=True), record(2, best=True), record(3)])

    radii = [e.get("r") for e in root.iter(f"{NAMESPACE}circle")]
    assert "epoch (best: 2)" in words(root)
    assert radii == ["3", "5", "3"] * 4


def test_the_last_values_are_given():
    root = drawn([record(1, loss=0.9), record(2, loss=0.6931)])

    assert "training 0.6931" in words(root)
    assert "validation 0.7031" in words(root)


@pytest.mark.parametrize(
    ("losses", "ticks"),
    [
        ((0.10, 0.90), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((1.932, 1.932), ["1.93", "1.935", "1.94", "1.945"]),
        ((0.6, 6.2), ["0", "2", "4", "6", "8"]),
        ((1e10, 5e10), ["1e+10", "2e+10", "3e+10", "4e+10", "5e+10", "6e+10"]),
    ],
)
def test_the_axis_has_round_numbers_that_differ(losses, ticks):
    root = drawn([record(1, loss=losses[0]), record(2, loss=losses[1])])

    shown = [word for word in words(root, "faint") if not word.startswith("epoch")]
    assert shown[: len(ticks) + 2] == [*ticks, "1", "2"]


@pytest.mark.parametrize("loss", [0.0, 1e-9, 0.7, 1e17, 1e30])
def test_a_curve_that_does_not_move_is_drawn(loss):
    root = drawn([record(1, loss=loss), record(2, loss=loss)])

    assert all(48 <= y <= 252 for place in range(4) for _, y in curve(root, place))


def test_one_epoch_is_drawn_in_the_middle():
    root = drawn([record(1)])

    assert curve(root, 0)[0][0] == 52 + 268 / 2
    assert root.get("aria-label") == "Learning curves over 1 epoch"


def test_the_epochs_of_a_long_run_do_not_crowd_the_axis():
    root = drawn([record(n) for n in range(1, 41)])

    shown = [word for word in words(root, "faint") if word.isdigit() and int(word) > 1]
    assert shown == [str(n) for n in range(5, 41, 4)] * 2
