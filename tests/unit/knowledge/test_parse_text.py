"""Plain text: headings only where the writer meant them."""

import pytest

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse


def text_of(source: str) -> str:
    return parse("notes.txt", source.encode()).text


def test_underlined_numbered_and_capital_headings() -> None:
    source = (
        "User guide\n==========\n\nIntro.\n\nFirst part\n----------\nText.\n\n2.1 Second part\n\nMore.\n\n"
        "OPENING HOURS\n\nNine to five."
    )
    assert text_of(source) == (
        "# User guide\n\nIntro.\n\n## First part\n\nText.\n\n## 2.1 Second part\n\nMore.\n\n"
        "## OPENING HOURS\n\nNine to five."
    )


def test_what_is_no_heading() -> None:
    for source in ("NASA", "I AM SHOUTING.", "Short line", "12 34", "2.5 litres are enough."):
        assert text_of(source) == source


def test_wrapped_lines_are_joined_and_others_kept() -> None:
    wrapped = (
        "This paragraph was wrapped by some editor at a\ncolumn of its own, as people do it in plain text,\n"
        "to here."
    )
    assert "\n" not in text_of(wrapped)
    assert text_of("Jane Doe\nMain Street 5\nSpringfield") == "Jane Doe\nMain Street 5\nSpringfield"


def test_lists() -> None:
    assert (
        text_of("Bring:\n• a pen\n• paper\n  and ink\n\nBye.") == "Bring:\n\n- a pen\n- paper and ink\n\nBye."
    )
    assert text_of("1. one\n   a) deep\n2. two") == "1. one\n   a) deep\n2. two"


def test_white_space_alone_is_unreadable() -> None:
    with pytest.raises(UnreadableDocument, match="white space"):
        text_of(" \n\t\n")


def test_one_line_of_five_megabytes() -> None:
    parsed = parse("a.txt", b"word and word. " * 350_000)
    assert len(parsed.blocks) == 1
    assert len(parsed.text) == 15 * 350_000 - 1
