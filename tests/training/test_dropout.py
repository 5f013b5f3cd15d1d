from __future__ import annotations

import numpy as np
import pytest

from tenor import native
from tenor.config import TrainConfig
from tenor.training.dropout import Dropout, Share


def test_a_share_of_the_elements_is_zeroed_and_the_mean_is_kept():
    mask = Share(0.3, 5).mask((100, 100))
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert mask.mean() == pytest.approx(1, abs=0.03)
    assert len(np.unique(mask)) == 2


def test_whole_rows_go_by_what_they_are_known_by():
    ids = np.array([4, 9, 2, 7], np.int32)
    once = Share(0.0, 0, 0.5, 3).mask((4, 6), ids)
    assert (once.std(axis=1) == 0).all()
    again = Share(0.0, 0, 0.5, 3).mask((4, 6), ids[::-1].copy())
    np.testing.assert_array_equal(again[::-1], once)
    many = Share(0.0, 0, 0.5, 3).mask((1000, 2))
    assert (many[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.06)


def test_rows_and_columns_are_not_alike():
    mask = Share(0.5, 11).mask((200, 200)) > 0
    for axis in (0, 1):
        shares = mask.mean(axis=axis)
        assert 0.3 < shares.min() < shares.max() < 0.7


def test_nothing_is_dropped_for_a_share_of_zero():
    x = np.random.default_rng(0).random((5, 5), np.float32)
    for share in (Share(0.0, 7), Dropout.none(2).hidden[0]):
        before = x.copy()
        share.apply(x)
        np.testing.assert_array_equal(x, before)
        assert (share.mask(x.shape) == 1).all()


def test_the_update_and_the_seed_decide_what_is_dropped():
    def masks(seed, step):
        dropout = Dropout.of(TrainConfig(seed=seed), step, 2)
        shares = (dropout.words, dropout.hidden[0], dropout.pooled, dropout.head)
        return [share.mask((20, 20)) for share in shares]

    for mask, same in zip(masks(0, 0), masks(0, 0), strict=True):
        np.testing.assert_array_equal(mask, same)
    for other in (masks(0, 1), masks(1, 0)):
        assert all((mask != different).any() for mask, different in zip(masks(0, 0), other, strict=True))
    first, *others = masks(0, 0)
    assert all((first != other).any() for other in others)


@pytest.mark.skipif(not native.is_available(), reason="no compiled core")
@pytest.mark.parametrize("share", [Share(0.5, 2**32 - 1), Share(0.3, 9, 0.6, 2**31), Share(0.0, 1, 0.9, 5)])
def test_the_core_drops_the_same(share):
    x = np.random.default_rng(1).standard_normal((301, 37)).astype(np.float32)
    ids = np.arange(301, dtype=np.int32)[::-1].copy() * 101
    expected = x * share.mask(x.shape, ids)
    share.apply(x, ids)
    np.testing.assert_array_equal(x, expected)
