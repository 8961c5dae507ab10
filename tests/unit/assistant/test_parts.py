"""Several questions are taken apart; one question stays one."""

import pytest

from freehold.assistant.parts import lead_in, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "How do I reset my password and where do I see my invoices?",
            ("How do I reset my password", "where do I see my invoices?"),
        ),
        ("What is the fee? Can I pay by card?", ("What is the fee?", "Can I pay by card?")),
        ("Is parking free, and is there a lift?", ("Is parking free", "is there a lift?")),
        (
            "- How do I cancel?\n- When do I get my money back?",
            ("How do I cancel?", "When do I get my money back?"),
        ),
        ("1. What is it?\n2. How much is it?", ("What is it?", "How much is it?")),
        (
            "How do I cancel, how long does a refund take? And also can I pay by card?",
            ("How do I cancel, how long does a refund take?", "And also can I pay by card?"),
        ),
    ],
)
def test_several_questions_are_taken_apart(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "How do I reset my password?",
        "Can I bring my cat and my dog?",
        "How do I add and remove users?",
        "I lost my card. Can I get a new one?",
        "Do you know how to cancel and how to get a refund?",
        "What is the difference between what I pay and what is shown?",
        "Why is it that I can pay and can I not?",
        "What happens if I cancel and is my data gone?",
        "My order is late. Why? Where is it?",
        "How do I reset my password? How do I reset my password?",
        "Is it a? Is it b? Is it c? Is it d? Is it e?",
        "How do I sign in? Thanks!",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert split(text) == (text,)


def test_a_lead_in_is_the_visitors_words_without_markup() -> None:
    assert (
        lead_in("where do [I](http://x) *see* <b>it", first=True) == "**Where do I (http://x) see b it?**\n\n"
    )
    assert lead_in("What is it?", first=False) == "\n\n**What is it?**\n\n"
