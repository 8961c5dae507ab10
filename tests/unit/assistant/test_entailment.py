"""A reader's word on a claim: it decides where words leave it open, and is asked once."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.assistant.entailment import NAMES, Entailment
from freehold.assistant.grounding import Checker
from freehold.engines.reader import Reading
from freehold.types import DocumentRef, Passage

TEXT = "The kiln is fired on Mondays by the caretaker. Visitors may watch from the gallery above the yard."


class Sure:
    """A reader that is this sure of everything it is asked."""

    name = "sure"

    def __init__(self, odds: float) -> None:
        self.odds = odds
        self.asked: list[tuple[str, str]] = []

    def read(self, question: str, text: str) -> Reading:
        self.asked.append((question, text))
        words = text.split()
        starts = np.full(len(words), -9.0, np.float32)
        ends = starts.copy()
        if words:
            starts[0], ends[-1] = self.odds / 2, self.odds / 2
        return Reading(starts, ends, np.zeros((len(words), 2), np.int64), 0.0)


def passage(text: str = TEXT) -> Passage:
    return Passage(1, 1, DocumentRef(1, "The kiln", "kiln.md"), (), text, 0, len(text))


def test_a_claim_in_words_of_its_own_is_shown_when_the_reader_is_sure_of_it() -> None:
    claim = "The caretaker heats the kiln on Mondays."
    sure, unsure = (Checker(Sure(odds)).check(claim, [passage()]) for odds in (14.0, -14.0))
    assert sure.score > unsure.score
    assert not unsure.supported
    assert unsure.reasons


def test_what_is_ruled_out_by_words_stays_so_however_sure_the_reader_is() -> None:
    reader = Sure(15.0)
    found = Checker(reader).check("The kiln is fired on 12 Mondays.", [passage()])
    assert not found.supported
    assert found.score == 0
    assert reader.asked == []


def test_the_reader_reads_the_words_that_are_quoted_and_each_claim_once() -> None:
    reader = Sure(3.0)
    checker = Checker(reader)
    for _ in range(3):
        checker.check("According to the passage, visitors may watch from the gallery.", [passage()])
    (asked,) = reader.asked
    assert asked[0].lower().startswith("visitors may watch")
    assert asked[1] == "Visitors may watch from the gallery above the yard."


def test_a_claim_that_the_reader_would_not_see_whole_is_left_to_the_words() -> None:
    reader = Sure(15.0)
    long = (
        "Visitors may watch from the gallery above the yard" + ", and the yard is swept by a wizard" * 9 + "."
    )
    found = Checker(reader).check(long, [passage()])
    assert reader.asked == []
    assert not found.supported


def test_a_reading_without_a_word_is_no_entailment() -> None:
    measured = Entailment(Sure(5.0)).measure("A claim.", "", 0.5)
    assert measured.shape == (len(NAMES),)
    assert measured[0] == pytest.approx(-1.5)
    assert measured[1] == pytest.approx(0, abs=1e-6)
