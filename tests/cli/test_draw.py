"""``tenor draw`` and ``tenor inspect --shapes``, as they are typed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tenor import TextClassifier


@pytest.mark.parametrize("what", ["cell", "network", "unrolled", "batch", "gradients", "words"])
@pytest.mark.parametrize("settings", [{}, {"bidirectional": True, "hidden_sizes": (3, 2), "cell": "gru"}])
def test_every_picture_of_any_model_is_a_picture(tenor, tiny, tmp_path, what, settings):
    TextClassifier(tiny(**settings)).save(tmp_path / "model")
    picture = tmp_path / "picture.svg"

    done = tenor("draw", what, "the film is good", "bad", "-m", tmp_path / "model", "-o", picture)

    assert (done.status, done.out) == (0, "")
    assert done.err == f"wrote {picture}\n"
    assert ElementTree.parse(picture).getroot().get("role") == "img"


def test_a_picture_is_named_after_what_it_shows_and_is_not_overwritten(tenor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tenor("draw", "cell").status == 0
    done = tenor("draw", "cell")
    assert done == (
        2,
        "",
        "tenor: cell.svg is there already; name another file, or --force to replace it\n",
    )
    assert tenor("draw", "cell", "--force").status == 0


def test_words_can_be_drawn_beside_those_of_another_model(tenor, model_folder, tmp_path):
    done = tenor("draw", "words", "-m", model_folder, "--beside", model_folder, "-o", tmp_path / "w.svg")
    assert done.status == 0
    assert (tmp_path / "w.svg").read_text(encoding="utf-8").count("this model") == 1


def test_words_of_models_that_share_none_are_refused(tenor, tiny, model_folder, tmp_path):
    from dataclasses import replace

    from tenor.vocabulary import build_from_words

    model = tiny()
    other = build_from_words(["un", "deux", "trois", "4", "5", "6"], model.vocabulary.config)
    TextClassifier(replace(model, vocabulary=other)).save(tmp_path / "other")
    done = tenor(
        "draw", "words", "-m", model_folder, "--beside", tmp_path / "other", "-o", tmp_path / "w.svg"
    )
    assert done.status == 2
    assert "there is no word of letters to draw" in done.err


def test_a_label_that_is_not_there_is_refused_before_anything_is_drawn(tenor, model_folder, tmp_path):
    done = tenor("draw", "words", "-m", model_folder, "--label", "good", "-o", tmp_path / "w.svg")
    assert done.status == 2
    assert "no label 'good'; there are 'negative', 'positive'" in done.err
    assert not (tmp_path / "w.svg").exists()


def test_the_shape_at_each_stage_is_shown(tenor, tiny, tmp_path):
    TextClassifier(tiny(hidden_sizes=(5, 3), bidirectional=True, pooling=("last",), head_hidden=7)).save(
        tmp_path / "model"
    )
    done = tenor("inspect", tmp_path / "model", "--shapes", "the film", "bad", "is it not good at all")
    found = {row["name"]: (row["shape"], row["padded"]) for row in map(json.loads, done.out.splitlines())}
    assert found["token ids"] == ([9], [3, 6])
    assert found["word vectors"] == ([9, 4], [3, 6, 4])
    assert found["all states of layer 1"] == ([9, 10], [3, 6, 10])
    assert found["last state of layer 2: h and c, each direction"] == ([3, 3], None)
    assert found["pooled by last"] == ([3, 6], None)
    assert found["hidden layer of the head"] == ([3, 7], None)
    assert found["logits"] == ([3, 1], None)


def test_inspect_says_which_parts_keep_padding_out(tenor, model_folder):
    parts = json.loads(tenor("inspect", model_folder).out)["parts"]
    assert [part["keeps_padding_out"] for part in parts] == [False, True, True, True, True, True]


def test_texts_may_stand_behind_flags(tenor, model_folder, tmp_path):
    before, behind = tmp_path / "before.svg", tmp_path / "behind.svg"
    assert tenor("draw", "unrolled", "film good", "-m", model_folder, "-o", before).status == 0
    assert tenor("draw", "unrolled", "-m", model_folder, "-o", behind, "film good").status == 0
    assert behind.read_bytes() == before.read_bytes()
    assert "unknown argument '--lable'" in tenor("draw", "unrolled", "good", "--lable", "x").err


def test_a_picture_is_not_written_as_what_it_is_not(tenor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = tenor("draw", "cell", "-o", "cell.PNG")
    assert (done.status, list(tmp_path.iterdir())) == (2, [])
    assert done.err == "tenor: cell.PNG does not end in .svg, which is what is written; name it cell.svg\n"
