"""What is checked is what is shown."""

from __future__ import annotations

import pytest

from freehold.assistant.seen import scripts, seen, turns


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("1\u200b4 days", "14 days"),
        ("1\u00ad4 days", "14 days"),
        ("1**4** days", "14 days"),
        ("1*4* days", "14 days"),
        ("\uff11\uff14 days", "14 days"),
        ("\U0001d7cf\U0001d7d2 days", "14 days"),
        ("\u0661\u0664 days", "14 days"),
        ("1\u03364 days", "14 days"),
        ("The **Basic** plan", "The Basic plan"),
        ("5 * 3 and snake_case", "5 * 3 and snake_case"),
        ("Pro™", "Pro"),
    ],
)
def test_text_is_read_as_it_shows(text: str, shows: str) -> None:
    assert seen(text) == shows


def test_letters_and_direction() -> None:
    assert scripts("P\u0440o caf\u00e9") == {"CYRILLIC", "LATIN"}
    assert turns("a \u202e41 b") == {"\u202e"}
    assert turns("a 41 b") == set()
