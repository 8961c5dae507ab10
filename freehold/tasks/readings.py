"""Examples of `answer` and `rewrite` made from questions on passages that hold the answer (SQuAD's kind).

The answer that is learnt is the passage's own sentence with its mark, so that a model learns to quote and
cite, or the refusal where the passage was taken away. Conversations are made by rule: the name that a
question is about moves into the turn before it, and a pronoun takes its place. They are as plain as the
rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from freehold.tasks import answer, rewrite
from freehold.tasks.examples import Example
from freehold.types import DocumentRef, Passage, Query, Turn

REFUSED = 0.25
"""Share of questions whose passage is left out, so that nothing answers them."""
STANDS_ALONE = 0.3
"""Share of conversations whose last question needs no rewriting."""
OTHERS = (1, 3)
"""Fewest and most passages beside the one that answers."""
DRAWN = 20
"""Passages that those are chosen from."""
LONGEST_PASSAGE = 1_200
"""Characters; longer ones are not used."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”')\]]*\s+(?=[A-Z\"“(\[\d])")
_NAME = r"(?:the )?[A-Z][\w’-]*\w(?: (?:(?:of|the|de|and) )?[A-Z][\w’-]*\w)*"
_ASKED_OF = re.compile(
    rf"\b(?:do|does|did|is|are|was|were|has|have|had|can|could|will) (?P<a>{_NAME})(?=[’']s\b|[?,]| [a-z])"
    rf"|\b(?:of|in|to|from|for|about|by|with|near|on|at|is|are|was|were|the) (?P<b>{_NAME})(?=[’']s\b|[?,])"
)
"""A name where a pronoun could stand: not before or behind words that belong to it."""
_WORD = re.compile(r"\w{4,}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One question on one passage."""

    passage: str
    question: str
    answer: str
    """Words of the passage."""
    title: str = ""


def sentence_of(reading: Reading) -> str | None:
    """The passage's sentence that holds the answer; None where none does, or it reaches over two."""
    return next((each for each in _SENTENCE_END.split(reading.passage) if reading.answer in each), None)


def answers(readings: Sequence[Reading], seed: int = 0) -> Iterator[Example]:
    """Examples of `answer`, one for each reading that fits.

    The passages beside the one that answers are the two of DRAWN ones that share most words with the
    question, and a third by chance: a model that only looks for any passage learns nothing from them.
    """
    draw = np.random.default_rng(seed)
    fit = [each for each in readings if len(each.passage) <= LONGEST_PASSAGE]
    passages = {each.passage: number for number, each in enumerate(fit)}
    for reading in fit:
        if (sentence := sentence_of(reading)) is None:
            continue
        others = _others(reading, fit, draw)
        refused = draw.random() < REFUSED and bool(others)
        shown = others if refused else [*others, reading]
        numbered = answer.stable_order([_passage(each, passages[each.passage]) for each in shown])
        number = next((at for at, each in enumerate(numbered, 1) if each.text == reading.passage), None)
        text = None if number is None else f"{' '.join(sentence.split())} [{number}]"
        yield answer.example(Query(reading.question), numbered, text)


def rewrites(readings: Sequence[Reading], seed: int = 0) -> Iterator[Example]:
    """Examples of `rewrite`, one for each reading whose question names something that its passage names
    too."""
    draw = np.random.default_rng(seed)
    for reading in readings:
        found = _ASKED_OF.search(reading.question)
        name = None if found is None else found["a"] or found["b"]
        if name is None or name not in reading.passage:
            continue
        opening = _OPENINGS[draw.integers(len(_OPENINGS))].format(name=name)
        told = _SENTENCE_END.split(reading.passage)[0]
        asked = reading.question if draw.random() < STANDS_ALONE else _leaning(reading.question, name)
        query = Query(asked, (Turn("user", opening), Turn("assistant", told)))
        yield rewrite.example(query, reading.question)


_OPENINGS = (
    "What can you tell me about {name}?",
    "I have a question about {name}.",
    "Do you know {name}?",
    "I am reading about {name}.",
)


def _leaning(question: str, name: str) -> str:
    """The question with a pronoun where the name stood."""
    own = re.sub(rf"{re.escape(name)}[’']s\b", "its", question)
    return own if own != question else re.sub(rf"{re.escape(name)}\b", "it", question)


def _others(reading: Reading, readings: Sequence[Reading], draw: np.random.Generator) -> list[Reading]:
    chosen = draw.choice(len(readings), size=min(DRAWN, len(readings)), replace=False)
    drawn = [readings[number] for number in chosen]
    apart = list({each.passage: each for each in drawn if reading.answer not in each.passage}.values())
    wanted = set(_WORD.findall(reading.question.lower()))
    by_words = sorted(apart, key=lambda each: -len(wanted & set(_WORD.findall(each.passage.lower()))))
    near, far = by_words[:2], by_words[2:]
    return [*near, *far[:1]][: draw.integers(OTHERS[0], OTHERS[1] + 1)]


def _passage(reading: Reading, number: int) -> Passage:
    """Passages stand for documents of their own, in an order that says nothing of the answer."""
    title = reading.title or " ".join(reading.passage.split()[:6])
    return Passage(number, 0, DocumentRef(number, title, ""), (), reading.passage, 0, len(reading.passage))
