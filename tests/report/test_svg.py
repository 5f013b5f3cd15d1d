"""Marks become a picture that any XML reader takes, whatever the words."""

from xml.etree import ElementTree

import pytest

from tenor.report import svg
from tenor.report.monospaced import columns

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>", "]]>", "<![CDATA[", "<!--", "&amp;", "&#0;", '"', "'", '" onload="alert(1)',
    "\0", "\x1b[31m", "\x7f\x9b", "\ufffe\uffff", "\ud800", "👩\u200d👩\u200d👧", "فيلم", "\u202e", "e\u0301",
    "two\nlines", "",
]  # fmt: skip


def parsed(*marks, title="a title"):
    return ElementTree.fromstring(svg.picture(100, 50, title, marks))


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_any_words_give_a_picture_that_parses(words):
    root = parsed(svg.text(1, 2, words), svg.box(1, 2, 3, 4, kind="for", opacity=1, note=words), title=words)

    names = [element.tag.removeprefix(NAMESPACE) for element in root.iter()]
    assert names[:4] == ["svg", "style", "rect", "text"]
    assert set(names) <= {"svg", "style", "rect", "text", "title"}


@pytest.mark.parametrize(
    "words", ["<script>", "&amp;", '"quoted"', "'", "]]>", "فيلم", "👧", "a  b"], ids=ascii
)
def test_words_come_out_as_they_went_in(words):
    root = parsed(svg.text(1, 2, words), title=words)

    assert root.find(f"{NAMESPACE}text").text == words
    assert root.get("aria-label") == words


@pytest.mark.parametrize("words", ["\0", "\x1b", "\ufffe", "\ud800"], ids=ascii)
def test_what_no_xml_can_hold_is_shown_as_missing(words):
    assert parsed(svg.text(1, 2, words)).find(f"{NAMESPACE}text").text == "\ufffd"


def test_words_add_no_attribute():
    mark = ElementTree.fromstring(svg.text(1, 2, '" onload="alert(1)'))
    root = parsed(title='" onload="alert(1)')

    assert len(mark.attrib) == 5  # x, y, class, text-anchor and xml:space
    assert "onload" not in root.attrib


def test_a_picture_says_its_size_and_its_title():
    root = parsed(title="Learning curves")

    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("100", "50", "0 0 100 50")
    assert (root.get("role"), root.get("aria-label")) == ("img", "Learning curves")


def test_a_picture_needs_nothing_from_elsewhere():
    whole = svg.picture(1, 1, "a title", [])

    assert whole.count("http") == 1  # the name of the format
    assert not {"url(", "@import", "<script", "<image", "href"} & set(whole.split())


def test_a_picture_follows_the_dark_setting():
    assert "@media (prefers-color-scheme: dark)" in svg.STYLE


def test_a_line_goes_from_point_to_point():
    mark = ElementTree.fromstring(svg.line([(0, 1), (2.25, 3)], kind="axis"))

    assert (mark.tag, mark.get("points"), mark.get("class")) == ("polyline", "0.0,1.0 2.2,3.0", "axis")


def test_a_dot_is_a_circle():
    mark = ElementTree.fromstring(svg.dot(1, 2, kind="one", radius=5))

    assert (mark.tag, mark.get("cx"), mark.get("cy"), mark.get("r")) == ("circle", "1.0", "2.0", "5")


def test_a_box_without_a_note_has_no_title():
    assert len(ElementTree.fromstring(svg.box(1, 2, 3, 4, kind="for", opacity=0.5))) == 0


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("film", 4),
        ("日本", 4),
        ("e\u0301", 1),
        ("👧", 2),
        ("👩\u200d👧", 4),
        ("فيلم", 4),
        ("\u200b", 0),
    ],
    ids=ascii,
)
def test_columns_count_what_a_monospaced_font_takes(text, width):
    assert columns(text) == width
