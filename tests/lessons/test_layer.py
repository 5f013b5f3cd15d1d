"""The layer from its equations: shapes, PyTorch's own layer, the graph of what was computed."""

from __future__ import annotations

import torch

from tenor.lessons import RecurrentLayer, autograd_graph
from tenor.report.graph import render_graphs


def seeded():
    return torch.Generator().manual_seed(0)


def test_two_steps_by_hand_have_the_shapes_of_the_tutorial():
    layer = RecurrentLayer(1024, 10, 1, generator=seeded())
    y1, h1 = layer(torch.randn(3, 1024))
    y2, h2 = layer(torch.randn(3, 1024), h1)
    assert [tuple(t.shape) for t in (y1, h1, y2, h2)] == [(3, 1), (3, 10), (3, 1), (3, 10)]
    assert ((y2 > 0) & (y2 < 1)).all()
    assert (h2.abs() < 1).all()
    counts = {name: weight.numel() for name, weight in layer.parameters.items()}
    assert counts == {"weight_xh": 10240, "weight_hh": 100, "bias_h": 10, "weight_hy": 10, "bias_y": 1}


def test_the_equations_are_those_of_pytorch_s_layer():
    layer = RecurrentLayer(4, 5, 2, generator=seeded())
    torch_layer = torch.nn.RNN(4, 5)
    with torch.no_grad():
        torch_layer.weight_ih_l0.copy_(layer.weight_xh)
        torch_layer.weight_hh_l0.copy_(layer.weight_hh)
        torch_layer.bias_hh_l0.copy_(layer.bias_h)
        torch_layer.bias_ih_l0.zero_()
    xs, h = torch.randn(7, 3, 4), None
    for x in xs:
        _, h = layer(x, h)
    torch.testing.assert_close(h, torch_layer(xs)[1][0])


def test_functions_can_be_left_out():
    layer = RecurrentLayer(2, 3, 2, phi_h=None, phi_y=None, generator=seeded())
    x = torch.randn(1, 2)
    y, h = layer(x)
    torch.testing.assert_close(h, x @ layer.weight_xh.T + layer.bias_h)
    torch.testing.assert_close(y, h @ layer.weight_hy.T + layer.bias_y)


def test_the_graph_of_the_second_output_is_the_unrolled_one():
    layer = RecurrentLayer(4, 5, 1, generator=seeded())
    x1, x2 = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    y1, h1 = layer(x1)
    y2, _ = layer(x2, h1)
    names = layer.parameters | {"x1": x1, "x2": x2}
    first, second = (autograd_graph(y, names | {name: y}) for name, y in (("y1", y1), ("y2", y2)))

    def count(graph, label):
        return sum(node.label.startswith(label) for node in graph.nodes)

    assert [count(graph, "tanh") for graph in (first, second)] == [1, 2]
    assert [count(graph, "x1") for graph in (first, second)] == [1, 1]
    assert [count(graph, "x2") for graph in (first, second)] == [0, 1]
    assert count(second, "weight_xh") == 1  # one weight, used twice
    assert sum(second.nodes.index(n) in m.takes for n in second.nodes if n.label.startswith("weight_xh") for m in second.nodes) == 2  # fmt: skip  # noqa: E501
    assert second.nodes[-1].label == "y2"
    assert all(taken < place for place, node in enumerate(second.nodes) for taken in node.takes)
    picture = render_graphs("unrolled", {"y1": first, "y2": second})
    assert picture.count(">tanh<") == 3
