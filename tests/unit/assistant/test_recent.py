"""What was made of a passage is made again when its words change, or when others were asked for since."""

from dataclasses import replace

from freehold.assistant.recent import Recent
from freehold.types import DocumentRef, Passage

PASSAGE = Passage(1, 1, DocumentRef(1, "Refunds", "refunds.md"), ("Refunds",), "Five days.", 0, 10)


def test_it_is_made_once_while_its_words_stay() -> None:
    made: list[str] = []

    def make(passage: Passage) -> str:
        made.append(passage.text)
        return passage.text.upper()

    recent = Recent(make, keep=2)
    assert recent.of(PASSAGE) == recent.of(replace(PASSAGE)) == "FIVE DAYS."
    changed = replace(PASSAGE, text="Six days.")
    assert recent.of(changed) == "SIX DAYS."
    assert made == ["Five days.", "Six days."]
    recent.of(PASSAGE)
    recent.of(replace(PASSAGE, id=2))  # the third: the changed one was used longest ago
    assert len(made) == 3
    recent.of(PASSAGE)
    assert len(made) == 3
    recent.of(changed)
    assert made[3:] == ["Six days."]
