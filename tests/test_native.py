"""The compiled core computes what the reference says, with the same bits wherever it runs."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenor import TextClassifier, native
from tenor.cells import cell, sigmoid
from tenor.config import ModelConfig
from tenor.encoder import _NumpyLayer, _weights_of, prepared_layer
from tenor.errors import InputError, NativeError
from tenor.model import weight_shapes
from tenor.precision import rounded

LENGTHS = [300, 0, 1, 7, 30, 299, 2, 45, 0, 3]
ISAS = native.status().isas

needs_core = pytest.mark.skipif(
    not native.is_available() and os.environ.get("TENOR_REQUIRE_NATIVE", "0") == "0",
    reason=f"no compiled core: {native.status().reason}",
)


CELLS = [
    {"cell": "lstm"},
    {"cell": "gru"},
    {"cell": "rnn"},
    {"cell": "rnn", "activation": "relu"},
    {"cell": "linear"},
    {"cell": "linear", "window": 2, "output_gate": True},
    {"cell": "linear", "activation": "identity", "input_gate": True},
    {"cell": "linear", "window": 2, "input_gate": True, "output_gate": True, "skip": True},
    {"cell": "linear", "activation": "relu", "skip": True},
    {"cell": "linear", "activation": "identity", "output_gate": True, "skip": True},
    {"cell": "lstm", "precision": "int8"},
    {"cell": "gru", "precision": "int8"},
    {"cell": "rnn", "precision": "int8"},
    {"cell": "rnn", "activation": "relu", "precision": "int8"},
    {"cell": "linear", "precision": "bf16"},
    {"cell": "linear", "window": 2, "output_gate": True, "precision": "int8"},
    {"cell": "linear", "activation": "relu", "output_gate": True, "skip": True, "precision": "int8"},
    {"cell": "linear", "activation": "identity", "input_gate": True, "skip": True, "precision": "int8"},
]
ABOVE = [
    {"cell": "lstm", "precision": "int8", "above": True},
    {"cell": "gru", "precision": "int8", "above": True},
    {"cell": "rnn", "precision": "int8", "above": True},
    {"cell": "linear", "precision": "int8", "above": True},
    {"cell": "linear", "window": 2, "output_gate": True, "precision": "int8", "above": True},
]
"""Layers that read the states of one below: in whole numbers."""
each_lowest = pytest.mark.parametrize("settings", CELLS, ids=lambda s: "-".join(map(str, s.values())))
each_cell = pytest.mark.parametrize("settings", CELLS + ABOVE, ids=lambda s: "-".join(map(str, s.values())))
each_input = pytest.mark.parametrize(
    ("settings", "folded"), [(s, None) for s in CELLS + ABOVE] + [(s, 1 << 20) for s in CELLS], ids=str
)


class Case:
    """A layer with random weights, and random texts for it to read: words of a table of vectors.

    ``above``: it reads states of a layer below, but that some of them are larger than states are.
    """

    def __init__(
        self,
        inputs=5,
        hidden=17,
        lengths=LENGTHS,
        vocabulary=40,
        precision="float32",
        above=False,
        **settings,
    ):
        self.config = ModelConfig(embedding_dim=inputs, hidden_sizes=(hidden,), **settings)
        self.cell = cell(self.config)
        rng = np.random.default_rng(inputs * 1000 + hidden)
        shapes = weight_shapes(self.config, vocab_size=vocabulary, num_labels=2)
        bound = 1 / np.sqrt(hidden)
        weights = {n: rng.uniform(-bound, bound, s).astype(np.float32) for n, s in shapes.items()}
        self.weights = _weights_of(self.config, rounded(weights, precision), 0, 0, precision)
        self.weights = replace(self.weights, bounded_inputs=above)
        # A state that two ways of adding round apart is another state of whole numbers: 1/127 away, seldom.
        self.tolerance = {"float32": 1e-5, "bf16": 1e-3, "int8": 1e-2}[precision]
        self.vectors = rng.normal(size=(vocabulary, inputs)).astype(np.float32)
        self.texts = [rng.integers(0, vocabulary, n).astype(np.int32) for n in lengths]
        self.initial = [
            rng.normal(size=(len(lengths), width * hidden)).clip(-1, 1).astype(np.float32)
            for width in self.cell.widths
        ]
        self.hidden = hidden

    def layer(self, isa=None):
        """The layer in the core."""
        return prepared_layer(self.config, self.weights, isa=isa)

    def read(self, texts=None, *, isa=None, folded=None, **options):
        """States of every word (N, H), then the rest that the core gives, (B, …) each."""
        layer = self.layer(isa)
        inputs, offsets = joined(self.texts if texts is None else texts)
        if folded is not None:
            layer.fold(self.vectors, size_bytes=folded)
        else:
            inputs = self.vectors[inputs]
        states = np.full((len(inputs), self.hidden), np.nan, np.float32)
        return states, *layer.forward(inputs, offsets, states=states, **options)

    def reference(self, *, reverse=False, initial=None):
        """As ``read``, from NumPy, without the parts of the state that the cell does not have."""
        layer = _NumpyLayer(self.cell, self.weights)
        token_ids, offsets = joined(self.texts)
        states = np.empty((len(token_ids), self.hidden), np.float32)
        begin = None if initial is None else self.cell.state(*initial)
        final, *pools = layer.forward(
            self.vectors[token_ids], offsets, reverse=reverse, initial=begin, states=states
        )
        return states, *final, *pools

    def comparable(self, found):
        """What ``read`` gives, without the parts that the cell does not have."""
        states, h, c, carry, *pools = found
        return states, *(h, c, carry)[: len(self.cell.widths)], *pools


def joined(texts):
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return np.concatenate([np.empty(0, np.int32), *texts]), offsets


def assert_same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def in_a_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def threads():
    before = native.status().threads
    yield native.set_threads
    native.set_threads(before)


@needs_core
@each_cell
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("with_initial", [False, True])
@pytest.mark.parametrize(("inputs", "hidden"), [(1, 1), (3, 5), (16, 16), (7, 17), (50, 64), (100, 33)])
def test_the_core_computes_what_numpy_does(settings, inputs, hidden, with_initial, reverse):
    case = Case(inputs, hidden, **settings)
    initial = case.initial if with_initial else None
    found = case.comparable(case.read(reverse=reverse, initial=initial))
    for one, other in zip(found, case.reference(reverse=reverse, initial=initial), strict=True):
        largest = np.abs(other).max(initial=1)  # sums of 300 states may differ by more than a state
        np.testing.assert_allclose(one, other, rtol=0, atol=case.tolerance * largest)
        mean = 4e-4 if case.weights.bounded_inputs else 1e-4
        assert np.abs(one - other).sum() <= mean * largest * one.size


@needs_core
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_two_gates_that_are_shut_are_read_as_numpy_does(isa, precision):
    case = Case(3, 17, cell="linear", input_gate=True, activation="identity", precision=precision)
    case.weights.bias_ih[np.r_[:17, 34:51]] = -1e3
    for one, other in zip(case.comparable(case.read(isa=isa)), case.reference(), strict=True):
        assert np.isfinite(other).all()
        np.testing.assert_allclose(one, other, rtol=0, atol=case.tolerance * np.abs(other).max(initial=1))


@needs_core
@each_cell
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("hidden", [1, 8, 17, 64])
def test_every_instruction_set_gives_the_same_bits(settings, isa, hidden):
    case = Case(11, hidden, **settings)
    assert_same_bits(case.read(isa=isa), case.read(isa="base"))


@needs_core
@each_lowest
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("room", [0, 5_000, 1 << 20])
def test_words_looked_up_give_the_bits_of_their_vectors(settings, isa, reverse, room):
    case = Case(11, 17, **settings)
    assert_same_bits(
        case.read(isa=isa, reverse=reverse, folded=room, initial=case.initial),
        case.read(isa=isa, reverse=reverse, initial=case.initial),
    )


@needs_core
@each_lowest
def test_a_table_that_fills_up_pass_by_pass_gives_the_same_bits(settings):
    case = Case(11, 17, **settings)
    layer, alone = case.layer(), case.layer()
    layer.fold(case.vectors, size_bytes=9_000)
    for text in [*case.texts, *case.texts]:
        token_ids, offsets = joined([text])
        assert_same_bits(layer.forward(token_ids, offsets), alone.forward(case.vectors[token_ids], offsets))


@needs_core
@pytest.mark.parametrize("bad", [-1, 40, 2**31 - 1])
@pytest.mark.parametrize("room", [0, 1 << 20])
def test_an_id_that_is_no_word_is_refused(bad, room):
    layer = Case().layer()
    layer.fold(Case().vectors, size_bytes=room)
    with pytest.raises(InputError, match="token id is not a row"):
        layer.forward(np.array([0, bad, 1], np.int32), np.array([0, 3]))


@needs_core
def test_ids_need_a_table():
    with pytest.raises(InputError, match="call fold first"):
        Case().layer().forward(np.array([0], np.int32), np.array([0, 1]))


@needs_core
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_every_instruction_set_gives_the_same_activations(isa, name):
    x = every_float(4099)
    x = x[~np.isnan(x)]
    assert_same_bits([native.activation(name, x, isa=isa)], [native.activation(name, x, isa="base")])


@needs_core
@each_cell
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_text_gives_the_same_bits_alone_and_beside_longer_ones(settings, isa, reverse):
    case = Case(**settings)
    _, *together = case.read(isa=isa, reverse=reverse)
    for number, text in enumerate(case.texts):
        _, *alone = case.read([text], isa=isa, reverse=reverse)
        assert_same_bits(alone, [part[number : number + 1] for part in together])


@needs_core
@each_cell
@pytest.mark.parametrize("isa", ISAS)
def test_the_order_of_texts_changes_no_bit(settings, isa):
    case = Case(lengths=[3, 9, 9, 1, 0, 30] * 20, **settings)
    order = np.random.default_rng(0).permutation(len(case.texts))
    _, *ordered = case.read(isa=isa)
    _, *shuffled = case.read([case.texts[i] for i in order], isa=isa)
    assert_same_bits(shuffled, [part[order] for part in ordered])


@needs_core
@each_input
@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_number_of_threads_changes_no_bit(settings, count, folded, threads):
    case = Case(40, 64, lengths=[100, 3, 60, 99, 0] * 30, **settings)
    threads(1)
    alone = case.read(folded=folded)
    threads(count)
    assert_same_bits(case.read(folded=folded), alone)


@needs_core
def test_callers_at_the_same_time_get_the_same_bits(threads):
    case, found = Case(40, 64, lengths=[50] * 60), []
    threads(2)
    callers = [threading.Thread(target=lambda: found.append(case.read())) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for one in found:
        assert_same_bits(one, case.read())
    assert len(found) == 4


@needs_core
@each_cell
def test_a_text_without_words_keeps_its_initial_state(settings):
    case = Case(lengths=[0, 2, 0], **settings)
    _, *kept = case.comparable(case.read(initial=case.initial))
    for found, initial in zip(kept, case.initial, strict=False):
        assert_same_bits([found[::2].copy()], [initial[::2].copy()])
    assert not any(part[::2].any() for part in case.read()[1:])


@needs_core
def test_no_texts_and_no_words_are_fine():
    states, h, c, *_ = Case().read([])
    assert states.shape == (0, 17)
    assert h.shape == c.shape == (0, 17)


@needs_core
@each_input
def test_reading_word_by_word_gives_the_bits_of_the_whole(settings, folded):
    case = Case(lengths=[40], **settings)
    states, *whole = case.read(folded=folded)
    state = None
    for t, word in enumerate(case.texts[0]):
        step, *state = case.read([word[None]], initial=state and state[:3], folded=folded)
        assert_same_bits([step], [states[t : t + 1]])
    assert_same_bits(state[:3], whole[:3])


@needs_core
@each_cell
def test_pools_are_those_of_the_states(settings):
    case = Case(**settings)
    states, h, _, _, start, total, largest = case.read()
    _, offsets = joined(case.texts)
    for row, (begin, end) in enumerate(zip(offsets, offsets[1:], strict=False)):
        text = states[begin:end]
        expected = [text[-1], text[0], text.cumsum(0)[-1], text.max(0)] if len(text) else np.zeros((4, 17))
        for found, one in zip((h, start, total, largest), expected, strict=True):
            np.testing.assert_array_equal(found[row], one)


@needs_core
def test_states_may_be_columns_of_a_wider_array_and_inputs_too():
    case = Case(5, 6)
    token_ids, offsets = joined(case.texts)
    x = case.vectors[token_ids]
    wide, inputs = np.zeros((len(x), 20), np.float32), np.zeros((len(x), 9), np.float32)
    inputs[:, 2:7] = x
    case.layer().forward(inputs[:, 2:7], offsets, states=wide[:, 6:12])
    assert_same_bits([wide[:, 6:12].copy()], [case.read()[0]])
    assert not wide[:, :6].any()
    assert not wide[:, 12:].any()


@needs_core
def test_states_that_overlap_the_inputs_are_filled_rightly():
    case = Case(6, 6)
    token_ids, offsets = joined(case.texts)
    x = case.vectors[token_ids]
    memory = np.concatenate([x, x[:1]])
    case.layer().forward(memory[:-1], offsets, states=memory[1:])
    assert_same_bits([memory[1:]], [case.read()[0]])


def every_float(step):
    """Every ``step``-th float32 of all there are, and the ones where things change."""
    edges = [0.0, -0.0, np.inf, -np.inf, 0.346, 10, -88, 88, -87.34, -104, 104, 1e-45, -1e-45]
    bits = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32)
    return np.concatenate([bits.view(np.float32), np.float32(edges)])


def assert_within_2_ulp(name, x):
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
        exact = {"sigmoid": sigmoid, "tanh": np.tanh}[name](wide)
        nearest = exact.astype(np.float32)
    finite = np.isfinite(nearest)
    y = native.activation(name, x)
    np.testing.assert_array_equal(y[~finite], nearest[~finite])  # NaN and infinities
    smallest = np.finfo(np.float32).tiny
    ulp = np.maximum(np.spacing(np.abs(nearest[finite])), smallest * (np.abs(nearest[finite]) < smallest))
    assert np.max(np.abs(y[finite] - exact[finite]) / ulp, initial=0) <= 2


@needs_core
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activations_are_within_2_ulp_on_a_sample_of_all_floats(name):
    assert_within_2_ulp(name, every_float(1031))


@needs_core
@pytest.mark.slow
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_activations_are_within_2_ulp_for_every_float(name):
    for start in range(0, 2**32, 2**22):
        bits = np.arange(start, start + 2**22, dtype=np.uint64).astype(np.uint32)
        assert_within_2_ulp(name, bits.view(np.float32))


@needs_core
def test_activations_keep_the_sign_of_zero_and_the_shape():
    x = np.float32([[0.0, -0.0, 1.0]])
    assert native.activation("tanh", x).shape == (1, 3)
    assert np.signbit(native.activation("tanh", x)).tolist() == [[False, True, False]]


@needs_core
def test_a_thread_that_flushes_denormal_numbers_gets_the_same_bits_and_goes_on_flushing():
    torch = pytest.importorskip("torch")
    case = Case()
    case.weights.bias_ih[:] -= np.float32(97)  # sigmoid gives denormal numbers
    expected = case.read()
    assert torch.set_flush_denormal(True)
    found, product = case.read(), torch.tensor([1e-40]) * 1
    torch.set_flush_denormal(False)
    assert_same_bits(found, expected)
    assert np.any((expected[2] != 0) & (np.abs(expected[2]) < 1e-38))
    assert product.numpy().view(np.uint32) == 0


@needs_core
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_computes_with_threads_of_its_own(threads):
    case = Case(40, 64, lengths=[50] * 60)
    threads(2)
    expected = case.read()
    child = os.fork()
    if child == 0:
        same = all(map(np.array_equal, case.read(), expected))
        os._exit(0 if same and len(os.listdir("/proc/self/task")) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


STATUS = "from tenor import native; print(native.status())"


@needs_core
@pytest.mark.parametrize("isa", ISAS)
def test_the_environment_forces_an_instruction_set(isa):
    assert f"isa='{isa}'" in in_a_new_process(STATUS, TENOR_ISA=isa)


@needs_core
@pytest.mark.parametrize(
    ("name", "value"),
    [("TENOR_ISA", "sse9"), ("TENOR_THREADS", "0"), ("TENOR_THREADS", "two")],
)
def test_a_setting_that_cannot_be_used_is_told(name, value):
    told = in_a_new_process(STATUS, **{name: value})
    assert "available=False" in told
    assert f"{name}='{value}' is not" in told


@needs_core
def test_the_environment_limits_the_threads():
    assert "threads=5" in in_a_new_process(STATUS, TENOR_THREADS="5")


@pytest.fixture
def anew():
    """What is known of the library is found out again, in the test and after it."""
    native.library.load.cache_clear()
    yield
    native.library.load.cache_clear()


def test_a_missing_library_is_told_with_what_to_type(monkeypatch, anew):
    monkeypatch.setattr(native, "__path__", [])
    status = native.status()
    assert (status.available, status.isa, status.isas, status.threads) == (False, None, (), 1)
    assert "TENOR_REQUIRE_NATIVE=1 pip install" in status.reason
    with pytest.raises(NativeError, match="apt install g"):
        native.set_threads(1)


def test_a_file_that_is_no_library_is_told(monkeypatch, anew, tmp_path):
    for name in ["libtenor_core.so", *native.library._NAMES.values()]:
        (tmp_path / name).write_bytes(b"not a library")
    monkeypatch.setattr(native, "__path__", [str(tmp_path)])
    assert "cannot be loaded" in native.status().reason


@needs_core
def test_a_library_of_another_version_is_not_used(monkeypatch, anew):
    monkeypatch.setattr(native.library, "INTERFACE", 99)
    assert not native.is_available()
    assert "belongs to another version of Tenor" in native.status().reason


def test_importing_loads_no_library():
    code = "import tenor.native as n; print(n.library.load.cache_info().currsize)"
    assert in_a_new_process(code) == "0"


@needs_core
@pytest.mark.parametrize("offsets", [[0, 4], [1, 3], [0, 2, 1, 3], [0, -1, 3]])
def test_offsets_that_do_not_fit_are_refused(offsets):
    layer, x = Case().layer(), np.zeros((3, 5), np.float32)
    with pytest.raises(InputError, match="offsets must rise from 0"):
        layer.forward(x, np.array(offsets, np.int64))


@needs_core
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": np.zeros((3, 5))}, "inputs must be a float32 array, got float64"),
        ({"inputs": np.zeros((3, 6), np.float32)}, r"inputs must have the shape \(3, 5\)"),
        ({"offsets": np.array([0, 3], np.int32)}, "offsets must be int64"),
        ({"initial": (np.zeros((2, 17), np.float32),) * 2}, r"initial .* \(1, 17\)"),
        ({"states": np.zeros((17, 3), np.float32).T}, "states must be writable"),
        ({"states": np.zeros((3, 16), np.float32)}, r"states .* \(3, 17\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    arrays = {"inputs": np.zeros((3, 5), np.float32), "offsets": np.array([0, 3], np.int64)} | change
    with pytest.raises(InputError, match=message):
        Case().layer().forward(**arrays)


@needs_core
def test_weights_and_names_that_do_not_fit_are_refused():
    ones = [np.ones(shape, np.float32) for shape in [(68, 5), (68, 17), (68,)]]
    given = native.LayerWeights(weight_ih=ones[0], weight_hh=ones[1], bias_ih=ones[2])
    with pytest.raises(InputError, match="weight_hh must have the shape"):
        native.PreparedLayer("lstm", given._replace(weight_hh=ones[1][1:]))
    with pytest.raises(InputError, match="out of range or a needed array is missing"):
        native.PreparedLayer("lstm", given._replace(weight_hh=None))
    with pytest.raises(InputError, match="no activation or cell"):
        native.PreparedLayer("rnn", given._replace(weight_hh=None, bias_ih=None), activation="swish")
    with pytest.raises(InputError, match="instruction set"):
        native.PreparedLayer("lstm", given, isa="sse9")
    with pytest.raises(InputError, match="no activation"):
        native.activation("relu", ones[2])
    with pytest.raises(InputError, match="1 to 1024"):
        native.set_threads(0)


@needs_core
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_c_example_compiles_and_prints_what_python_computes(tmp_path):
    folder, program = Path(native.status().library).parent, tmp_path / "lstm"
    include = Path(native.__file__).parent
    source = Path(__file__).parents[1] / "examples" / "lstm.c"
    link = [str(folder / "libtenor_core.so"), f"-Wl,-rpath,{folder}"]
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(["cc", *strict, f"-I{include}", source, *link, "-o", program], check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(np.float64(printed.split()), example_states().ravel(), atol=1e-7)


@needs_core
@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm")
def test_the_library_exports_what_the_header_declares_and_nothing_else():
    header = (Path(native.__file__).parent / "tenor.h").read_text()
    command = ["nm", "-D", "--defined-only", "--format=posix", native.status().library]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exported = {line.split()[0] for line in listed.splitlines()}
    assert exported == set(re.findall(r"^TENOR_API .*?\b(tenor_\w+)\(", header, re.MULTILINE))


def example_states():
    """What ``examples/lstm.c`` computes."""
    weight_ih = np.float32(0.1) * (np.arange(24) % 7 - 3).astype(np.float32).reshape(8, 3)
    weight_hh = np.float32(0.2) * (np.arange(16) % 5 - 2).astype(np.float32).reshape(8, 2)
    x = (np.arange(15) % 4).astype(np.float32).reshape(5, 3) - np.float32(1.5)
    layer = native.PreparedLayer("lstm", native.LayerWeights(weight_ih=weight_ih, weight_hh=weight_hh))
    return layer.forward(x, np.array([0, 3, 5])).h


GROUPS = Path("/sys/fs/cgroup/cpu") if Path("/sys/fs/cgroup/cpu").is_dir() else Path("/sys/fs/cgroup")


@pytest.fixture
def limited_group():
    """A control group that may have the time of one processor and a half, within one that may have more."""
    outer = GROUPS / f"tenor-test-{os.getpid()}"
    inner = outer / "inner"
    try:
        inner.mkdir(parents=True)
        if GROUPS.name == "cpu":
            (inner / "cpu.cfs_quota_us").write_text("150000")
        else:
            (inner / "cpu.max").write_text("150000 100000")
    except OSError:
        for group in (inner, outer):
            if group.is_dir():
                group.rmdir()
        pytest.skip("no control groups may be made here")
    yield inner
    inner.rmdir()
    outer.rmdir()


@needs_core
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor")
def test_there_are_no_more_threads_than_a_control_group_has_time_for(limited_group):
    enter = f"open({str(limited_group / 'cgroup.procs')!r}, 'w').write('0')\n"
    count = "import tenor.native as n; print(n.status().threads)"
    assert in_a_new_process(enter + count) == "2"
    quota = limited_group / ("cpu.cfs_quota_us" if GROUPS.name == "cpu" else "cpu.max")
    quota.write_text("100000")
    assert in_a_new_process(enter + count) == "1"


@needs_core
def test_a_whole_text_of_capital_sigmas_takes_no_longer_than_others():
    classifier = TextClassifier.load()
    for text in ("Σ" * 200_000, "Σ'" * 200_000):
        began = time.perf_counter()
        classifier.predict_logits([text])
        assert time.perf_counter() - began < 3
