from __future__ import annotations

import pytest
import torch

from tenor.config import TrainConfig
from tenor.training.network import Dropout


def dropout(seed=0):
    return Dropout(config=TrainConfig(), generator=torch.Generator().manual_seed(seed))


def test_a_share_of_the_elements_is_zeroed_and_the_mean_is_kept():
    dropped = dropout().elements(torch.ones(100, 100), 0.3)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)


def test_a_word_is_dropped_everywhere_or_nowhere():
    word_ids = torch.arange(50).repeat(4)
    dropped = dropout().rows(torch.ones(200, 3), word_ids, 50, 0.5).view(4, 50, 3)
    assert (dropped == dropped[0]).all()
    assert 0.2 < (dropped[0, :, 0] == 0).float().mean() < 0.8


def test_nothing_is_dropped_for_a_share_of_zero():
    x = torch.rand(5, 5)
    assert dropout().elements(x, 0.0) is x
    assert dropout().rows(x, torch.arange(5), 5, 0.0) is x


def test_the_generator_decides_what_is_dropped():
    x = torch.ones(20, 20)
    assert torch.equal(dropout(1).elements(x, 0.5), dropout(1).elements(x, 0.5))
    assert not torch.equal(dropout(1).elements(x, 0.5), dropout(2).elements(x, 0.5))
