"""Only whole messages of small talk are taken for small talk."""

import pytest

from freehold.assistant.smalltalk import reply


@pytest.mark.parametrize(
    "text", ["Hi", "hello there!", "Thanks a lot :)", "thank you.", "Good morning", "BYE"]
)
def test_small_talk_is_answered(text: str) -> None:
    assert reply(text)


@pytest.mark.parametrize(
    "text", ["", "hi, how do I reset my password?", "thanks for nothing, where is my order", "high", "?"]
)
def test_a_question_is_never_taken_for_small_talk(text: str) -> None:
    assert reply(text) is None
