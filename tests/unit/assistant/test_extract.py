"""What is quoted is the passage's own words, the best first; nothing near means no confidence."""

from __future__ import annotations

import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.assistant.extract import MOST_SPANS, Extractor
from freehold.testing import FakeEmbedder
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

STEPS = """\
Parcels can come back to us for thirty days.

To return a parcel, follow these steps:

1. Open **Orders**.
2. Choose **Return**.
   A label is printed.
3. Put the label on the parcel.

Refunds are paid after the parcel has arrived."""


def scored(number: int, text: str, *headings: str, score: float = 0.5) -> ScoredPassage:
    passage = Passage(number, 1, DocumentRef(1, "Parcels", "parcels.md"), headings, text, 0, len(text))
    return ScoredPassage(passage, score, score, None)


def quotes(question: str, *passages: ScoredPassage, history: tuple[Turn, ...] = ()) -> list[str]:
    return [span.text for span in Extractor(None).extract(Query(question, history), passages).spans]


def test_no_passages_no_confidence() -> None:
    for extractor in (Extractor(None), Extractor(FakeEmbedder())):
        for passages in ([], [scored(1, "")], [scored(1, "## Only a heading")]):
            extract = extractor.extract(Query("How do I pay?"), passages)
            assert extract.spans == ()
            assert extract.confidence == 0.0


def test_small_talk_has_no_confidence() -> None:
    for text in ("?!", "", "   ", "do you?"):
        assert (
            Extractor(None).extract(Query(text), [scored(1, "A refund takes five days.")]).confidence == 0.0
        )


def test_the_sentence_that_answers_comes_first_and_is_quoted_to_the_letter() -> None:
    text = "Nails are sold by weight. A refund takes  five\nworking days. Shops close at nine."
    extract = Extractor(None).extract(Query("How long does a refund take?"), [scored(1, text)])
    span = extract.spans[0]
    assert text[span.start : span.end] == span.text == "A refund takes  five\nworking days."


def test_steps_are_quoted_whole_for_a_how_question() -> None:
    first = quotes("How do I return a parcel?", scored(1, STEPS, "Return a parcel"))[0]
    assert first.startswith("To return a parcel, follow these steps:")
    assert first.endswith("3. Put the label on the parcel.")
    assert quotes("When are refunds paid?", scored(1, STEPS))[0].startswith("Refunds are paid")


def test_the_steps_whose_heading_matches_win() -> None:
    steps = "1. Open **Orders**.\n2. Choose the parcel.\n3. Save."
    passages = [scored(1, steps, "To lose a parcel"), scored(2, steps + " Done.", "To track a parcel")]
    assert quotes("How can I track a parcel?", *passages)[0].endswith("Done.")


def test_a_second_list_is_not_shown_when_it_answers_much_less() -> None:
    other = "- red paint\n- blue paint\n- a parcel of nails"
    passages = [scored(1, STEPS, "Return a parcel"), scored(2, other, "Paint")]
    assert other not in quotes("How do I return a parcel?", *passages)


def test_the_same_words_are_shown_once() -> None:
    same = "A refund takes five days."
    assert quotes("How long does a refund take?", scored(1, same), scored(2, same.upper())) == [same]


def test_a_bare_no_is_shown_of_the_passage_that_answers_best_alone() -> None:
    fee = scored(1, "The monthly fee is nine euros.", "Is there a monthly fee?")
    bare = scored(2, "No.", "Is there a monthly fee?")
    assert quotes("Is there a monthly fee?", bare) == ["No."]
    assert quotes("Is there a monthly fee?", fee, bare) == ["The monthly fee is nine euros."]


def test_a_question_that_nothing_answers_is_less_sure() -> None:
    extractor = Extractor(None)
    passages = [scored(1, STEPS, "Return a parcel")]
    near = extractor.extract(Query("How do I return a parcel?"), passages).confidence
    far = extractor.extract(Query("Which moon of Jupiter has volcanoes?"), passages).confidence
    assert far < extractor.refuse_below < near


def test_the_turn_before_helps_a_follow_up() -> None:
    passages = [scored(1, "A parcel costs 9 euros. Paint costs 4 euros.")]
    before = (Turn("user", "I want to buy paint"), Turn("assistant", "Fine."))
    assert quotes("How much does it cost?", *passages, history=before)[0] == "Paint costs 4 euros."
    assert quotes("How much does it cost?", *passages)[0] == "A parcel costs 9 euros."


def test_rarities_are_asked_of_the_index() -> None:
    def rarities(words: object) -> dict[str, float]:
        return {"parcel": 0.1, "volcano": 9.0}

    extractor = Extractor(None, rarities)
    passages = [scored(1, "A parcel is a parcel. A volcano is hot.")]
    assert extractor.extract(Query("parcel volcano"), passages).spans[0].text == "A volcano is hot."


def test_readings_are_kept_and_bounded_and_follow_changed_words() -> None:
    extractor = Extractor(None, keep=2)
    one, changed = scored(1, "A refund takes five days."), scored(1, "A refund takes six days.")
    assert extractor.read(one.passage) is extractor.read(one.passage)
    assert extractor.read(changed.passage).told[0].text == "A refund takes six days."
    kept = extractor.read(scored(3, "x").passage)
    extractor.read(scored(4, "y").passage)
    assert extractor.read(scored(3, "x").passage) is kept
    assert extractor.read(one.passage).told[0].text == "A refund takes five days."


def test_threads_may_ask_at_once() -> None:
    extractor = Extractor(None, keep=3)
    passages = [scored(number, f"Parcel {number} weighs {number} kilos.") for number in range(8)]
    wrong: list[str] = []

    def ask(number: int) -> None:
        for _ in range(30):
            said = extractor.extract(Query(f"What does parcel {number} weigh?"), passages).spans[0].text
            if f"Parcel {number} " not in said:
                wrong.append(said)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=4))
def test_anything_may_be_asked_of_anything(question: str, texts: list[str]) -> None:
    passages = [scored(number, text) for number, text in enumerate(texts)]
    extract = Extractor(None).extract(Query(question), passages)
    assert 0.0 <= extract.confidence <= 1.0
    assert len(extract.spans) <= MOST_SPANS
    for span in extract.spans:
        assert span.text == span.passage.passage.text[span.start : span.end].strip()
        assert span.text
