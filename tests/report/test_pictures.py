"""Pictures of a model: sound files, the right parts, any sizes and words."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from tenor.config import ModelConfig
from tenor.report.batch import render_batch, share_of_padding
from tenor.report.cell import render_cell
from tenor.report.graph import Graph, Node, render_graphs
from tenor.report.network import network_parts, render_network
from tenor.report.plot import Panel, render_plot
from tenor.report.unrolled import render_unrolled, states_read
from tenor.report.words import project_to_plane, render_words

SVG = "{http://www.w3.org/2000/svg}"


def words_in(picture):
    """All that is written, and that it lies inside the picture."""
    root = ElementTree.fromstring(picture)
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert -0.1 <= x <= x + float(rect.get("width")) <= width + 0.1
        assert -0.1 <= y <= y + float(rect.get("height")) <= height + 0.1
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
    return [text.text for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "linear"])
def test_a_cell_is_drawn_with_its_equations(cell):
    activation = "relu" if cell in ("rnn", "linear") else "tanh"
    written = " ".join(words_in(render_cell(ModelConfig(cell=cell, activation=activation))))
    assert "h(t) = " in written
    assert ("c(t) = f · c + i · g" in written) == (cell == "lstm")
    assert ("relu" in written) == (activation == "relu")


@pytest.mark.parametrize(
    "gates", [{}, {"input_gate": True}, {"output_gate": True, "skip": True}, {"skip": True}]
)
@pytest.mark.parametrize("window", [1, 2])
def test_a_linear_cell_is_drawn_with_the_gates_that_it_has(gates, window):
    written = " ".join(words_in(render_cell(ModelConfig(cell="linear", window=window, **gates))))
    assert ("x(t-1)" in written) == (window == 2)
    assert ("input i" in written) == ("input_gate" in gates)
    assert ("output o" in written) == ("output_gate" in gates)
    assert ("skip s" in written) == ("skip" in gates)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hidden_sizes": (5, 3), "bidirectional": True, "pooling": ("last",), "head_hidden": 7},
        {"pooling": ("first_last", "attention"), "cell": "gru", "biases": "input"},
        {"hidden_sizes": (2,) * 11, "cell": "rnn"},
    ],
)
def test_the_parts_of_a_network_have_all_its_weights(tiny, settings):
    model = tiny(**settings)
    parts = network_parts(model)
    assert sum(part.weights for part in parts) == model.num_weights
    assert [part.keeps_padding_out for part in parts] == [False] + [True] * (len(parts) - 1)
    assert f"{model.num_weights:,} weights, 2 labels" in words_in(render_network(model))


def test_the_states_that_a_pooling_reads():
    assert states_read(["last"], 0, 5) == {4}
    assert states_read(["last"], 1, 5) == {0}
    assert states_read(["last_word"], 1, 5) == {4}
    assert states_read(["first_last"], 1, 5) == {0, 4}
    assert states_read(["mean", "last"], 0, 3) == {0, 1, 2}
    assert states_read(["last"], 0, 0) == set()


@pytest.mark.parametrize("words", [[], ["film"], ["a"] * 40, ["x" * 99, "中文", "<b>&"]])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_network_of_any_text_is_unrolled(words, bidirectional):
    config = ModelConfig(hidden_sizes=(4, 4, 4), bidirectional=bidirectional, pooling=("last",))
    written = words_in(render_unrolled(config, words))
    assert written.count("h(1)") == 3 * (1 + bidirectional)
    assert written.count(f"h({max(len(words), 1)})") == 3 * (1 + bidirectional)
    assert ("…" in written) == (len(words) > 12)


def test_a_padded_batch_shows_its_padding_and_what_is_read():
    picture = render_batch(ModelConfig(pooling=("last",)), [["a", "b", "c"], ["d"], []])
    assert "3 texts of up to 3 tokens: 56% of the places are padding" in words_in(picture)
    assert picture.count('class="frame one"') == 2
    assert words_in(render_batch(ModelConfig(), []))
    long = words_in(render_batch(ModelConfig(pooling=("last",)), [["a"] * 300, ["b"]]))
    assert "2 texts of up to 300 tokens: 50% of the places are padding" in long
    assert "Tenor lays the 301 tokens end to end and has none of it" in long


def test_the_share_of_padding_by_hand():
    assert share_of_padding([3, 1, 2, 2], 2) == pytest.approx(1 - 8 / 10)
    assert share_of_padding([1, 2, 2, 3], 4) == pytest.approx(1 - 8 / 12)
    assert share_of_padding([], 4) == 0


def test_plots_of_any_numbers_stay_inside():
    panels = [
        Panel(title="powers", curves={"a": [1e-12, 1e-3, 1], "b": [0, np.nan, 2.0]}, logarithmic=True),
        Panel(title="same", curves={"a": [0.5, 0.5]}, steps=["good", "film"]),
        Panel(title="none", curves={"a": []}),
        Panel(title="one", curves={"a": [3.0]}, bounds=(0, 1)),
        Panel(title="many", curves={"a": list(range(500))}, steps=["x"] * 500),
    ]
    assert {"powers", "good", "none"} <= set(words_in(render_plot("all", "note", panels)))


def test_graphs_stand_beside_each_other_with_operations_below_what_they_take():
    graph = Graph(
        nodes=(
            Node(label="x", takes=(), given=True),
            Node(label="+", takes=(0, 0), given=False),
            Node(label="y", takes=(1,), given=False),
        )
    )
    root = ElementTree.fromstring(render_graphs("two", {"one": graph, "other": graph}))
    places = {t.text: float(t.get("y")) for t in root.iter(f"{SVG}text")}
    assert places["x"] < places["+"] < places["y"]


def test_a_map_keeps_what_differs_most_and_is_the_same_each_time():
    vectors = np.array([[0, 0, 0], [4, 0, 0], [8, 0, 0.1], [4, 2, 0]], np.float32)
    places = project_to_plane(vectors)
    assert np.ptp(places[:, 0]) == pytest.approx(8, abs=0.1)
    assert np.ptp(places[:, 1]) == pytest.approx(2, abs=0.2)
    np.testing.assert_allclose(project_to_plane(-vectors)[:, 0].max(), -places[:, 0].min(), rtol=0.3)
    written = words_in(
        render_words(["a", "b", "<c>", "d"], {"one": vectors, "two": vectors[:, :1]}, {"a": 0.9}, "good")
    )
    assert {"one", "two", "<c>"} <= set(written)
