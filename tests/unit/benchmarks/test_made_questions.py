"""Questions made from headings and sentences: what is asked must not stand in what is searched."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from benchmark_modules import loaded

from freehold.knowledge.parse_markdown import parse_markdown

MODULES = ("datasets", "phrasing", "made_questions")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with loaded(monkeypatch, *MODULES) as modules:
        yield modules["made_questions"]


@pytest.mark.parametrize(
    ("heading", "asked"),
    [
        ("Create a sales order", "How do I create a sales order?"),
        ("Setting up your first shop", "How do I set up my first shop?"),
        ("How to Send Money Abroad", "How do I send money abroad?"),
        ("How cash back works", "How does cash back work?"),
        ("Purchase amount requirements", "What about purchase amount requirements?"),
        (
            "Sunny Card: Paying Bills Without Small Coins",
            "How do I pay bills without small coins with the Sunny Card?",
        ),
        ("Vendor Balances (report)", "What is the Vendor Balances report for?"),
        ("Can I keep my number?", "Can I keep my number?"),
        ("What they pay for", None),
    ],
)
def test_headings_become_questions(made: ModuleType, heading: str, asked: str | None) -> None:
    assert made.asked_of_heading(heading) == asked


@pytest.mark.parametrize(
    ("sentence", "asked"),
    [
        ("You can move your garden chairs indoors.", "Can I move my garden chairs indoors?"),
        ("To cancel a standing order, open Payments.", "How do I cancel a standing order?"),
        ("This article explains how to wind the clock.", "How do I wind the clock?"),
        ("If you lose both keys, we cut new ones.", "What happens if I lose both keys?"),
        ("The kiln reaches 1,200 degrees in an hour.", "The kiln reaches 1,200 degrees in an hour."),
        ("The following list shows every colour of glaze.", None),
        ("It takes these parts apart.", None),
    ],
)
def test_sentences_become_questions(made: ModuleType, sentence: str, asked: str | None) -> None:
    assert made.asked_of_sentence(sentence) == asked


def documents(count: int) -> list[tuple[str, object]]:
    read = []
    for n in range(count):
        first = f"You can order replacement wicks of size number{n} directly at the counter upstairs."
        rest = "Bring the old one along so that somebody can measure it against the drawer. " * 3
        text = f"# Lamp model{n} burner assembly\n\n{first} {rest}"
        text += f"\n\n## Trim wick colour{n} lantern evenly\n\n{rest}"
        text += f"\n\n## Overview\n\n{rest}"
        read.append((f"doc{n}", parse_markdown(text, "none")))
    return read


def test_what_is_asked_is_not_searched(made: ModuleType) -> None:
    bench = made.made("lamps", documents(40))
    passages = {passage.id: passage for passage in bench.passages}
    kinds = {made.kind(question) for question in bench.questions}
    assert kinds == {"title", "heading", "sentence"}
    assert not any("verview" in question.text for question in bench.questions)
    for question in bench.questions:
        assert question.passage_ids
        number = question.document.removeprefix("doc")
        for gold in (passages[one] for one in question.passage_ids):
            assert gold.document == question.document
            searched = " ".join([gold.title, *gold.headings, gold.text])
            hidden = {"title": f"model{number}", "heading": f"colour{number}", "sentence": f"number{number}"}
            assert hidden[made.kind(question)] not in searched
    assert {question.half for question in bench.questions} == {"a", "b"}


def test_the_same_documents_give_the_same_questions(made: ModuleType) -> None:
    assert made.made("lamps", documents(12)) == made.made("lamps", documents(12))


def test_what_two_documents_say_alike_makes_no_question(made: ModuleType) -> None:
    (name, parsed), *_ = documents(1)
    bench = made.made("lamps", [(name, parsed), ("other", parsed)])
    assert bench.questions == ()
