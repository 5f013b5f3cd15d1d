"""Counts over examples, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tenor.metrics import confusion, cross_entropies, f1_scores, macro_f1, mean

TARGETS = np.array([0, 0, 0, 1, 1, 2])
GUESSES = np.array([0, 0, 1, 1, 0, 0])
LN2, LN3 = np.log(2), np.log(3)


def test_accuracy_is_the_share_of_right_guesses():
    assert mean(TARGETS == GUESSES) == pytest.approx(3 / 6)


def test_a_mean_of_batch_means_counts_the_texts_of_a_small_last_batch_for_more():
    right = TARGETS == GUESSES  # 1 1 0 1 | 0 0
    assert mean(right, 4) == pytest.approx((3 / 4 + 0) / 2)
    assert mean(right, 3) == mean(right, 6) == mean(right)


def test_confusion_has_right_labels_in_rows_and_guesses_in_columns():
    assert confusion(TARGETS, GUESSES, 3).tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]


def test_confusion_has_a_row_for_labels_that_are_not_there():
    assert confusion(np.array([0]), np.array([1]), 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_confusion_of_nothing_is_zeros():
    assert confusion(TARGETS[:0], GUESSES[:0], 2).tolist() == [[0, 0], [0, 0]]


def test_f1_is_twice_the_right_over_all_there_and_all_guessed():
    assert f1_scores(np.array([2, 1, 0]), np.array([7, 4, 1])) == pytest.approx([4 / 7, 2 / 4, 0])


def test_f1_of_a_label_neither_there_nor_guessed_is_zero():
    assert f1_scores(np.array([3, 0]), np.array([6, 0])).tolist() == [1, 0]


def test_macro_f1_is_the_mean_over_labels():
    assert macro_f1(TARGETS, GUESSES, 3) == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)


def test_macro_f1_leaves_out_labels_neither_there_nor_guessed():
    assert macro_f1(TARGETS, GUESSES, 9) == macro_f1(TARGETS, GUESSES, 3)


def test_macro_f1_counts_a_label_that_was_only_guessed():
    assert macro_f1(np.array([0, 0]), np.array([0, 1]), 3) == pytest.approx((2 / 3 + 0) / 2)


def test_right_guesses_throughout_have_f1_of_1():
    assert macro_f1(TARGETS, TARGETS, 3) == 1


def test_cross_entropy_is_the_mean_of_negative_log_probabilities():
    logits = np.array([[0.0, LN3, 0.0], [0.0, 0.0, LN2]])  # 1/5 3/5 1/5, 1/4 1/4 1/2
    assert cross_entropies(np.array([1, 0]), logits).mean() == pytest.approx((np.log(5 / 3) + np.log(4)) / 2)


def test_cross_entropy_of_a_single_logit_takes_it_as_log_odds():
    logits = np.array([[LN3], [LN3]], np.float32)  # 1/4 3/4
    assert cross_entropies(np.array([1, 0]), logits).mean() == pytest.approx((np.log(4 / 3) + np.log(4)) / 2)


@pytest.mark.parametrize("logits", [[[1e4]], [[-5e3, 5e3]]])
def test_cross_entropy_of_a_sure_mistake_costs_its_true_price(logits):
    assert cross_entropies(np.array([0]), np.array(logits, np.float32)) == 1e4
    assert cross_entropies(np.array([1]), np.array(logits, np.float32)) == 0


def test_f1_takes_no_memory_for_pairs_of_labels():
    many = 100_000
    assert macro_f1(np.array([0, many - 1]), np.array([0, 5]), many) == pytest.approx(1 / 3)
