"""What a reader says of tokens becomes evidence for pieces."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from freehold.assistant.extract import SURE, Extractor
from freehold.assistant.reading import FARTHEST, LONGEST_SPAN, by_reading
from freehold.assistant.sentences import pieces
from freehold.engines.reader import Reading
from freehold.errors import ModelRejected
from freehold.testing import FakeEmbedder
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

TEXT = "Nails are sold by weight. A refund takes five days. Shops close at nine."


def passage(text, *headings, number=1):
    return Passage(number, 1, DocumentRef(1, "Shop", "shop.md"), headings, text, 0, len(text))


class PointsAt:
    """Says that one word is the answer."""

    name = "points"

    def __init__(self, word, odds=8.0, reach=10_000):
        self.word, self.odds, self.reach = word, odds, reach
        self.asked = []

    def read(self, question, text):
        self.asked.append((question, text))
        found = [match.span() for match in re.finditer(r"\w+", text)][: self.reach]
        likely = np.array([text[a:b] == self.word for a, b in found], np.float32)
        odds = (likely * self.odds - 2).astype(np.float32)
        return Reading(odds, odds, np.array(found, np.int64).reshape(-1, 2), nothing=2.0)


class Tokens(FakeEmbedder):
    """Gives every word the fake's vector of that word alone."""

    def embed_tokens(self, text):
        found = [match.span() for match in re.finditer(r"\w+", text)]
        return self.embed([text[a:b] for a, b in found]), found


def evidence(reader, one):
    return by_reading(reader, "How long?", one, pieces(one.text))


def test_the_piece_with_the_answer_stands_out():
    found = evidence(PointsAt("five"), passage(TEXT))
    odds = found[:, 0] * 10
    assert odds == pytest.approx([-6, 10, -6])  # start and end, less what speaks for nothing
    assert found[1, 1] == pytest.approx(1, abs=1e-3)
    assert found[:, 2].argmax() == 1
    assert found[:, 2].sum() < 1


def test_title_and_headings_are_read_above_the_text_and_answer_nothing():
    reader = PointsAt("Returns")
    found = evidence(reader, passage(TEXT, "Returns"))
    assert reader.asked == [("How long?", f"Shop > Returns. {TEXT}")]
    assert (found[:, 0] < 0).all()


def test_what_the_window_does_not_reach_counts_as_no_answer():
    found = evidence(PointsAt("nine", reach=5), passage(TEXT))
    assert found[2, 0] * 10 == pytest.approx(-FARTHEST)


def test_a_span_ends_after_it_starts_and_not_too_far():
    class Apart(PointsAt):
        def read(self, question, text):
            reading = super().read(question, text)
            starts, ends = np.full_like(reading.starts, -5), np.full_like(reading.ends, -5)
            first = len(starts) - len(text.split(". ", 1)[1].split())
            starts[first], ends[first + LONGEST_SPAN] = 5, 5
            return Reading(starts, ends, reading.places, nothing=0.0)

    long = passage("word " * (LONGEST_SPAN + 4) + "end.")
    assert evidence(Apart("word"), long)[0, 0] * 10 == pytest.approx(0)


def test_an_extractor_with_a_reader_quotes_what_it_points_at():
    one = ScoredPassage(passage(TEXT), 0.5, 0.5, None)
    for word, sentence in (("five", "A refund takes five days."), ("nine", "Shops close at nine.")):
        extractor = Extractor(Tokens(), reader=PointsAt(word, odds=20.0))
        assert extractor.mode == "reader"
        assert extractor.extract(Query("How long?"), [one]).spans[0].text == sentence


def test_a_reader_is_not_used_on_words_alone():
    assert Extractor(None, reader=PointsAt("five")).mode == "words"
    assert Extractor(Tokens()).mode == "hybrid"


def passages_of(count):
    texts = [f"Nails are sold by weight. Refund {at} takes five days." for at in range(count)]
    return [ScoredPassage(passage(text, number=at + 1), 0.5, 0.5, None) for at, text in enumerate(texts)]


def test_passages_are_read_at_the_same_time_in_their_own_order(monkeypatch):
    together = threading.Barrier(2, timeout=20)

    class Together(PointsAt):
        def read(self, question, text):
            together.wait()  # passes only when another passage is being read
            sum(range(200_000))
            return super().read(question, text)

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr("freehold.assistant.extract._pool", lambda: pool)
        found = Extractor(Tokens(), reader=Together("five")).extract(Query("How long?"), passages_of(4))
    monkeypatch.setattr("freehold.assistant.extract._pool", lambda: None)
    alone = Extractor(Tokens(), reader=PointsAt("five")).extract(Query("How long?"), passages_of(4))
    assert found.spans == alone.spans
    assert found.confidence == alone.confidence
    assert alone.elsewhere_seconds == 0
    assert found.elsewhere_seconds > 0.001


@pytest.mark.parametrize(
    ("question", "odds", "sure", "read"),
    [
        ("How long does a refund take?", 20, SURE, 2),
        ("How long does a refund take?", 20, 0.99, 6),
        ("How long does a refund take?", 3, SURE, 6),
    ],
    ids=["sure", "not sure enough", "unsure"],
)
def test_no_more_is_read_than_it_takes(question, odds, sure, read):
    reader = PointsAt("five", odds=odds)
    Extractor(Tokens(), reader=reader).extract(Query(question), passages_of(6), sure=sure)
    assert len(reader.asked) == read


def test_a_passage_is_read_once_for_a_question_amid_its_turns_afresh_and_alone():
    reader = PointsAt("five", odds=3)
    extractor, passages = Extractor(Tokens(), reader=reader), passages_of(6)
    history = (Turn("user", "Do you sell nails?"), Turn("assistant", "By weight."))
    question = "How long does a refund take?"
    amid, alone = (extractor.extract(Query(question, turns), passages) for turns in (history, ()))
    extractor.extract(Query(question), passages[:1])
    assert len(reader.asked) == 6
    anew = Extractor(Tokens(), reader=PointsAt("five", odds=3)).extract(Query(question), passages)
    assert (alone.spans, alone.confidence) == (anew.spans, anew.confidence)
    assert amid.spans
    extractor.extract(Query("How long does it take?"), passages[:1])
    assert len(reader.asked) == 7


def test_nor_where_it_is_hopeless(monkeypatch):
    monkeypatch.setattr("freehold.assistant.extract.HOPELESS", 0.02)
    reader = PointsAt("five", odds=-20)
    found = Extractor(Tokens(), reader=reader).extract(Query("Paris"), passages_of(6))
    assert found.confidence < 0.02
    assert len(reader.asked) == 2


def test_an_answer_in_the_last_passage_is_found():
    nails = [f"Nails are sold by weight, {at} of them." for at in range(5)]
    texts = [*nails, "Refunds take five days."]
    passages = [ScoredPassage(passage(text, number=at + 1), 0.5, 0.5, None) for at, text in enumerate(texts)]
    extractor = Extractor(Tokens(), reader=PointsAt("five", odds=20))
    assert extractor.extract(Query("How long does a refund take?"), passages).spans[0].passage == passages[-1]


def test_what_a_reader_raises_reaches_the_caller(monkeypatch):
    class Broken(PointsAt):
        def read(self, question, text):
            raise ModelRejected("The reader is damaged.")

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr("freehold.assistant.extract._pool", lambda: pool)
        with pytest.raises(ModelRejected, match="damaged"):
            Extractor(Tokens(), reader=Broken("five")).extract(Query("How long?"), passages_of(3))
