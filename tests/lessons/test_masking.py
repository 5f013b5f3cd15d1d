"""A loss for every token: the padding of a batch changes no gradient."""

from __future__ import annotations

import torch
from torch.nn import functional

from tenor.lessons import masked_loss


def test_any_padding_gives_the_gradients_of_the_texts_one_by_one():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(9, 4, generator=generator, dtype=torch.float64).requires_grad_()
    layer = torch.nn.GRU(4, 6, batch_first=True).double()
    head = torch.nn.Linear(6, 9).double()
    learnt = [table, *layer.parameters(), *head.parameters()]
    texts = [[1, 2, 3, 4], [5], [6, 7, 8]]

    def scores(ids):
        return head(layer(table[ids])[0])

    def gradients(loss):
        return [g / 1 for g in torch.autograd.grad(loss, learnt)]

    one_by_one = sum(
        functional.cross_entropy(scores(torch.tensor([text]))[0], torch.tensor(text), reduction="sum")
        for text in texts
    ) / sum(map(len, texts))
    expected = gradients(one_by_one)
    for width, filler in ((4, 0), (11, 8)):
        ids = torch.full((3, width), filler)
        mask = torch.zeros(3, width, dtype=torch.bool)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = True
        found = gradients(masked_loss(scores(ids), ids, mask))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_targets_below_the_padding_may_be_anything():
    scores = torch.randn(1, 3, 4)
    mask = torch.tensor([[True, True, False]])
    losses = [masked_loss(scores, torch.tensor([[1, 2, below]]), mask) for below in (0, 3, 10**6, -1)]
    assert len(set(map(float, losses))) == 1
