from __future__ import annotations

import numpy as np
import pytest

from tenor.training.order import batches

LENGTHS = np.random.default_rng(0).integers(0, 200, 1000).tolist()


def order(seed=0, epoch=1, batch_size=8):
    return batches(LENGTHS, batch_size=batch_size, seed=seed, epoch=epoch)


def test_every_text_is_read_once_an_epoch():
    assert sorted(np.concatenate(order()).tolist()) == list(range(1000))
    assert [len(batch) for batch in order()].count(8) == 125


def test_the_order_is_a_function_of_seed_and_epoch():
    again = [batch.tolist() for batch in order()]
    assert [batch.tolist() for batch in order()] == again
    assert [batch.tolist() for batch in order(epoch=2)] != again
    assert [batch.tolist() for batch in order(seed=1)] != again


def test_the_order_is_the_same_on_every_machine():
    assert [batch[:3].tolist() for batch in order(batch_size=100)[:3]] == FIRST


def test_texts_of_similar_length_stand_together():
    places = sum(max(LENGTHS[i] for i in batch) * len(batch) for batch in order())
    assert places < 1.1 * sum(LENGTHS)


def test_batches_do_not_come_in_order_of_length():
    means = [np.mean([LENGTHS[i] for i in batch]) for batch in order()]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_the_first_batches_of_an_epoch_are_a_sample_of_all_and_another_in_the_next():
    first, second = (np.concatenate(order(epoch=epoch)[:60]) for epoch in (1, 2))
    assert np.mean([LENGTHS[i] for i in first]) == pytest.approx(np.mean(LENGTHS), rel=0.1)
    assert len(np.intersect1d(first, second)) == pytest.approx(480 * 0.48, rel=0.2)


def test_few_texts_make_one_short_batch():
    assert [len(batch) for batch in batches([3, 1], batch_size=8, seed=0, epoch=1)] == [2]


FIRST = [[459, 401, 102], [615, 351, 9], [126, 153, 977]]
