"""What is measured of a piece, and what is kept of a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from freehold.assistant.evidence import COMMON, NAMES, TokenEmbedder, ask, measure, read
from freehold.testing import FakeEmbedder
from freehold.types import DocumentRef, Passage, Query, Turn


class FakeTokens:
    """Token vectors from the fake embedder, a token per word."""

    name = "fake-tokens"

    def __init__(self) -> None:
        self._inner = FakeEmbedder()
        self.texts: list[str] = []

    def embed_tokens(self, text: str) -> tuple[Any, list[tuple[int, int]]]:
        self.texts.append(text)
        places, at = [], 0
        for word in text.split():
            at = text.index(word, at)
            places.append((at, at + len(word)))
            at += len(word)
        return self._inner.embed([text[a:b] for a, b in places]).reshape(-1, 64), places


def passage(text: str, *headings: str) -> Passage:
    return Passage(1, 1, DocumentRef(1, "Shop", "shop.md"), headings, text, 0, len(text))


def rarities(words: Iterable[str]) -> Mapping[str, float]:
    return {word: 8.0 if word == "zebra" else 1.0 for word in words}


def column(name: str, text: str, question: str, *headings: str, tokens: bool = False) -> list[float]:
    embedder = FakeTokens() if tokens else None
    asked = ask(Query(question), rarities, embedder)
    rows = measure(asked, read(passage(text, *headings), embedder), 0)
    return [round(float(value), 3) for value in rows[:, NAMES.index(name)]]


def test_rare_words_weigh_more_and_headings_lend_theirs() -> None:
    text = "The zebra sleeps. The keeper feeds."
    assert column("cov", text, "Does the keeper feed the zebra?") == [0.8, 0.2]
    assert column("cov_title", text, "Does the keeper feed the zebra?", "Zebra") == [0.8, 1.0]
    assert column("cov_prev", text, "Does the keeper feed the zebra?") == [0.8, 1.0]
    assert column("pcov", text, "Does the keeper feed the zebra?") == [1.0, 1.0]


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("When was it built?", "It was built in 1887.", "It was built of stone."),
        ("How many doors has it?", "It has nine doors.", "It has doors."),
        ("How many doors has house 7?", "It has 9 doors.", "House 7 has doors."),
        ("Who built it?", "It was built by Quill.", "It was built by hand."),
        ("Where is it?", "It is in Oslo.", "It is tall."),
        ("What percentage is paid?", "Some 20% is paid.", "Some 20 are paid."),
        ("How long does it take?", "It takes 3 days.", "It takes 3 nails."),
        ("Why is it late?", "It is late because of snow.", "It is late."),
    ],
)
def test_sorts_of_answer(question: str, holds: str, lacks: str) -> None:
    assert column("typed", f"{holds} {lacks}", question) == [1.0, 0.0]


def test_steps_under_a_heading_that_says_it_are_wanted_by_how_questions() -> None:
    text = "You can send it.\n\n1. Open it.\n2. Send it.\n\nOr else:\n\n- wait"
    assert column("steps_headed", text, "How do I send zebras?", "To send zebras") == [0.0, 1.0, 0.0]
    assert column("steps_headed", text, "How do I send zebras?", "Zebras", "To send") == [0.0, 0.111, 0.0]
    assert column("steps_headed", text, "What can be sent?", "To send") == [0.0, 0.0, 0.0]
    assert column("steps_headed", text, "How many can I send?", "To send") == [0.0, 0.0, 0.0]


def test_token_vectors_are_taken_under_the_headings_and_in_parts() -> None:
    embedder = FakeTokens()
    assert isinstance(embedder, TokenEmbedder)
    text = " ".join(f"Sentence number {number} is about nails." for number in range(60))
    whole = read(passage(text, "Nails"), embedder)
    assert len(embedder.texts) > 1
    assert all(each.startswith("Shop > Nails. ") for each in embedder.texts)
    assert whole.vectors is not None
    assert sum(len(told.tokens) for told in whole.told) == len(whole.vectors) == len(text.split())


def test_meaning_is_measured_of_the_piece_itself() -> None:
    text = "The zebra sleeps. The keeper feeds."
    near = column("maxsim", text, "zebra sleeping", tokens=True)
    assert near[0] > near[1]
    assert measure(ask(Query("zebra"), None, None), read(passage(text), None), 0).shape == (2, len(COMMON))


def test_the_turn_before_lends_its_words_at_half_weight() -> None:
    history = (Turn("user", "Tell me about the zebra"), Turn("assistant", "It sleeps."))
    asked = ask(Query("And the keeper?", history), rarities, FakeTokens())
    assert asked.words == ("keeper",)
    assert asked.rarity["zebra"] == 4.0
    assert asked.rarity["keeper"] == 1.0


def test_odd_input_measures_finite_numbers() -> None:
    for text in ("", "  ", "😀", "|||", "1.", "漢字。", "x" * 5000, "# only a heading"):
        for question in ("?", "", "漢字", "how", "zebra " * 900):
            embedder = FakeTokens()
            rows = measure(ask(Query(question), rarities, embedder), read(passage(text), embedder), 0)
            assert np.isfinite(rows).all()


def test_a_turn_before_that_fills_the_model_leaves_the_question_its_vectors() -> None:
    class Short(FakeTokens):
        def embed_tokens(self, text: str) -> tuple[Any, list[tuple[int, int]]]:
            vectors, places = super().embed_tokens(text)
            return vectors[:20], places[:20]

    question = "When does it sleep?"
    long = ask(Query(question, (Turn("user", "zebra " * 40),)), rarities, Short())
    alone = ask(Query(question), rarities, Short())
    assert long.vectors is not None
    assert alone.vectors is not None
    assert np.array_equal(long.vectors, alone.vectors)
    assert long.wh == alone.wh == 0
