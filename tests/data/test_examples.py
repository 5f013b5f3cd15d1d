"""Datasets: labels, checks between splits, and the held-out split."""

from collections import Counter

import pytest

from tenor.data import Example, build_dataset, dataset_of, hold_out
from tenor.errors import DataError


def examples(*labels):
    return tuple(Example(text=f"text {i}", label=label) for i, label in enumerate(labels))


def dataset(*labels, **others):
    return build_dataset({"train": examples(*labels), **others}, name="films", sha256="0", source="films.csv")


@pytest.mark.parametrize(
    ("found", "ordered"),
    [
        (["pos", "neg"], ("neg", "pos")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["10.0", "2.5"], ("2.5", "10.0")),
        (["10", "9", "n/a"], ("10", "9", "n/a")),
    ],
)
def test_labels_are_sorted_as_numbers_only_where_all_are(found, ordered):
    assert dataset(*found).labels == ordered


def test_one_label_cannot_be_learned():
    with pytest.raises(
        DataError, match=r"all 2 training examples of films.csv have the label 'pos'.*at least two"
    ):
        dataset("pos", "pos")


def test_a_label_that_training_has_not_is_named_with_its_split():
    with pytest.raises(
        DataError,
        match=r"test split has the label 'psitive'.*did you mean 'positive'.*'negative', ",
    ):
        dataset("negative", "positive", test=examples("psitive"))


def test_a_rare_label_may_be_absent_from_the_test_split():
    assert dataset("a", "b", test=examples("a")).labels == ("a", "b")


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match=r"the test split of films.csv has no examples; give it some"):
        dataset("a", "b", test=())


def test_held_out_and_kept_are_the_train_split_in_its_order():
    whole = dataset(*"ab" * 50)

    split = hold_out(whole, 0.2, seed=3)

    for name in ("train", "validation"):
        places = [whole.splits["train"].index(example) for example in split.splits[name]]
        assert places == sorted(places)
    assert set(split.splits["train"]) | set(split.splits["validation"]) == set(whole.splits["train"])
    assert len(split.splits["train"]) + len(split.splits["validation"]) == 100


def test_every_label_gives_its_share_but_never_all():
    split = hold_out(dataset(*"a" * 50, *"b" * 20, *"cc", "d"), 0.2, seed=0)

    assert Counter(e.label for e in split.splits["validation"]) == {"a": 10, "b": 4, "c": 1}
    assert split.labels == ("a", "b", "c", "d")


def test_the_seed_alone_chooses_what_is_held_out():
    whole = dataset(*"ab" * 20)

    def held(seed):
        return [example.text for example in hold_out(whole, 0.1, seed).splits["validation"]]

    assert held(0) == held(0) == ["text 2", "text 3", "text 11", "text 20"]
    assert held(0) != held(1)


def test_test_examples_are_never_held_out():
    split = hold_out(dataset("a", "a", "b", "b", test=examples("a", "b")), 0.5, seed=0)

    assert list(split.splits) == ["train", "validation", "test"]
    assert split.splits["test"] == examples("a", "b")


@pytest.mark.parametrize("fraction", [0.0, 1.0, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(DataError, match=rf"fraction is {fraction}; it must be above 0 and below 1"):
        hold_out(dataset("a", "b"), fraction, seed=0)


def test_nothing_is_held_out_where_validation_texts_are_given():
    with pytest.raises(DataError, match=r"films has a validation split already"):
        hold_out(dataset("a", "b", validation=examples("a")), 0.1, seed=0)


def test_one_example_per_label_is_too_few_to_hold_out():
    with pytest.raises(DataError, match=r"one training example per label.*validation texts of your own"):
        hold_out(dataset("a", "b"), 0.5, seed=0)


def test_pairs_are_texts_to_train_on():
    found = dataset_of([("a fine film", "pos"), ("dull", "neg")])
    assert (found.labels, found.splits["train"]) == (
        ("neg", "pos"),
        (Example(text="a fine film", label="pos"), Example(text="dull", label="neg")),
    )
    assert found.sha256 != dataset_of([("a fine film", "neg"), ("dull", "pos")]).sha256


@pytest.mark.parametrize("pair", [("a film", 1), "ab", ("a", "b", "c"), {"text": "a", "label": "b"}, None])
def test_what_is_no_pair_is_named_by_its_place(pair):
    with pytest.raises(DataError, match=r"item 1 of the data is .*; each must be a text and its label"):
        dataset_of([("a film", "pos"), pair])


@pytest.mark.parametrize("label", ["", " ", "\u3000\n"])
def test_an_empty_label_is_refused(label):
    with pytest.raises(DataError, match="item 1 of the data has an empty label"):
        dataset_of([("a", "x"), ("b", label)])


def test_labels_of_pairs_are_spelt_as_those_of_files():
    assert dataset_of([("a", " x "), ("b", "e\u0301"), ("c", "\ud83d")]).labels == ("x", "é", "\ufffd")
