"""Every recipe: its file, and a small version of it on real sentences, put right and as published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenor import Settings, TextClassifier, train
from tenor.data import WordVectors, build_dataset, read_corpus, read_vectors
from tenor.errors import InputError
from tenor.model import weight_shapes
from tenor.recipes import load_recipe, recipe_names
from tenor.training import RunFolder

NAMES = [
    "jax-birnn-imdb", "mindspore-imdb", "neural-perspective-polarity", "pytorch-vanilla-sst",
    "tensorflow-imdb", "tensorflow-imdb-stacked",
]  # fmt: skip
every_recipe = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def sentences():
    """600 real sentences for training and 100 for the test."""
    whole = read_corpus("sentence-polarity").splits
    splits = {"train": whole["train"][::16], "test": whole["test"][::11]}
    return build_dataset(splits, name="polarity", sha256="0" * 64, source="polarity")


@pytest.fixture(scope="module")
def vectors():
    """The 6,000 most frequent words of GloVe."""
    found = read_vectors("glove-50d")
    return WordVectors(words=found.words[:6000], matrix=np.array(found.matrix[:6000]))


def test_the_recipes_are_these():
    assert recipe_names() == NAMES


def test_a_recipe_that_is_not_there_is_answered_with_the_closest():
    with pytest.raises(InputError, match="no recipe 'tensorflow-imbd'; did you mean 'tensorflow-imdb'"):
        load_recipe("tensorflow-imbd")


@every_recipe
def test_all_settings_of_a_recipe_exist_with_each_of_its_changes(name):
    recipe = load_recipe(name)
    whole = Settings.from_dict(recipe.tables())
    for change in (*recipe.variants, *recipe.flaws):
        changed = Settings.from_dict(recipe.tables([change]))
        assert change.vectors or change.reading or changed != whole, change.name
        assert change.what.endswith(".")
    assert all(flaw.repair.endswith(".") for flaw in recipe.flaws)
    for published in (False, True):
        with pytest.raises(InputError, match=f"the recipe {name} has no flaw 'haste'; it has "):
            recipe.choose(flaws=["haste"], as_published=published)


def test_a_change_counts_once_and_latent_flaws_are_not_as_published():
    recipe = load_recipe("neural-perspective-polarity")
    chosen = recipe.choose(variants=["rnn", "rnn"], flaws=["sigmoid-loss"], as_published=True)
    assert [change.name for change in chosen] == ["rnn", "sigmoid-loss"]
    assert [change.name for change in recipe.choose(flaws=["bottom-state"])] == ["bottom-state"]


def test_a_flaw_of_reading_is_refused_in_training_but_recorded_as_published():
    recipe = load_recipe("mindspore-imdb")
    with pytest.raises(InputError, match="changes nothing in training, only how a trained model reads"):
        recipe.choose(flaws=["other-preprocessing"])
    assert "other-preprocessing" in [change.name for change in recipe.choose(as_published=True)]


def num_weights(name, *, vocab_size, num_labels=2, variants=(), flaws=()):
    recipe = load_recipe(name)
    settings = Settings.from_dict(recipe.tables(recipe.choose(variants=variants, flaws=flaws)))
    shapes = weight_shapes(settings.model, vocab_size=vocab_size, num_labels=num_labels)
    return sum(int(np.prod(shape)) for shape in shapes.values())


@pytest.mark.parametrize(
    ("name", "options", "published"),
    [
        ("mindspore-imdb", {"vocab_size": 400_002}, 42_310_857),
        ("pytorch-vanilla-sst", {"vocab_size": 15_482, "num_labels": 3}, 1_577_899),
        ("jax-birnn-imdb", {"vocab_size": 49_346, "flaws": ["one-layer", "backward-first-step"]}, 5_095_802),
        ("jax-birnn-imdb", {"vocab_size": 49_346, "flaws": ["one-layer"]}, 5_096_202),
        ("tensorflow-imdb", {"vocab_size": 1000}, 138_369),
        ("tensorflow-imdb-stacked", {"vocab_size": 1000}, 175_489),
    ],
)
def test_the_network_has_as_many_weights_as_the_tutorial_s(name, options, published):
    assert num_weights(name, **options) == published


def small(recipe, changes):
    """The recipe with small layers and two epochs."""
    settings = Settings.from_dict(recipe.tables(changes))
    model = replace(
        settings.model, hidden_sizes=tuple(max(size // 8, 8) for size in settings.model.hidden_sizes)
    )
    epochs, rate = settings.train.epochs, settings.train.learning_rate
    quick = replace(settings.train, epochs=min(epochs, 3), batch_size=16, learning_rate=max(rate, 2e-3))
    flaws = settings.flaws
    if flaws.validate_on_test:
        flaws = replace(flaws, validate_on_test=50)
    return replace(settings, model=model, train=replace(quick, steps_per_epoch=None), flaws=flaws)


@every_recipe
@pytest.mark.parametrize("as_published", [False, True], ids=["put-right", "as-published"])
def test_a_small_version_learns_and_is_loaded_as_it_was(name, as_published, sentences, vectors, tmp_path):
    recipe = load_recipe(name)
    settings = small(recipe, recipe.choose(as_published=as_published))
    given = vectors if recipe.vectors else None
    with RunFolder(tmp_path / "run") as run:
        classifier = train(sentences, settings, vectors=given, run=run)
        losses = [record.train_loss for record in run.read(run.places()[-1]).position.records]
    assert losses[-1] < losses[0]
    texts = [example.text for example in sentences.splits["test"]] + [text for text, _ in recipe.texts]
    classifier.save(tmp_path / "model")
    again = TextClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(texts), classifier.predict_proba(texts))
