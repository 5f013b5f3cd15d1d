"""Lists of ids → a ragged batch, and the walk through it."""

from __future__ import annotations

import numpy as np
import pytest

from tenor.batching import Walk, chunks, join, pick


def test_texts_are_laid_end_to_end():
    batch = join([[2, 3, 4], [5], [6, 7]])
    assert batch.token_ids.tolist() == [2, 3, 4, 5, 6, 7]
    assert batch.offsets.tolist() == [0, 3, 4, 6]


def test_an_empty_text_stays_one():
    batch = join([[], [2], [], []])
    assert batch.token_ids.tolist() == [2]
    assert batch.offsets.tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("texts", [[], [[]], [[2]], [np.array([2, 3], np.int32)]])
def test_types_do_not_depend_on_the_texts(texts):
    batch = join(texts)
    assert (batch.token_ids.dtype, batch.offsets.dtype) == (np.int32, np.int64)
    assert len(batch.offsets) == len(texts) + 1


def test_arrays_cannot_be_swapped_by_their_places():
    batch = join([[2]])
    with pytest.raises(TypeError):
        type(batch)(batch.token_ids, batch.offsets)


def test_chunks_hold_texts_of_similar_length_longest_first():
    assert list(chunks([1, 9, 2, 8], max_texts=2, max_tokens=100)) == [[1, 3], [2, 0]]


def test_chunks_of_equally_long_texts_keep_their_order():
    assert list(chunks([3, 3, 3], max_texts=9, max_tokens=100)) == [[0, 1, 2]]


def test_chunks_stay_below_the_number_of_tokens():
    assert list(chunks([4, 3, 3, 2], max_texts=9, max_tokens=6)) == [[0], [1, 2], [3]]


def test_a_text_longer_than_a_chunk_has_one_of_its_own():
    assert list(chunks([1, 50, 0], max_texts=9, max_tokens=10)) == [[1], [0, 2]]


def test_no_texts_are_no_chunks():
    assert list(chunks([], max_texts=9, max_tokens=10)) == []


def offsets_of(*lengths):
    return np.cumsum([0, *lengths])


def steps(walk):
    return [indices.tolist() for indices in walk.steps()]


def test_a_walk_reads_in_lock_step_the_longest_text_first():
    walk = Walk(offsets_of(2, 3, 1))  # ids 0 1 | 2 3 4 | 5
    assert walk.order.tolist() == [1, 0, 2]
    assert steps(walk) == [[2, 0, 5], [3, 1], [4]]


def test_a_reverse_walk_begins_at_the_last_words():
    assert steps(Walk(offsets_of(2, 3, 1), reverse=True)) == [[4, 1, 5], [3, 0], [2]]


def test_texts_of_the_same_length_keep_their_order():
    assert Walk(offsets_of(2, 2, 2)).order.tolist() == [0, 1, 2]


@pytest.mark.parametrize("reverse", [False, True])
def test_empty_texts_are_passed_over(reverse):
    assert steps(Walk(offsets_of(0, 1, 0), reverse=reverse)) == [[0]]


@pytest.mark.parametrize("lengths", [(), (0,), (0, 0)])
def test_a_batch_without_words_has_no_steps(lengths):
    assert steps(Walk(offsets_of(*lengths))) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_every_word_is_read_once(reverse):
    read = [i for indices in steps(Walk(offsets_of(3, 0, 5, 1, 5, 2), reverse=reverse)) for i in indices]
    assert sorted(read) == list(range(16))


def test_rows_are_put_back_in_the_order_of_the_texts():
    walk = Walk(offsets_of(2, 3, 1))
    rows = np.array([[30.0, 3], [20, 2], [10, 1]])  # of texts 1, 0, 2
    assert walk.restore(rows).tolist() == [[20, 2], [30, 3], [10, 1]]


def test_texts_are_picked_in_the_order_that_is_asked_for():
    batch = join([[1, 2, 3], [], [4], [5, 6]])
    picked = pick(batch, [3, 1, 0])
    assert picked.token_ids.tolist() == [5, 6, 1, 2, 3]
    assert picked.offsets.tolist() == [0, 2, 2, 5]
    assert picked.token_ids.dtype == np.int32


def test_the_only_text_is_not_copied():
    batch = join([[1, 2, 3]])
    assert pick(batch, [0]) is batch
