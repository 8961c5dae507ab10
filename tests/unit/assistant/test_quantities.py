"""Numbers, lengths and times are the same however they are written."""

from __future__ import annotations

import pytest

from freehold.assistant.quantities import length, told_plainly, value_of


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("within a week", "within 1 week"),
        ("10 euros a week", "10 euros a week"),
        ("at 5 pm", "at 17:00"),
        ("at 12 a.m.", "at 00:00"),
        ("by half past ten in the morning", "by 10:30"),
        ("until five in the afternoon", "until 17:00"),
        ("by eight o'clock", "by ~08:00"),
        ("at noon", "at 12:00"),
        ("a thousand euros", "1 thousand euros"),
        ("half an hour", "30 minutes"),
        ("13 apples", "13 apples"),
    ],
)
def test_told_plainly(text: str, plain: str) -> None:
    assert told_plainly(text) == plain


def test_lengths_and_values() -> None:
    assert length(2, ["week"]) == length(14, ["day"]) != length(14, ["hour"])
    assert length(3, ["month"]) == length(90, ["day"])
    assert length(5, ["user"]) == ""
    assert value_of("1,000") == value_of("1000") == 1000
    assert value_of("2.5") == value_of("2,5") != value_of("25")
    assert value_of("1.2.3") != value_of("1.2")
