"""A question that changes the subject is asked again without the turns before it, and only such a one."""

import pytest

from freehold.assistant.afresh import afresh
from freehold.assistant.extract import Extract, Span
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

HISTORY = (Turn("user", "How do I make a backup?"), Turn("assistant", "Run the backup command."))
NOTHING = Extract((), 0.0)
UNSURE = 0.05


def told(confidence: float, *titles: str) -> Extract:
    """What quotes a document of each title."""
    text = "Run the training command."
    spans = []
    for number, title in enumerate(titles, 1):
        passage = Passage(number, 1, DocumentRef(number, title, f"{number}.md"), (), text, 0, len(text))
        spans.append(Span(ScoredPassage(passage, 0.8, 0.8, 0.8), 0, len(text)))
    return Extract(tuple(spans), confidence)


def meant(text: str, amid: Extract, alone: Extract, history: tuple[Turn, ...] = HISTORY) -> Extract | None:
    """What stands in the place of what was found amid the turns; None where that stays."""
    asked: list[Query] = []

    def seek(query: Query) -> Extract:
        asked.append(query)
        return alone

    query = Query(text, history)
    now, extract = afresh(query, amid, 0.5, seek)
    assert [(one.text, one.history) for one in asked] in ([], [(text, ())])
    if now is query:
        assert extract is amid
        return None
    assert now == Query(text)
    return extract


@pytest.mark.parametrize("titles", [("Training", "Training"), ("Training", "The command line")])
@pytest.mark.parametrize("amid", [NOTHING, told(UNSURE, "Backups")], ids=["nothing", "unsure"])
def test_what_would_be_refused_amid_its_turns_is_answered_by_itself(
    amid: Extract, titles: tuple[str, ...]
) -> None:
    alone = told(0.9, *titles)
    assert meant("How do I train a model?", amid, alone) is alone


@pytest.mark.parametrize(
    ("text", "amid", "alone", "history"),
    [
        ("How do I train a model?", told(0.9, "Backups"), told(0.9, "Training"), HISTORY),
        ("How long does it take?", NOTHING, told(0.9, "Training"), HISTORY),
        ("How do I train a model?", NOTHING, told(UNSURE, "Training"), HISTORY),
        ("How do I train a model?", NOTHING, NOTHING, HISTORY),
        ("Is parking free for guests?", NOTHING, told(0.9, "Hotel Alba", "Hotel Berg"), HISTORY),
        ("How do I train a model?", NOTHING, told(0.9, "Training"), ()),
    ],
    ids=["answered", "leans", "unsure", "nothing", "things alike", "no turns"],
)
def test_all_else_stays_as_it_was(
    text: str, amid: Extract, alone: Extract, history: tuple[Turn, ...]
) -> None:
    assert meant(text, amid, alone, history) is None
