"""A stream of pieces becomes the sentences it spells, wherever the pieces are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.assistant.draft import Draft


def sentences(*pieces: str) -> list[tuple[str, str]]:
    draft = Draft()
    found = [pair for piece in pieces for pair in draft.add(piece)]
    return found + list(draft.finish())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", [("", "One."), (" ", "Two.")]),
        ("One. [1] Two [2].", [("", "One. [1]"), (" ", "Two [2].")]),
        ("One [1][2]. Two.", [("", "One [1][2]."), (" ", "Two.")]),
        (
            "It costs 3.50 a day, e.g. in May. Next.",
            [("", "It costs 3.50 a day, e.g. in May."), (" ", "Next.")],
        ),
        ("1. Open it. [1]\n2. Close it. [1]", [("", "1. Open it. [1]"), ("\n", "2. Close it. [1]")]),
        ("A\n\nB", [("", "A"), ("\n\n", "B")]),
        ("これは一つ。[1]これは二つ。", [("", "これは一つ。[1]"), (" ", "これは二つ。")]),
        ("Really?! Yes.", [("", "Really?!"), (" ", "Yes.")]),
        ("   ", []),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[tuple[str, str]]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet="aB1. [2]\n!?。é", max_size=60), st.data())
def test_cuts_do_not_matter_and_nothing_is_lost(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    whole, parts = sentences(text), sentences(text[:cut], text[cut:])
    assert whole == parts
    assert "".join(sentence for _, sentence in whole).replace(" ", "").replace("\n", "") == "".join(
        text.split()
    )


def test_a_finished_sentence_is_given_before_the_next_is_whole() -> None:
    draft = Draft()
    assert list(draft.add("Refunds take five days. [1] Th")) == [("", "Refunds take five days. [1]")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "  \n", "\t\r\n \n  ", " [1]\n", " [1] \r\n"])
def test_a_line_ends_whatever_white_space_is_around_its_end(end: str) -> None:
    draft = Draft()
    assert [sentence for _, sentence in draft.add(f"one line{end}another")] == [f"one line{end}".strip()]
