"""Only what is small talk from end to end is taken for it; a greeting before a question is taken off."""

import pytest

from freehold.assistant import smalltalk
from freehold.assistant.smalltalk import read


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hi", smalltalk.GREETING),
        ("hello there!", smalltalk.GREETING),
        ("Hello Anna", smalltalk.GREETING),
        ("Good morning, team 👋", smalltalk.GREETING),
        ("Thanks a lot :)", smalltalk.WELCOME),
        ("ok, thank you for your help!", smalltalk.WELCOME),
        ("No thanks, that's all.", smalltalk.WELCOME),
        ("BYE", smalltalk.GOODBYE),
        ("Thanks, bye", smalltalk.WELCOME),
        ("Hi! How are you?", smalltalk.FINE),
        ("Are you a bot?", smalltalk.WHO),
        ("hello, who are you", smalltalk.WHO),
        ("Am I talking to a human or a bot?", smalltalk.WHO),
        ("Can I talk to a person?", smalltalk.PERSON),
        ("I'd like to speak with a real human please", smalltalk.PERSON),
        ("agent", smalltalk.PERSON),
        ("you are useless", smalltalk.ABUSE),
        ("ok", smalltalk.GO_ON),
        ("👍", smalltalk.GO_ON),
        ("🙏🏽 ", smalltalk.GO_ON),
        ("I have a question", smalltalk.HELP),
    ],
)
def test_small_talk_is_answered(text: str, reply: str) -> None:
    assert read(text) == smalltalk.Talk(reply, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "high",
        "thanks for nothing, where is my order",
        "Hi-Fi speakers",
        "hello world example",
        "Can I talk to a person about my refund?",
        "agent fees",
        "How do I become an agent?",
        "Who are you owned by?",
        "Is there a human rights policy?",
        "ok button does nothing",
        "good condition",
        "Are you open on Sunday?",
        "Are you a bank?",
        "fine print",
        "nice, France",
        "what can you do with a gift card",
        "sure start grants",
        "real person verification",
        "help centre address",
        "Good morning America tickets",
        "如何重置密码？",
    ],
)
def test_a_question_is_never_taken_for_small_talk(text: str) -> None:
    assert read(text) == smalltalk.Talk(None, text)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("hi, how do I reset my password?", "how do I reset my password?"),
        ("Hello how much is it", "how much is it"),
        ("Good morning! My card is lost.", "My card is lost."),
        ("Hey Anna, where is my order?", "where is my order?"),
        ("Hi there\nI need a refund", "I need a refund"),
    ],
)
def test_a_greeting_before_a_question_is_taken_off(text: str, rest: str) -> None:
    assert read(text) == smalltalk.Talk(None, rest)
