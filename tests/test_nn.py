"""Tenor's layers in networks of PyTorch: what ``torch.nn`` computes, without its padding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tenor import native
from tenor.config import ModelConfig
from tenor.errors import ConfigError, InputError
from tenor.native.training import LayerPass, Learner, kept_width
from tenor.nn import Recurrent
from tenor.training.pytorch import linear
from tenor.training.pytorch.network import Layout

pytestmark = pytest.mark.skipif(not native.is_available(), reason="no compiled core")

LENGTHS = (5, 1, 90, 33, 64, 2)
CELLS = {
    "lstm": (torch.nn.LSTM, {}),
    "gru": (torch.nn.GRU, {}),
    "rnn": (torch.nn.RNN, {}),
    "rnn relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
}
LINEAR = [
    {},
    {"window": 2},
    {"window": 2, "input_gate": True, "output_gate": True, "skip": True},
    {"input_gate": True, "activation": "identity"},
    {"output_gate": True, "skip": True, "activation": "relu"},
]
OPTIONS = {"num_layers": 2, "bidirectional": True, "batch_first": True}


def layers(name, **settings):
    """Ours and PyTorch's with the same weights, 13 to 21 to 21."""
    torch.manual_seed(0)
    kind, options = CELLS[name]
    theirs = kind(13, 21, **OPTIONS, **options)
    activation = {"activation": options["nonlinearity"]} if options else {}
    ours = Recurrent(name.split()[0], 13, (21, 21), bidirectional=True, **activation, **settings)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def texts(lengths=LENGTHS, width=13):
    """(N, I) and (B+1,)"""
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((sum(lengths), width)).astype(np.float32))
    return x, torch.tensor([0, *itertools.accumulate(lengths)])


def assert_near(found, right, atol=2e-5):
    torch.testing.assert_close(
        found, right.to(found.dtype), rtol=1e-5, atol=atol * max(right.abs().max().item(), 1e-3)
    )


def learnt(module, read, x, goal):
    """States and every gradient of a loss that gives each state a weight of its own."""
    x = x.detach().clone().requires_grad_()
    states = read(x)
    module.zero_grad()
    (states * goal.to(states.dtype)).sum().backward()
    return states.detach(), x.grad, {name: weight.grad.clone() for name, weight in module.named_parameters()}


@pytest.mark.parametrize("name", CELLS)
def test_states_and_gradients_are_those_of_pytorch(name):
    ours, theirs = layers(name)
    theirs.double()
    x, offsets = texts()
    goal = torch.from_numpy(np.random.default_rng(2).standard_normal((len(x), 42)))
    found = learnt(ours, lambda x: ours(x, offsets), x, goal)
    alone = lambda x: torch.cat([theirs(text[None])[0][0] for text in x.split(LENGTHS)])  # noqa: E731
    right = learnt(theirs, alone, x.double(), goal)
    assert_near(found[0], right[0])
    assert_near(found[1], right[1])
    assert found[2].keys() == right[2].keys()
    for weight, gradient in right[2].items():
        assert_near(found[2][weight], gradient)


@pytest.mark.parametrize("truncate", [None, 7])
@pytest.mark.parametrize("settings", LINEAR, ids=str)
def test_so_are_those_of_linear_recurrences(settings, truncate):
    ours = Recurrent("linear", 13, (21,), truncate=truncate, **settings)
    x, offsets = texts()
    goal = torch.from_numpy(np.random.default_rng(2).standard_normal((len(x), 21)))
    found = learnt(ours, lambda x: ours(x, offsets), x, goal)
    config = ModelConfig(cell="linear", embedding_dim=13, hidden_sizes=(21,), **settings)
    layout = Layout.of(offsets.numpy())
    ours.double()

    def read(x):
        weights = {f"rnn.{name}": weight for name, weight in ours.named_parameters()}
        return layout.ragged(linear.states(config, weights, "l0", layout.dense(x), truncate))

    right = learnt(ours, read, x.double(), goal)
    for one, other in zip((*found[:2], *found[2].values()), (*right[:2], *right[2].values()), strict=True):
        assert_near(one, other)


@pytest.mark.parametrize(
    ("cell", "settings"),
    [("lstm", {}), ("gru", {}), ("rnn", {}), ("rnn", {"activation": "relu"})]
    + [("linear", settings) for settings in LINEAR],
)
def test_in_float64_gradients_are_what_differences_say(cell, settings):
    torch.manual_seed(0)
    ours = Recurrent(cell, 3, (5, 4), bidirectional=True, **settings).double()
    x, offsets = texts((3, 1, 4), width=3)
    names, weights = zip(*ours.named_parameters(), strict=True)

    def states(x, *weights):
        return torch.func.functional_call(ours, dict(zip(names, weights, strict=True)), (x, offsets))

    given = [tensor.detach().double().requires_grad_() for tensor in (x, *weights)]
    assert torch.autograd.gradcheck(states, given)


