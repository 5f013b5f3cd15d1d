"""Cells whose states are whole numbers, of sizes that fill no tile: equal bits on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from test_native import ISAS, Case, assert_same_bits, needs_core

WHOLE = [{"cell": cell, "precision": "int8"} for cell in ("lstm", "gru", "rnn")]
each_whole = pytest.mark.parametrize("settings", WHOLE, ids=lambda s: s["cell"])


def ragged(rows, longest=7):
    """Lengths from 0 on, not in order; at least one text is as long as can be."""
    return [*np.random.default_rng(rows).integers(0, longest + 1, rows - 1).tolist(), longest]


@needs_core
@each_whole
@pytest.mark.parametrize("isa", ISAS[1:])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("hidden", [1, 15, 16, 17, 64, 100, 130, 256])
def test_sizes_that_fill_no_tile_give_the_same_bits(settings, isa, reverse, hidden):
    for rows in (1, 2, 3, 15, 16, 17, 31, 33, 48, 50):
        case = Case(3, hidden, lengths=ragged(rows), **settings)
        options = {"reverse": reverse, "initial": case.initial, "folded": 1 << 20}
        assert_same_bits(case.read(isa=isa, **options), case.read(isa=ISAS[0], **options))


@needs_core
@each_whole
@pytest.mark.parametrize("isa", ISAS)
def test_any_number_of_texts_gives_each_the_bits_it_has_alone(settings, isa):
    for rows in range(1, 51):
        case = Case(3, 20, lengths=ragged(rows), **settings)
        _, *together = case.read(isa=isa, initial=case.initial)
        alone = Case(3, 20, lengths=ragged(rows), **settings)
        for number in {0, rows // 2, rows - 1}:
            one = [part[number : number + 1] for part in alone.initial]
            _, *found = case.read([case.texts[number]], isa=isa, initial=one)
            assert_same_bits(found, [part[number : number + 1].copy() for part in together])


@needs_core
@each_whole
@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_gates_that_are_open_or_shut_are_those_of_numpy(settings, scale):
    case = Case(3, 20, lengths=[6, 1, 4], **settings)
    case.vectors *= scale
    found = case.comparable(case.read(initial=case.initial))
    for one, other in zip(found, case.reference(initial=case.initial), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=case.tolerance * np.abs(other).max(initial=1))
