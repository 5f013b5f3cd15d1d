"""A reading becomes a picture of its words and of how the answer moved."""

from xml.etree import ElementTree

import pytest

from tenor import TextClassifier
from tenor.errors import InputError
from tenor.report.reading import render_reading

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script> ]]> & \" ' \0 \x1b[31m \ud800 \ufffe 👩\u200d👩\u200d👧 فيلم "
    "e\u0301 日本語 " + "long" * 50
)


@pytest.fixture
def classifier(tiny):
    return TextClassifier(tiny())


def drawn(classifier, text, label="positive"):
    return ElementTree.fromstring(render_reading(classifier.read(text), label))


def words(root):
    """What stands in the boxes: the text of each is drawn right after its box."""
    marks = list(root)
    return [after.text for mark, after in zip(marks, marks[1:], strict=False) if is_box(mark)]


def is_box(mark):
    return mark.tag == f"{NAMESPACE}rect" and mark.get("class") in ("for", "against")


def boxes(root):
    return [mark for mark in root if is_box(mark)]


def test_every_word_stands_in_the_picture_as_in_the_text(classifier):
    assert words(drawn(classifier, "The Film is NOT good")) == ["The", "Film", "is", "NOT", "good"]


def test_a_word_is_coloured_by_what_it_speaks_for(classifier):
    text = "the film is not good , bad"

    kinds = [box.get("class") for box in boxes(drawn(classifier, text))]

    effects = classifier.read(text).effects("positive")
    assert kinds == ["for" if effect >= 0 else "against" for effect in effects]


def test_the_other_label_turns_the_colours_around(classifier):
    text = "the film is not good"

    kinds = [[b.get("class") for b in boxes(drawn(classifier, text, label))] for label in classifier.labels]

    assert all({one, other} == {"for", "against"} for one, other in zip(*kinds, strict=True))


def test_the_strongest_word_has_the_strongest_colour(classifier):
    text = "the film is not good"

    opacities = [float(box.get("fill-opacity")) for box in boxes(drawn(classifier, text))]

    effects = [abs(effect) for effect in classifier.read(text).effects("positive")]
    assert opacities.index(max(opacities)) == effects.index(max(effects))
    assert max(opacities) <= 0.75


def test_a_text_in_which_nothing_moves_stays_pale(tiny):
    model = tiny()
    model.weights["head.weight"][:] *= 1e-3

    opacities = [float(b.get("fill-opacity")) for b in boxes(drawn(TextClassifier(model), "the film is bad"))]

    assert max(opacities) < 0.05


def test_the_curve_begins_before_any_word_and_goes_on_in_the_next_row(classifier):
    text = "the film is not good " * 12

    root = drawn(classifier, text)

    lines = [e.get("points").split() for e in root if e.get("class") == "line one"]
    reading = classifier.read(text)
    curve = [reading.before, *(word.probabilities for word in reading.words)]
    height = [64 + 44 * (1 - probabilities["positive"]) for probabilities in curve]
    read = 0
    for row, points in enumerate(lines):
        assert float(points[0].split(",")[1]) == pytest.approx(height[read] + row * 96, abs=0.06)
        read += len(points) - 1
    assert (len(lines), read) == (3, 60)


def test_rows_stay_inside_the_picture(classifier):
    root = drawn(classifier, "the film is not good " * 40)

    width, height = float(root.get("width")), float(root.get("height"))
    assert all(float(b.get("x")) + float(b.get("width")) <= width for b in boxes(root))
    assert all(float(b.get("y")) + float(b.get("height")) <= height for b in boxes(root))


def test_words_do_not_overlap(classifier):
    placed = boxes(drawn(classifier, "日本語 e\u0301e\u0301 good 👩\u200d👧 the " * 5))

    for box, after in zip(placed, placed[1:], strict=False):
        if box.get("y") == after.get("y"):
            assert float(box.get("x")) + float(box.get("width")) <= float(after.get("x"))


def test_unknown_words_are_dotted_underneath(classifier):
    root = drawn(classifier, "the flick is good")

    assert len([mark for mark in root if mark.get("class") == "axis dotted"]) == 1


def test_a_pointer_on_a_word_shows_its_numbers(classifier):
    reading = classifier.read("good")

    note = boxes(drawn(classifier, "good"))[0].find(f"{NAMESPACE}title").text

    effect, after = reading.effects("positive")[0], reading.words[0].probabilities["positive"]
    assert note == f"good: {effect:+.3f} → {after:.3f}"


def test_the_title_says_where_it_began_and_ended(classifier):
    reading = classifier.read("not good")

    title = drawn(classifier, "not good").get("aria-label")

    before, after = reading.before["positive"], reading.words[-1].probabilities["positive"]
    assert title == f"positive: {before:.2f} before reading, {after:.2f} after"


@pytest.mark.parametrize("text", ["", "   ", HOSTILE, HOSTILE * 20, "\0", "]]>"], ids=["", "spaces", *"abcd"])
def test_any_text_gives_a_picture_that_parses(classifier, text):
    root = drawn(classifier, text)

    assert len(boxes(root)) == len(classifier.read(text).words)
    assert {mark.tag.removeprefix(NAMESPACE) for mark in root.iter()} <= {
        "svg", "style", "rect", "text", "title", "polyline", "circle",
    }  # fmt: skip


def test_a_text_without_words_says_so(classifier):
    assert "no words to read" in [mark.text for mark in drawn(classifier, "")]


@pytest.mark.parametrize(
    "label", ["a, b", 'say "hi"', "x|y", "two\nlines", "<script>", "]]>", "\0", "long label " * 9], ids=ascii
)
def test_any_label_gives_a_picture_whose_head_fits(tiny, label):
    root = drawn(TextClassifier(tiny(labels=("one", label))), "the film", label)

    left, right = [mark.text for mark in root if mark.tag == f"{NAMESPACE}text"][:2]
    assert left.startswith("P(")
    assert 7.83 * (len(left) + len(right)) < 800


def test_a_label_that_is_not_there_gives_those_that_are(classifier):
    with pytest.raises(InputError, match="no label 'happy'; there are 'negative', 'positive'"):
        render_reading(classifier.read("good"), "happy")
