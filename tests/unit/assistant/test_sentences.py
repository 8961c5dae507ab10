"""Pieces are the text itself, whole, and what belongs together stays together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.assistant.sentences import Piece, pieces, words


def shown(text: str) -> list[str]:
    return [text[piece.start : piece.end] for piece in pieces(text)]


def kinds(text: str) -> list[str]:
    return [piece.kind for piece in pieces(text)]


MARKDOWN = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            [
                "- item",
                "1. step",
                "  - inner",
                "| a | b |",
                "|---|---|",
                "```",
                "# Head",
                "",
                "To do it:",
                "a.b. C",
                "。",
                "  ",
            ]
        ),
    ),
    max_size=12,
).map("\n".join)


@given(MARKDOWN)
def test_pieces_tile_the_text_but_for_white_space(text: str) -> None:
    at = 0
    for piece in pieces(text):
        assert piece.start >= at
        assert not text[at : piece.start].strip()
        assert piece.end > piece.start
        assert text[piece.start : piece.end] == text[piece.start : piece.end].strip()
        at = piece.end
    assert not text[at:].strip()


@given(st.text(alphabet=st.sampled_from("ab ,;.\n漢字。"), max_size=1500))
def test_no_sentence_is_longer_than_asked(text: str) -> None:
    for piece in pieces(text, max_words=12):
        if piece.kind == "sentence":
            assert words(text[piece.start : piece.end]) <= 12


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Ada Byrne met J. R. Quill at 3.5 p.m. on Monday.", "They spoke of tax."],
        ["It costs 1.50 in the U.S. market.", "Elsewhere it is free."],
        ["She lives in the U.S.", "The office is in Oslo."],
        ["Use a short name, e.g. Mill, i.e. one word.", "Then save."],
        ['"Is it safe?" he asked.', '"Yes!"', "Nobody left."],
        ["Wait … there is more.", "See no. 5 and Fig. 2 for that."],
        ["これは文です。", "次の文です！", "終わり？"],
        ["Visit example.com/help.html for v2.1 notes.", "Done."],
        ["Open **Settings**.", "**Save** it."],
        ["Fill in **Gen. Bus. Posting Group** first.", "Run `a. B. c` then.", "Save."],
        ["We came by bus.", "The shop was shut."],
        ["no punctuation at all in this one"],
        ["Acme Inc. sells nails.", "Is it big?", "No."],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    glue = "" if sentences[0].endswith("。") else " "
    assert shown(glue.join(sentences)) == sentences


def test_a_list_stays_whole_with_its_lead_in() -> None:
    text = (
        "Invoices can be sent twice.\n\nTo send one again, follow these steps:\n\n1. Open **Invoices**.\n"
        "2. Pick one.\n\n   It opens.\n   - on paper\n3. Choose *Send*.\n\n"
        "The customer gets a copy. No one else does."
    )
    assert kinds(text) == ["sentence", "list", "sentence", "sentence"]
    assert shown(text)[1].startswith("To send one again")
    assert shown(text)[1].endswith("Choose *Send*.")


def test_unrelated_sentence_before_a_list_stays_out() -> None:
    assert kinds("Nails are sold by weight.\n\n- red\n- blue") == ["sentence", "list"]


def test_a_very_long_list_is_cut_between_items() -> None:
    items = [f"- item {number} " + "x" * 80 for number in range(40)]
    text = "The items are:\n\n" + "\n".join(items)
    found = pieces(text)
    assert len(found) > 2
    assert all(piece.kind == "list" and piece.end - piece.start <= 1_200 for piece in found)
    assert all(text[piece.start : piece.end].startswith(("- item", "The items")) for piece in found)
    assert "- item 0" in text[found[0].start : found[0].end]


def test_tables_and_code_are_one_piece_each() -> None:
    text = "Prices:\n\n| size | cost |\n|---|---|\n| S | 1. 50 |\n\n"
    text += "```\nrun it. Now!\n\nagain\n```\n\n## More\nEnd."
    assert kinds(text) == ["sentence", "table", "code", "heading", "sentence"]


def test_a_number_at_the_start_of_a_wrapped_line_is_no_list() -> None:
    assert kinds("The firm was founded in\n1999. It grew.") == ["sentence", "sentence"]


def test_long_sentence_is_cut_at_a_clause() -> None:
    text = " ".join(["word"] * 40) + ", " + " ".join(["next"] * 40) + "."
    first, second = pieces(text)
    assert text[first.start : first.end].endswith("word,")
    assert text[second.start : second.end].startswith("next")


def test_blank_and_empty() -> None:
    assert pieces("") == []
    assert pieces(" \n\n ") == []
    assert pieces("x") == [Piece("sentence", 0, 1)]
