"""What the reader's figures become, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.assistant.answerability import NAMES, Mode, from_table, weights
from freehold.assistant.evidence import ask, read
from freehold.assistant.extract import Extractor
from freehold.assistant.reader import Reader
from freehold.assistant.reading import BY_READING, MOST_TOKENS, by_reading
from freehold.testing import FakeTokens
from freehold.types import DocumentRef, Passage, Query, ScoredPassage

TEXT = "The shop opens at nine. Parcels leave on Friday. Staff wear hats."
QUESTION = Query("When do parcels leave?")


class Finds(Reader):
    """Finds the same in every passage: these log odds, and the answer at one token."""

    def __init__(self, token: int, odds: float) -> None:
        super().__init__({})
        self._token_found, self._odds = token, odds
        self.given: list[tuple[int, int, int]] = []

    def read(self, text, above, passage):
        self.given.append((len(text.vectors), len(above), len(passage)))
        ends = np.zeros((len(passage), 2), np.float32)
        ends[self._token_found] = 8.0
        return self._odds, ends


def passage(text: str, number: int = 1) -> Passage:
    return Passage(number, 1, DocumentRef(number, "Shop", "shop.md"), ("Opening",), text, 0, len(text))


def readings(query: Query, text: str, reader: Reader) -> dict[str, list[float]]:
    embedder = FakeTokens()
    found = by_reading(reader, ask(query, None, embedder), read(passage(text), embedder))
    return {name: [float(value) for value in found[:, at]] for at, name in enumerate(BY_READING)}


FRIDAY = TEXT.split().index("Friday.")


def test_the_span_goes_to_the_piece_it_stands_in() -> None:
    reader = Finds(FRIDAY, 3.0)
    found = readings(QUESTION, TEXT, reader)
    assert reader.given == [(4, 3, 12)], "question, title and heading, text"
    assert int(np.argmax(found["span"])) == 1
    assert found["settles"] == [3.0, 3.0, 3.0]
    assert found["settled"][0] == pytest.approx(0.9526, abs=1e-3)
    assert all(said < span for said, span in zip(found["said"], found["span"], strict=True))


def test_a_span_does_not_end_before_it_starts_nor_reach_over_sentences() -> None:
    class Torn(Finds):
        def read(self, text, above, passage):
            ends = np.zeros((len(passage), 2), np.float32)
            ends[0, 1] = ends[4, 0] = 9.0  # it ends at the first word and starts at the last of its sentence
            ends[5, 0] = ends[8, 1] = 6.0
            return 0.0, ends

    assert int(np.argmax(readings(QUESTION, TEXT, Torn(0, 0.0))["span"])) == 1


def test_a_long_passage_is_read_up_to_a_bound() -> None:
    reader = Finds(0, 1.0)
    found = readings(QUESTION, " ".join([TEXT] * 100), reader)
    assert reader.given[0][2] == MOST_TOKENS
    assert np.isfinite(found["span"]).all()
    assert min(found["span"]) == -20.0, "what lies beyond says nothing"


def test_what_cannot_be_read_settles_nothing() -> None:
    embedder = FakeTokens()
    shelf = read(passage(TEXT), embedder)
    for asked in (ask(QUESTION, None, None), ask(Query("…"), None, embedder)):
        found = by_reading(Finds(0, 5.0), asked, shelf)
        assert (found[:, BY_READING.index("settled")] == 0).all()
    assert by_reading(Finds(0, 5.0), ask(QUESTION, None, embedder), read(passage(""), embedder)).shape == (
        0,
        4,
    )


def test_a_reader_decides_what_is_quoted_and_how_surely() -> None:
    """With coefficients that look at the reading alone, the sentence it points to comes first."""

    def only_reading(mode: Mode):
        assert mode == "read"
        table = {"piece": {"said": 1.0}, "answer": {"best.settles": 1.0}, "bias": 0.0, "refuse_below": 0.5}
        return from_table(mode, table)

    def extract(odds: float):
        extractor = Extractor(FakeTokens(), None, Finds(FRIDAY, odds), weigh=only_reading)
        assert extractor.mode == "read"
        return extractor.extract(QUESTION, [ScoredPassage(passage(TEXT), 1.0, 1.0, 1.0)])

    sure, unsure = extract(4.0), extract(-4.0)
    assert sure.spans[0].text == "Parcels leave on Friday."
    assert sure.confidence > 0.95
    assert unsure.confidence < 0.05


def test_the_shipped_coefficients_use_the_reading() -> None:
    shipped = weights("read")
    by_name = dict(zip(NAMES["read"], shipped.piece.tolist(), strict=True))
    assert any(by_name[name] for name in BY_READING)