@pytest.mark.parametrize("name", CELLS)
def test_a_texts_states_are_the_same_bits_in_any_company(name, monkeypatch):
    ours, _ = layers(name)
    x, offsets = texts()
    together = ours(x, offsets)
    for begin, end in itertools.pairwise(offsets.tolist()):
        assert torch.equal(ours(x[begin:end], torch.tensor([0, end - begin])), together[begin:end])
    before = native.status().threads
    try:
        for threads in (1, 3):
            native.set_threads(threads)
            assert torch.equal(ours(x, offsets), together)
    finally:
        native.set_threads(before)


def test_a_nested_tensor_comes_back_as_one():
    ours, _ = layers("lstm")
    x, offsets = texts()
    nested = torch.nested.nested_tensor(list(x.split(LENGTHS)), layout=torch.jagged, requires_grad=True)
    states = ours(nested)
    assert states.is_nested
    assert torch.equal(states.values(), ours(x, offsets))
    states.values().sum().backward()
    assert nested.grad.values().abs().min() > 0
    narrow = torch.nested.narrow(
        torch.randn(2, 9, 13), 1, torch.tensor([0, 0]), torch.tensor([4, 2]), layout=torch.jagged
    )
    with pytest.raises(InputError, match="contiguous"):
        ours(narrow)


@pytest.mark.parametrize("lengths", [(), (0,), (0, 3, 0)], ids=str)
def test_texts_without_words_have_no_states(lengths):
    ours, _ = layers("gru")
    x, offsets = texts(lengths)
    states = ours(x.requires_grad_(), offsets)
    assert states.shape == (sum(lengths), 42)
    states.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "linear"])
def test_a_single_word_is_read_however_it_lies(cell):
    ours = Recurrent(cell, 13, (21,))
    column = torch.randn(
        13, 1
    )  # PyTorch and NumPy call its transpose contiguous, whatever the step from row to row
    found = [ours(x, torch.tensor([0, 1])) for x in (column.t(), column.t().clone())]
    assert torch.equal(*found)
    found[0].sum().backward()


@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_gates_that_are_shut_let_half_of_each_through(dtype, window):
    layer = Recurrent("linear", 1, (1,), input_gate=True, activation="identity", window=window).to(dtype)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0.copy_(torch.tensor([-1e3, 4, -1e3]))
    x = torch.ones(2, 1, dtype=dtype, requires_grad=True)
    states = layer(x, torch.tensor([0, 2]))
    states.sum().backward()
    assert states[:, 0].tolist() == [2, 3]
    assert all(weight.grad.isfinite().all() for weight in layer.parameters())
    config = ModelConfig(cell="linear", input_gate=True, activation="identity", window=window)
    weights = {f"rnn.{name}": weight for name, weight in layer.named_parameters()}
    assert linear.states(config, weights, "l0", x[:, None], None)[:, 0, 0].tolist() == [2, 3]


def operator_arguments(cell="lstm", **settings):
    ours = Recurrent(cell, 13, (21,), bidirectional=True, **settings)
    x, offsets = texts()
    config = ours.config
    return (
        x.requires_grad_(),
        offsets,
        list(ours.parameters()),
        cell,
        [21, 2, config.window, 0],
        [config.input_gate, config.output_gate, config.skip],
        "tanh",
        "float32",
    )


@pytest.mark.parametrize(
    ("cell", "settings"), [("lstm", {}), ("gru", {}), ("linear", {"window": 2, "skip": True})]
)
def test_pytorch_knows_the_operator(cell, settings):
    # Not compared: what is kept for the way back, which has gaps that nothing fills.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.tenor.layer, operator_arguments(cell, **settings), test_utils=checks)


def test_compiled_it_learns_the_same_bits():
    ours, _ = layers("lstm")
    x, offsets = texts()
    goal = torch.ones(len(x), 42)
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    found, right = (learnt(ours, lambda x, read=read: read(x, offsets), x, goal) for read in (compiled, ours))
    assert torch.equal(found[0], right[0])
    assert torch.equal(found[1], right[1])
    assert all(torch.equal(found[2][name], gradient) for name, gradient in right[2].items())


