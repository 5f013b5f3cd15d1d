"""Scores of n-grams, fitted by themselves, and what of them and of a network is added up."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from tenor import native, ngrams
from tenor.batching import join
from tenor.errors import InputError, TenorError, TrainingError
from tenor.metrics import cross_entropies
from tenor.native.training import sums_of_rows
from tenor.ngrams import Ngrams
from tenor.scorer import Scorer
from tenor.training.encoded import Encoded
from tenor.training.ngrams import scores
from tenor.training.ngrams.blend import HALVES, Apart, Beside, Blend, best_blend, without_ngrams
from tenor.training.ngrams.evidence import by_hash, gather
from tenor.training.ngrams.lbfgs import minimize
from tenor.training.ngrams.lists import HALF, LOW, Lists, sort
from tenor.training.ngrams.scores import Features, Labels

LISTS = Lists(np.array([2, 0, 1, 1, 2, 2], np.int32), np.array([0, 1, 1, 3, 6]))
"""Of the rows 2; of none; 0 and 1; 1, 2 and 2."""


def texts(count=200, num_labels=2, seed=0):
    """Whose labels some of their words tell, and order does."""
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, num_labels, count)
    ids = []
    for target in targets:
        noise = draw.integers(20, 60, size=draw.integers(3, 30))
        told = [10 + target] if draw.random() < 0.7 else []
        ids.append(np.array([*noise, *told], np.int32))
    return Encoded(token_ids=ids, targets=targets)


def labels_of(texts, num_labels=2, num_train=None):
    num_logits = 1 if num_labels == 2 else num_labels
    return Labels(texts.targets, num_labels, num_logits, num_train or len(texts.targets))


def problem_of(texts, num_labels=2, num_train=None):
    """The one problem of few labels, which learns from the first so many texts."""
    labels = labels_of(texts, num_labels, num_train)
    features = Features(gather(texts.token_ids, order=2, most_rows=2**16), texts)
    (problem,) = scores._problems(features, labels.known(labels.num_train), labels.num_logits)
    return problem


def fitted(train, validation, num_labels=2, *, learns_all=False):
    """Scores, and what gives the logits of texts by them."""
    both = train.followed_by(validation)
    evidence = gather(both.token_ids, order=2, most_rows=2**16)
    labels = labels_of(both, num_labels, len(train.targets))
    found = scores.fit(Features(evidence, both), labels, learns_all=learns_all)
    assert found.weight.shape == (len(evidence.owners), labels.num_logits)
    assert not found.weight[evidence.owners == 0].any()
    table = Ngrams(found.weight, evidence.owners, 2)
    return found, lambda texts: table.scores(join(texts.token_ids)) + found.bias


@pytest.mark.parametrize("width", [1, 3])
def test_lists_add_up_the_rows_that_they_name(monkeypatch, width):
    rows = np.random.default_rng(0).normal(size=(3, width)).astype(np.float32)
    expected = [rows[2], np.zeros(width), rows[0] + rows[1], rows[1] + 2 * rows[2]]
    shared = replace(LISTS, shares=np.array([2, 3, 0, 1, -1, 0.5], np.float32))
    of_shares = [2 * rows[2], np.zeros(width), 3 * rows[0], rows[1] - rows[2] + 0.5 * rows[2]]
    for _ in range(2):
        np.testing.assert_allclose(LISTS.sums(rows), expected, rtol=1e-6)
        np.testing.assert_allclose(shared.sums(rows), of_shares, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(shared.all_ones().sums(rows), LISTS.sums(rows))
        monkeypatch.setattr(native, "is_available", lambda: False)


@pytest.mark.parametrize("width", [1, 3, 4, 5, 15, 16, 17, 37])
def test_sums_are_those_of_each_column_alone_to_the_bit(width):
    draw = np.random.default_rng(width)
    lists = Lists(
        draw.integers(0, 50, 700).astype(np.int32), np.sort(np.append(draw.integers(0, 701, 30), [0, 700]))
    )
    rows = draw.normal(size=(50, width)).astype(np.float32)
    found = lists.sums(rows)
    for column in range(width):
        alone = [
            np.float32(sum((float(rows[i, column]) for i in lists.items[begin:end]), 0.0))
            for begin, end in zip(lists.offsets, lists.offsets[1:], strict=False)
        ]
        np.testing.assert_array_equal(found[:, column], alone)


def test_lists_can_be_turned_and_turned_back():
    turned = LISTS.turned(3)
    assert turned.items.tolist() == [2, 2, 3, 0, 3, 3]
    assert turned.offsets.tolist() == [0, 1, 3, 6]
    assert turned.turned(4).offsets.tolist() == LISTS.offsets.tolist()
    shared = replace(LISTS, shares=np.arange(6, dtype=np.float32)).turned(3)
    assert shared.shares.tolist() == [1, 2, 3, 0, 4, 5]


@pytest.mark.parametrize("count", [2**16, 2**16 + 1, 2**20])
def test_lists_of_many_texts_can_be_turned(count):
    draw = np.random.default_rng(count)
    items, offsets = draw.integers(count - 2**10, count, 5000).astype(np.int32), np.arange(0, 5001, 5)
    turned = Lists(items, offsets).turned(count)
    expected = sorted((item, place // 5) for place, item in enumerate(items.tolist()))
    assert turned.items.tolist() == [each for _, each in expected]
    np.testing.assert_array_equal(np.diff(turned.offsets), np.bincount(items, minlength=count))


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 300_000])
def test_keys_are_sorted_on_any_number_of_threads(threads, count):
    keys = np.random.default_rng(0).integers(0, 2**63, count).astype(np.uint64) << np.uint64(1)
    expected, before = np.sort(keys), native.status().threads
    try:
        native.set_threads(threads)
        sort(keys)
    finally:
        native.set_threads(before)
    np.testing.assert_array_equal(keys, expected)


def test_a_row_with_two_owners_of_one_mark_lists_the_texts_of_both():
    batch = join(texts(count=3000).token_ids)
    found = gather(np.split(batch.token_ids, batch.offsets[1:-1]), order=2, most_rows=2**9)
    keys = by_hash(batch, 2)
    hashes = (keys >> HALF).astype(np.uint32)
    rows, owned = ngrams.looked_up(hashes, found.owners)
    pairs, times = np.unique(
        np.stack([rows, (keys & LOW).astype(np.int32)])[:, owned], axis=1, return_counts=True
    )
    lists = found.of_ngrams
    assert len(np.unique(hashes[owned])) > len(found.rows) > 400  # so that some rows have two owners
    np.testing.assert_array_equal(np.repeat(found.rows, np.diff(lists.offsets)), pairs[0])
    np.testing.assert_array_equal(lists.items, pairs[1])
    np.testing.assert_array_equal(lists.shares, np.sqrt(times).astype(np.float32))


def test_what_a_text_has_several_times_counts_the_root_of_it(monkeypatch):
    monkeypatch.setattr("tenor.training.ngrams.evidence._ROWS_EACH", 500)  # none is shared
    ids = [np.array(text, np.int32) for text in ([5, 6, 5, 5, 5], [5, 6], [6, 7, 7], [7])]
    found = gather(ids, order=1, most_rows=2**10)
    of_texts = found.of_ngrams.turned(4)
    shares = np.split(of_texts.shares, of_texts.offsets[1:-1])
    assert [sorted(one.tolist()) for one in shares] == [[1, 2], [1, 1], [1, np.sqrt(np.float32(2))], [1]]
    texts = found.of_ngrams.all_ones().sums(np.ones((4, 1), np.float32))
    assert sorted(texts[:, 0].tolist()) == [2, 2, 3]


@pytest.mark.parametrize("threads", [1, 3])
def test_sums_have_the_same_bits_on_any_number_of_threads(threads):
    draw = np.random.default_rng(0)
    lists = Lists(draw.integers(0, 5000, 400_000).astype(np.int32), np.arange(0, 400_001, 100))
    rows = draw.normal(size=(5000, 2)).astype(np.float32)
    before = native.status().threads
    expected = lists.sums(rows)
    try:
        native.set_threads(threads)
        np.testing.assert_array_equal(lists.sums(rows), expected)
    finally:
        native.set_threads(before)


@pytest.mark.parametrize("wrong", [3, -1])
def test_a_row_that_is_not_there_is_refused(wrong):
    with pytest.raises(TenorError):
        Lists(np.array([wrong], np.int32), np.array([0, 1])).sums(np.zeros((3, 1), np.float32))


@pytest.mark.parametrize("place", [0, 100_000, 399_999])
def test_a_row_that_is_not_there_is_refused_among_many(place):
    items = np.zeros(400_000, np.int32)
    lists = Lists(items, np.arange(0, 400_001, 40))
    lists.sums(np.zeros((3, 1), np.float32))
    for wrong in (3, -1, 2**31 - 1, -(2**31)):
        items[place] = wrong
        with pytest.raises(TenorError):
            lists.sums(np.zeros((3, 1), np.float32))


def test_the_minimum_of_a_long_valley_is_found():
    scale = np.array([[1.0], [1e3], [1e-2]])
    goal = np.array([[3.0], [-1.0], [2.0]])
    found = minimize(valleys(scale, goal), np.zeros((3, 1)), tolerance=1e-12, most_steps=200)
    np.testing.assert_allclose(found, goal, atol=1e-3)


def valleys(scale, goal, offset=0.0):
    """A function of each column, least at its goal."""

    def functions(at):
        far = (at - goal).astype(np.float64)
        return offset + (scale * far**2).sum(axis=0) / 2, (scale * far).astype(at.dtype)

    return functions


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [3, 600])
def test_functions_side_by_side_are_minimized_each_by_itself(rows, dtype):
    draw = np.random.default_rng(rows)
    scale, goal = draw.uniform(0.1, 10, (rows, 7)), draw.normal(size=(rows, 7))
    scale *= 10.0 ** np.arange(-3, 4)  # no step suits all
    scale[:, 6], goal[:, 5] = 0, 0  # nothing to gain: flat, and where it begins
    found = minimize(valleys(scale, goal), np.zeros((rows, 7), dtype), tolerance=1e-7, most_steps=100)
    assert found.dtype == dtype
    np.testing.assert_allclose(found[:, :6], goal[:, :6], atol=0.03)
    assert not found[:, 5:].any()


def test_a_step_too_far_is_tried_again_with_half_of_it():
    tried = []

    def bowl(at):
        tried.append(at.item())
        return np.sqrt(1 + at[0] ** 2), at / np.sqrt(1 + at**2)

    found = minimize(bowl, np.array([[3.0]]), tolerance=1e-9, most_steps=300)
    assert abs(found.item()) < 1e-6
    assert max(map(abs, tried)) > 10
    assert len(tried) < 20


def test_a_function_that_is_no_number_ends_it():
    found = minimize(
        lambda at: (np.full(2, np.nan), at * np.nan), np.ones((3, 2)), tolerance=0.1, most_steps=5
    )
    np.testing.assert_array_equal(found, 1)


@pytest.mark.parametrize("num_labels", [2, 4])
def test_the_slope_is_that_of_the_value(num_labels):
    problem = problem_of(texts(60, num_labels), num_labels, num_train=50)
    draw = np.random.default_rng(0)
    at, way = (draw.normal(size=(2, *problem.shape)) * 0.3).astype(np.float32)
    _, slope = problem.value(at, 0.5)
    ahead, behind = (problem.value(at + np.float32(far) * way, 0.5)[0] for far in (1e-2, -1e-2))
    np.testing.assert_allclose((ahead - behind) / 2e-2, (slope * way).sum(axis=0), rtol=5e-3)


def test_a_text_counts_until_its_labels_margin_is_one():
    train = texts(60, 3)
    problem = problem_of(train.followed_by(texts(40, 3)), 3, num_train=60)
    at = np.zeros(problem.shape, np.float32)
    at[-1] = [0.25, -2, 2]
    value, slope = problem.value(at, 0.5)
    count = np.bincount(train.targets, minlength=3)
    expected = [0.75**2 * count[0] + 1.25**2 * (60 - count[0]), 9 * count[1], 9 * (60 - count[2])]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slope[-1, 1:], [-6 * count[1], 6 * (60 - count[2])], rtol=1e-6)


@pytest.mark.parametrize("num_labels", [5, 17])
def test_labels_are_fitted_the_same_however_many_go_together(monkeypatch, num_labels):
    train, validation = texts(400, num_labels), texts(200, num_labels, seed=1)
    together, of_together = fitted(train, validation, num_labels, learns_all=True)
    monkeypatch.setattr(scores, "_AT_ONCE", 3)
    apart, of_apart = fitted(train, validation, num_labels, learns_all=True)
    assert together.weight.shape == apart.weight.shape
    one, other = of_together(validation), of_apart(validation)
    assert np.mean(one.argmax(axis=1) == other.argmax(axis=1)) > 0.97
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("num_labels", [2, 4])
def test_scores_are_learnt_and_hold_on_other_texts(num_labels):
    train, validation = texts(400, num_labels), texts(200, num_labels, seed=1)
    found, logits_of = fitted(train, validation, num_labels)
    logits = logits_of(validation)
    np.testing.assert_allclose(found.held_out, logits, rtol=1e-4, atol=1e-5)
    guesses = (logits[:, 0] >= 0) if num_labels == 2 else logits.argmax(axis=1)
    assert np.mean(guesses == validation.targets) > 0.75
    assert found.strength in scores.STRENGTHS
    assert found.accuracy == np.mean(guesses == validation.targets)


@pytest.mark.parametrize("num_labels", [2, 4])
def test_what_validation_texts_say_is_learnt_once_they_have_chosen(num_labels):
    train, validation = texts(100, num_labels), texts(100, num_labels, seed=1)
    new = [np.append(ids, 70 + target) for ids, target in zip(*astuple(validation)[:2], strict=True)]
    validation = replace(validation, token_ids=[ids.astype(np.int32) for ids in new])
    chosen, before = fitted(train, validation, num_labels)
    found, after = fitted(train, validation, num_labels, learns_all=True)
    assert found.strength == chosen.strength
    np.testing.assert_array_equal(found.held_out, chosen.held_out)
    words = Encoded(token_ids=[np.array([70 + i], np.int32) for i in range(2)], targets=np.arange(2))
    np.testing.assert_array_equal(*before(words))  # they say nothing
    told = after(words)[:, -1] if num_labels == 2 else after(words)[:, 1]
    assert told[1] > told[0] + 1


def test_the_labels_of_validation_texts_are_not_seen_before_they_have_chosen():
    train, validation = texts(100), texts(100, seed=1)
    wrong = replace(validation, targets=1 - validation.targets)
    right, misled = (problem_of(train.followed_by(of), num_train=100) for of in (validation, wrong))
    at = np.random.default_rng(0).normal(size=right.shape).astype(np.float32)
    for one, other in zip(right.value(at, 0.5), misled.value(at, 0.5), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_strength_is_the_one_that_validation_likes_best(monkeypatch):
    train, validation = texts(400), texts(200, seed=1)
    losses = {}
    for strength in scores.STRENGTHS:
        with monkeypatch.context() as patch:
            patch.setattr(scores, "STRENGTHS", (strength,))
            held_out = fitted(train, validation)[0].held_out
        losses[strength] = cross_entropies(validation.targets, held_out).mean()
    chosen = fitted(train, validation)[0].strength
    assert losses[chosen] == pytest.approx(min(losses.values()), rel=0.01)


def test_labels_of_unlike_size_are_known_by_the_bias():
    train = texts(300)
    rare = Encoded(
        token_ids=train.token_ids, targets=(train.targets * (np.arange(300) % 5 == 0)).astype(np.int64)
    )
    found, _ = fitted(rare, rare)
    assert found.bias[0] < -1


def logits_of(targets, sure, seed, columns=1):
    noise = np.random.default_rng(seed).normal(size=(len(targets), columns))
    right = np.where(targets, 1, -1)[:, None] if columns == 1 else 2 * np.eye(columns)[targets]
    return (sure * (noise + 0.7 * right)).astype(np.float32)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_blend_is_better_than_either_and_than_what_is_near_it(columns):
    targets = np.random.default_rng(9).integers(0, max(columns, 2), 2000)
    one, other = logits_of(targets, 3.0, 1, columns), logits_of(targets, 1.5, 2, columns)
    blend = best_blend(one, other, targets)

    def loss(of):
        return cross_entropies(targets, of.logits(one, other)).mean()

    assert loss(blend) < min(loss(Blend(1, 0)), loss(Blend(0, 1)), loss(HALVES))
    for far in (-0.2, 0.2):
        assert loss(blend) < min(loss(blend._replace(ngrams=blend.ngrams + far)),
                                 loss(blend._replace(network=blend.network + far)))  # fmt: skip


def test_what_misleads_is_left_out():
    targets = np.random.default_rng(9).integers(0, 2, 500)
    good = logits_of(targets, 1.0, 1)
    blend = best_blend(good, logits_of(1 - targets, 1.0, 2), targets)
    assert blend.ngrams > 0 == blend.network


def test_few_texts_leave_it_near_the_halves():
    blend = best_blend(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), np.array([1]))
    assert all(0.4 < share < 0.8 for share in blend)


def test_a_models_weights_blend_as_its_logits_do(tiny):
    model = tiny(ngrams=300)
    network = without_ngrams(model.weights)
    texts = Encoded(
        token_ids=[np.array([2, 3, 4], np.int32), np.array([5], np.int32)], targets=np.zeros(2, np.int64)
    )
    beside = Beside.of(model.config, model.weights, Apart(np.array([0.3], np.float32)))
    blend = Blend(0.7, 0.4)
    alone = Scorer(tiny().config, network).logits(join(texts.token_ids))
    found = Scorer(model.config, beside.weights(network, blend)).logits(join(texts.token_ids))
    np.testing.assert_allclose(found, blend.logits(beside.logits(texts), alone), atol=1e-5)
    assert np.abs(found - alone).min() > 0.01


def test_what_was_blended_can_be_taken_apart_again(tiny):
    model = tiny(ngrams=300)
    network = {name: weight.copy() for name, weight in without_ngrams(model.weights).items()}
    apart = Apart(np.array([0.3], np.float32), np.array([[0.5], [-1.5]], np.float32))
    beside = Beside.of(model.config, model.weights, apart)
    kept = {name: array.copy() for name, array in beside.moments(network).items()}
    blended = {name: array.copy() for name, array in beside.weights(network, Blend(0.7, 0.4)).items()}
    other = Beside.of(model.config, blended, None)
    live = {name: array.copy() for name, array in without_ngrams(blended).items()}
    live |= other.restore(kept, live)
    for name, weight in network.items():
        np.testing.assert_array_equal(live[name], weight)
    for name, array in other.weights(live, Blend(0.7, 0.4)).items():
        np.testing.assert_array_equal(array, blended[name])
    two = Encoded(token_ids=[np.array([2], np.int32)] * 2, targets=np.zeros(2, np.int64))
    np.testing.assert_array_equal(other.validation_logits(two), apart.held_out)
    with pytest.raises(TrainingError, match="logits of 2 validation texts, and there are 4"):
        other.validation_logits(two.followed_by(two))


@pytest.mark.parametrize(
    "name",
    [
        f"apart.{name}"
        for name in ("head.weight", "head.bias", "ngrams.weight", "ngrams.bias", "ngrams.held_out")
    ],
)
def test_what_does_not_fit_is_not_taken_apart(tiny, name):
    model = tiny(ngrams=300)
    apart = Apart(np.zeros(1, np.float32), np.zeros((3, 1), np.float32))
    beside = Beside.of(model.config, model.weights, apart)
    kept = beside.moments(model.weights)
    for wrong in ({}, {name: kept[name][:0]}, {name: kept[name].astype(np.float64)}):
        given = {key: array for key, array in kept.items() if key != name} | wrong
        with pytest.raises(TrainingError, match=f"no {name} that fits"):
            beside.restore(given, model.weights)


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (3, 1, 1)])
def test_logits_of_validation_texts_that_do_not_fit_are_refused(tiny, shape):
    model = tiny(ngrams=300)
    beside = Beside.of(model.config, model.weights, None)
    given = beside.moments(model.weights) | {"apart.ngrams.held_out": np.zeros(shape, np.float32)}
    with pytest.raises(TrainingError, match=r"no apart\.ngrams\.held_out that fits"):
        beside.restore(given, model.weights)


def test_a_first_step_that_gains_little_is_not_the_last():
    goal = np.linspace(-3, 3, 50)[:, None]
    found = minimize(valleys(100, goal, offset=1e6), np.zeros((50, 1)), tolerance=3e-4, most_steps=50)
    assert np.linalg.norm(found - goal) < 0.3 * np.linalg.norm(goal)


@pytest.mark.parametrize(
    ("items", "offsets", "shares"),
    [
        (np.array([0, 1]), np.array([0, 2]), None),
        (np.array([0, 1], np.int32), np.array([0, 2], np.int32), None),
        (np.array([0, 1], np.int32), np.array([0, 3]), None),
        (np.array([0, 1], np.int32), np.array([0, 2]), np.ones(1, np.float32)),
    ],
)
def test_lists_that_do_not_fit_are_refused(items, offsets, shares):
    with pytest.raises(InputError):
        sums_of_rows(np.ones((2, 1), np.float32), items, offsets, shares)
