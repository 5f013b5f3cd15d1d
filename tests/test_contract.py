"""What every cell, pooling and direction promises: a new one gets all of this by one more line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tenor import TextClassifier, native
from tenor.batching import join
from tenor.errors import UnsupportedError
from tenor.ngrams import Ngrams
from tenor.spelled import characters, words_of
from tenor.training.pytorch import network

CELLS = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")]
POOLINGS = [
    ("last",),
    ("last_word",),
    ("first_last",),
    ("mean",),
    ("max",),
    ("attention",),
    ("mean", "max", "last"),
]
NETWORKS = [
    {"cell": cell, "activation": activation, "pooling": pooling, "bidirectional": both}
    for (cell, activation), pooling, both in itertools.product(CELLS, POOLINGS, (False, True))
]
LINEAR = [
    {"cell": "linear"},
    {"window": 2},
    {"window": 2, "output_gate": True},
    {"window": 2, "input_gate": True, "output_gate": True, "skip": True, "bidirectional": True},
    {"activation": "identity", "output_gate": True, "skip": True},
    {"activation": "identity", "input_gate": True, "bidirectional": True},
    {"activation": "relu", "skip": True, "hidden_sizes": (7, 20), "bidirectional": True},
    {"window": 2, "hidden_sizes": (17, 33), "pooling": ("last", "attention", "max")},
    {"output_gate": True, "pooling": ("first_last", "mean", "last_word"), "bidirectional": True},
]
MORE_NETWORKS = [
    *({"cell": "linear"} | settings for settings in LINEAR),
    {"hidden_sizes": (3, 6)},
    {"hidden_sizes": (3, 6), "bidirectional": True, "cell": "gru"},
    {"biases": "input"},
    {"biases": "recurrent", "cell": "gru"},
    {"biases": "input", "cell": "rnn", "bidirectional": True},
    {"head_hidden": 7},
    {"binary_logits": 2},
    {"ngrams": 50},
    {"ngrams": 60, "ngram_order": 1},
    {"ngrams": 2000, "ngram_order": 5},
    {"cell": "linear", "window": 2, "bidirectional": True, "ngrams": 70, "binary_logits": 2},
    {"cell": "gru", "pooling": ("attention",), "ngrams": 30},
    {"ngrams": 300, "char_ngrams": 4},
    {"cell": "linear", "bidirectional": True, "ngrams": 90, "ngram_order": 1, "char_ngrams": 1},
    {"cell": "gru", "pooling": ("attention",), "ngrams": 2000, "char_ngrams": 16},
    {"embedding_dim": 1, "hidden_sizes": (1,)},
]
TEXTS = ["the film is not good", "bad", "", "the film the film", "unheard of", "is not bad is it " * 9]
ALL = NETWORKS + MORE_NETWORKS
needs_core = pytest.mark.skipif(not native.is_available(), reason="no compiled core here")


def cases(settings):
    """Each network in NumPy and in the compiled core."""
    numpy = [pytest.param(s, "numpy", id=f"numpy-{s}") for s in settings]
    core = [pytest.param(s, "native", marks=needs_core, id=f"native-{s}") for s in settings]
    return pytest.mark.parametrize(("settings", "runtime"), numpy + core)


def one_way(settings):
    return [s for s in settings if not s.get("bidirectional")]


every_network = pytest.mark.parametrize("settings", ALL, ids=str)
every_case = cases(ALL)
every_one_way_case = cases(one_way(ALL))


def token_ids(model):
    spelled = characters("unheard") if model.config.char_ngrams else []
    return [[2, 3, 4, 5], [6], [], [7, 1, *spelled, 2], [3] * 40, [1, *spelled]]


def torch_logits(model, texts):
    weights = {name: torch.from_numpy(weight) for name, weight in model.weights.items()}
    batch = join(texts)
    found = network.logits(weights, model.config, words_of(batch)).numpy()
    ngrams = Ngrams.of(model.config, model.weights)  # of which PyTorch knows nothing
    return found if ngrams is None else found + ngrams.scores(batch)


@every_network
def test_numpy_equals_pytorch_in_float64(tiny, settings):
    model = tiny(np.float64, **settings)
    expected = torch_logits(model, token_ids(model))
    np.testing.assert_allclose(TextClassifier(model).logits_of(token_ids(model)), expected, atol=1e-12)


@every_case
def test_each_runtime_equals_pytorch_in_float32(tiny, settings, runtime):
    model = tiny(**settings)
    expected = torch_logits(model, token_ids(model))
    found = TextClassifier(model, runtime=runtime).logits_of(token_ids(model))
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@every_case
def test_a_text_alone_and_in_any_company_has_the_same_bits(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    together = classifier.predict_logits(TEXTS)
    alone = np.concatenate([classifier.predict_logits([text]) for text in TEXTS])
    backwards = classifier.predict_logits(TEXTS[::-1])[::-1]
    crowded = classifier.predict_logits(TEXTS * 7)[-len(TEXTS) :]
    for found in (alone, backwards, crowded):
        np.testing.assert_array_equal(found, together)


@every_case
def test_reading_ends_where_predicting_does(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    for text in TEXTS:
        reading = classifier.read(text)
        after = [reading.before, *(word.probabilities for word in reading.words)][-1]
        assert after == classifier.predict([text])[0].probabilities


@every_case
def test_every_prefix_is_read_as_a_text_of_its_own(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    text = "the film is not unheard of is it"
    for word in classifier.read(text).words:
        assert word.probabilities == classifier.predict([text[: word.token.end]])[0].probabilities


@every_one_way_case
def test_stepping_is_reading(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    state = classifier.begin()
    for word in classifier.read("the film is not unheard of").words:
        state = classifier.step(state, word.token.text)
        assert state.probabilities == word.probabilities


@every_one_way_case
def test_a_kept_state_can_be_gone_on_from_twice(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    kept = classifier.step(classifier.begin(), "not")
    first = classifier.step(kept, "good").probabilities
    classifier.step(classifier.step(kept, "bad"), "bad")
    assert classifier.step(kept, "good").probabilities == first


@every_case
def test_encoded_states_are_those_that_stepping_passes_through(tiny, settings, runtime):
    classifier = TextClassifier(tiny(**settings), runtime=runtime)
    encoding = classifier.encode("the film is not bad")
    directions = 2 if settings.get("bidirectional") else 1
    size = classifier.model.config.hidden_sizes[-1]
    ends = [encoding.states[-1, :size], encoding.states[0, size:]][:directions]
    for final, end in zip(encoding.final_states[-1], ends, strict=True):
        np.testing.assert_array_equal(final.h[0], end)
    if directions == 1:
        state = classifier.begin()
        for token, row in zip(encoding.tokens, encoding.states, strict=True):
            state = classifier.step(state, token.text)
            np.testing.assert_array_equal(state.layers[-1][0].h[0], row)


@every_network
def test_saved_and_loaded_it_answers_the_same(tiny, settings, tmp_path):
    classifier = TextClassifier(tiny(**settings))
    classifier.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model")
    assert loaded.predict(TEXTS) == classifier.predict(TEXTS)


def learnt(model):
    """The weights in PyTorch."""
    return {
        name: torch.from_numpy(weight).requires_grad_()
        for name, weight in model.weights.items()
        if not name.startswith("ngrams.")
    }


@every_network
def test_every_weight_gets_a_gradient(tiny, settings):
    model = tiny(np.float64, **settings)
    weights = learnt(model)
    scores = network.logits(weights, model.config, join([[2, 3, 4], [5, 6, 7, 1], [0]]))
    network.loss(scores, torch.tensor([0, 1, 1])).backward()
    assert [name for name, weight in weights.items() if weight.grad is None] == []
    unused = [name for name, weight in weights.items() if not weight.grad.any()]
    # At a text's last word the backward direction has read one word, and used no state.
    one_word = settings.get("pooling") == ("last_word",) and settings.get("bidirectional")
    assert unused == (["rnn.weight_hh_l0_reverse"] if one_word else [])


@every_network
def test_gradients_are_those_of_each_text_alone(tiny, settings):
    model = tiny(np.float64, **settings)
    texts, targets = [[2, 3, 4, 5, 6], [7], [3, 3]], [0, 1, 1]

    def gradients(batches):
        weights = learnt(model)
        for batch in batches:
            scores = network.logits(weights, model.config, join([texts[i] for i in batch]))
            goal = torch.tensor([targets[i] for i in batch])
            (network.loss(scores, goal) * len(batch)).backward()
        return {name: weight.grad.numpy() for name, weight in weights.items()}

    together, alone = gradients([[0, 1, 2]]), gradients([[0], [1], [2]])
    for name, gradient in together.items():
        np.testing.assert_allclose(gradient, alone[name], atol=1e-12, err_msg=name)


def test_a_bidirectional_model_cannot_be_stepped(tiny):
    with pytest.raises(UnsupportedError, match="bidirectional model reads from the end"):
        TextClassifier(tiny(bidirectional=True)).begin()


HOSTILE = {
    "empty": "",
    "spaces": " \t\r\n\u00a0\u3000",
    "unknown": "zzz qqq",
    "one token": "good",
    "emoji": "good 👍🏽 👩‍👩‍👧‍👦 film",
    "right to left": "الفيلم ليس سيئا the film",
    "marks": "e\u0301\u0300\u0302 \u0301",
    "surrogate": "good \ud800 film",
    "nul": "good\x00film",
    "markup": "<br/><<<<>>>> &amp; good",
    "bidi controls": "\u202egood\u202c film",
}


@pytest.mark.parametrize("runtime", ["numpy", pytest.param("native", marks=needs_core)])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_is_too_odd(tiny, text, runtime):
    classifier = TextClassifier(tiny(), runtime=runtime)
    prediction = classifier.predict([text])[0]
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    reading = classifier.read(text)
    assert all(text[w.token.start : w.token.end].strip() for w in reading.words)


@pytest.mark.parametrize("runtime", ["numpy", pytest.param("native", marks=needs_core)])
def test_a_million_characters_are_read_to_the_end(tiny, runtime):
    classifier = TextClassifier(tiny(), runtime=runtime)
    text = f"{'long' * 19} not " * 12_500
    found, longer = classifier.predict([text, text + "bad"])
    assert not found.truncated
    assert found != longer


def test_empty_texts_of_all_kinds_get_the_answer_before_reading(tiny):
    classifier = TextClassifier(tiny())
    before = classifier.read("anything").before
    assert [p.probabilities for p in classifier.predict(["", " ", "\n\t"])] == [before] * 3
