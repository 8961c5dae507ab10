"""What is quoted is the passage's own words, the best first; nothing near means no confidence."""

from __future__ import annotations

from freehold.assistant.extract import Extractor
from freehold.testing import FakeEmbedder
from freehold.types import DocumentRef, Passage, Query, ScoredPassage

DOCUMENT = DocumentRef(1, "Payments", "payments.md")


def scored(number: int, text: str, score: float = 0.5) -> ScoredPassage:
    passage = Passage(number, 1, DOCUMENT, ("Payments",), text, 0, len(text))
    return ScoredPassage(passage, score, score, score)


def test_no_passages_no_confidence() -> None:
    for extractor in (Extractor(None), Extractor(FakeEmbedder())):
        extract = extractor.extract(Query("How do I pay?"), [])
        assert extract.spans == ()
        assert extract.confidence == 0.0


def test_the_sentence_that_answers_comes_first_and_is_quoted_to_the_letter() -> None:
    text = "Nails are sold by weight. A refund takes  five\nworking days. Shops close at nine."
    for extractor in (Extractor(None), Extractor(FakeEmbedder())):
        extract = extractor.extract(Query("How long does a refund take?"), [scored(1, text)])
        span = extract.spans[0]
        assert text[span.start : span.end] == span.text == "A refund takes  five\nworking days."
        assert len(extract.spans) <= 3


def test_the_same_sentence_of_two_passages_is_shown_once() -> None:
    same = "A refund takes five days."
    extract = Extractor(None).extract(
        Query("How long does a refund take?"), [scored(1, same), scored(2, same)]
    )
    assert [span.text for span in extract.spans] == [same]


def test_small_talk_has_no_confidence() -> None:
    assert Extractor(None).extract(Query("?!"), [scored(1, "A refund takes five days.")]).confidence == 0.0
