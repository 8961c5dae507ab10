"""Where documents of different things answer differently all are told; what is named, or agrees, is not."""

from __future__ import annotations

import pytest

from freehold.assistant.differing import MOST_APART, Quoted, differing
from freehold.assistant.extract import Extract, Span
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

QUESTION = "What is the minimum deposit?"
BELOW = 0.5


def passage(title: str, text: str, score: float = 0.8, heading: str = "Terms") -> ScoredPassage:
    id = abs(hash((title, text))) % 10_000 + 1
    document = DocumentRef(id, title, f"{id}.md")
    return ScoredPassage(Passage(id, 1, document, (title, heading), text, 0, len(text)), score, score, score)


def alone(scored: ScoredPassage, confidence: float = 0.9) -> Extract:
    return Extract((Span(scored, 0, len(scored.passage.text)),), confidence, about=(scored,))


def others(
    text: str, *found: ScoredPassage, history: tuple[Turn, ...] = (), confidence: float = 0.9
) -> list[str]:
    """The titles of what is told beside the first passage."""
    extract = Extract(alone(found[0]).spans, 0.9, about=found)
    common = {"account": 0.7, "deposit": 0.9}
    apart = differing(
        Query(text, history),
        extract,
        BELOW,
        lambda scored: alone(scored, confidence),
        lambda words: {word: common.get(word, 4.0) for word in words},
    )
    return [span.passage.passage.document.title for span in apart]


BRONZE = passage("Bronze Account: what you need", "- Minimum balance: 10 euros\n- Minimum deposit: 5 euros")
GOLD = passage("Requirements of the Gold Account", "Minimum deposit: 500 euros", 0.75)
SILVER = passage("Silver Account at a glance", "The minimum deposit is 50 euros.", 0.7)


def test_what_other_things_documents_say_stands_beside() -> None:
    assert others(QUESTION, BRONZE, GOLD, SILVER) == [
        GOLD.passage.document.title,
        SILVER.passage.document.title,
    ]
    assert others("What is the minimum deposit of an account?", BRONZE, GOLD) == [GOLD.passage.document.title]


def test_no_more_than_a_few_are_told() -> None:
    more = passage("Platinum Account in short", "Minimum deposit: 5000 euros", 0.7)
    assert len(others(QUESTION, BRONZE, GOLD, SILVER, more)) == MOST_APART - 1


@pytest.mark.parametrize(
    "text",
    [
        "What is the minimum deposit of the Bronze Account?",
        "what is the minimum deposit for gold?",
        "Which account has the lowest minimum deposit?",
        "How do the accounts differ in their minimum deposit?",
        "Tell me every minimum deposit",
    ],
)
def test_who_names_one_or_asks_about_all_is_answered(text: str) -> None:
    assert others(text, BRONZE, GOLD) == []


def test_what_was_named_before_needs_no_naming_again() -> None:
    turns = (Turn("user", "Tell me about the bronze account."), Turn("assistant", "It is for beginners."))
    assert others(QUESTION, BRONZE, GOLD, history=turns) == []
    theirs = (Turn("user", "Hello, I have a question."), Turn("assistant", "On the bronze account?"))
    assert others(QUESTION, BRONZE, GOLD, history=theirs) == [GOLD.passage.document.title]


@pytest.mark.parametrize(
    "other",
    [
        passage("Bronze Account: what you need", "Minimum deposit: 7 euros", heading="Old terms"),
        passage("Bronze Account", "Minimum deposit: 7 euros"),
        passage("Gold Account", "The minimum deposit of 5 euros is waived for students under 25."),
        passage("Gold Account", "A minimum deposit is required."),
        passage("Gold Account", "Minimum balance: 500 euros"),
        passage("Gold Account", "Minimum deposit: 500 euros", 0.6),
    ],
    ids=["the same title", "the same thing", "the same value and more", "no value", "another aspect", "far"],
)
def test_what_is_no_other_answer_is_not_told(other: ScoredPassage) -> None:
    assert others(QUESTION, BRONZE, other) == []


def test_what_would_be_refused_by_itself_is_not_told() -> None:
    assert others(QUESTION, BRONZE, GOLD, confidence=0.4) == []


def test_an_answer_without_numbers_is_never_told_apart() -> None:
    none = passage("Bronze Account", "There is no minimum deposit.")
    assert others(QUESTION, none, GOLD) == []


def test_quotes_come_document_by_document() -> None:
    first, second = alone(BRONZE).spans[0], alone(GOLD).spans[0]
    again = Span(BRONZE, 0, 10)
    assert Quoted((first, second, again)).in_order() == (first, again, second)
    third = alone(SILVER).spans[0]
    assert Quoted((first, third, again), (second,)).in_order() == (first, again, second)