@pytest.mark.parametrize(("cell", "settings"), [("lstm", {}), ("gru", {}), ("linear", {"window": 2})])
def test_the_way_back_can_be_gone_twice(cell, settings):
    arguments = operator_arguments(cell, **settings)
    states, kept = torch.ops.tenor.layer(*arguments)
    found = [torch.ops.tenor.layer_back(torch.ones_like(states), kept, *arguments) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_autocast_rounds_products_and_gives_float32():
    ours, _ = layers("lstm")
    x, offsets = texts()
    exact = ours(x, offsets)
    with torch.autocast("cpu", torch.bfloat16):
        states = ours(torch.nn.functional.linear(x, torch.eye(13)), offsets)  # a product's bfloat16
    assert states.dtype == torch.float32
    assert 0 < (states - exact).abs().max() < 0.02
    states.sum().backward()
    assert all(weight.grad.dtype == torch.float32 for weight in ours.parameters())


def test_states_between_layers_are_dropped_while_training():
    ours, _ = layers("rnn", dropout=0.5)
    x, offsets = texts()
    assert not torch.equal(ours(x, offsets), ours(x, offsets))
    ours.eval()
    assert torch.equal(ours(x, offsets), ours(x, offsets))


def test_it_learns_to_count_what_it_saw():
    torch.manual_seed(3)
    marks = [torch.randint(0, 2, (length,)) for length in (4, 9, 17, 1, 12, 7)]
    x = torch.nn.functional.one_hot(torch.cat(marks), 2).float()
    offsets = torch.tensor([0, *itertools.accumulate(map(len, marks))])
    goal = torch.stack([mark.float().mean() for mark in marks])
    ours, head = Recurrent("gru", 2, (8,)), torch.nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*ours.parameters(), *head.parameters()], lr=0.03)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((head(ours(x, offsets)[offsets[1:] - 1])[:, 0] - goal) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_what_does_not_fit_is_refused_with_what_to_do():
    ours, _ = layers("lstm")
    x, offsets = texts()
    with pytest.raises(InputError, match=r"float64; use \.to\(torch\.float32\)"):
        ours(x.double(), offsets)
    with pytest.raises(InputError, match="jagged"):
        ours(x)
    for other, cure in (
        (x.numpy(), "from_numpy"),
        (torch.nn.utils.rnn.pack_sequence([x]), "unpack_sequence"),
        (None, "must be a tensor"),
        (x[None], "padding would be read as text"),
    ):
        with pytest.raises(InputError, match=cure):
            ours(other)
    with pytest.raises(InputError, match="offsets of its own"):
        ours(torch.nested.nested_tensor([x], layout=torch.jagged), offsets)
    for wrong in (
        offsets[:-1],
        offsets.int(),
        torch.tensor([[0, len(x)]]),
        torch.tensor([], dtype=torch.int64),
    ):
        with pytest.raises(InputError, match="offsets"):
            ours(x, wrong)
    with pytest.raises(InputError, match="offsets"):
        ours(x, torch.tensor([0, len(x) + 5, len(x)]))
    with pytest.raises(InputError, match="shape"):
        ours(x[:, :5], offsets)
    for cell, settings in (
        ("lstm", {"window": 2}),
        ("rnn", {"activation": "identity"}),
        ("lsmt", {}),
        ("gru", {"activation": "relu"}),
    ):
        with pytest.raises(ConfigError):
            Recurrent(cell, 13, (21,), **settings)
    arguments = list(operator_arguments())
    with pytest.raises(InputError, match="8 weights"):
        torch.ops.tenor.layer(*arguments[:2], arguments[2][:-1], *arguments[3:])
    with pytest.raises(InputError, match="shape"):
        torch.ops.tenor.layer(*arguments[:2], [*arguments[2][:-1], torch.ones(3)], *arguments[3:])
    states, kept = torch.ops.tenor.layer(*arguments)
    for d_states, remembered in ((states[:3], kept), (states, kept[:, :5])):
        with pytest.raises(InputError, match="shape"):
            torch.ops.tenor.layer_back(d_states, remembered, *arguments)


def test_the_core_refuses_too_little_room_for_the_way_back():
    share = np.zeros((3, 20), np.float32)
    room = kept_width("lstm", native.Gating(), 5)
    for missing in (0, 1):
        one = LayerPass(
            cell="lstm",
            activation="tanh",
            reverse=False,
            hidden=5,
            offsets=np.array([0, 3]),
            shares=share,
            row_of=np.arange(3, dtype=np.int32),
            weight_hh=np.zeros((20, 5), np.float32),
            kept=np.empty(3 * room - missing, np.float32),
        )
        if missing:
            with pytest.raises(InputError, match="size"):
                Learner().forward([one])
        else:
            Learner().forward([one])
            Learner().backward([one])  # by another learner, which never read it


def test_it_says_how_it_is_set():
    layer = Recurrent("linear", 3, (5, 4), window=2, skip=True, dropout=0.5)
    assert repr(layer) == "Recurrent('linear', 3, (5, 4), window=2, skip=True, dropout=0.5)"


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"dropout": -0.1}, {"truncate": 0}, {"truncate": -1}])
def test_numbers_out_of_their_range_are_refused_at_once(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Recurrent("lstm", 3, (4,), **wrong)
