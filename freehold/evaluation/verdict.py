"""In one word, whether a question was dealt with rightly; what the rules are is said in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from freehold.assistant.marks import without_ours
from freehold.tasks.metrics import f1, holds, words

Verdict = Literal[
    "right", "wrong answer", "wrongly refused", "rightly refused", "wrongly answered", "failed", "answered"
]

GOOD: frozenset[Verdict] = frozenset(("right", "rightly refused"))
UNKNOWN: frozenset[Verdict] = frozenset(("answered",))
"""Answered, and nothing is known of what would have been right."""

SHORT = 10
"""Words of a gold answer up to which the answer has to hold it to the letter."""
ALIKE = 0.3
"""Token F1 from which an answer counts as a longer gold answer's, where nothing else is known."""


def verdict(record: Mapping[str, Any]) -> Verdict:
    """
    Refused or answered, against what was called for. An answer is right when one of its first three
    sentences holds a short gold answer; where gold answers are long or missing, when it cites a gold place;
    where that is not known either, when it shares enough words with a gold answer.
    """
    if record["outcome"] == "failed":
        return "failed"
    answered = record["outcome"] == "answered"
    if not record["answerable"]:
        return "wrongly answered" if answered else "rightly refused"
    if not answered:
        return "wrongly refused"
    right = _right(record)
    if right is None:
        return "answered"
    return "right" if right else "wrong answer"


def _right(record: Mapping[str, Any]) -> bool | None:
    answers = record["gold"]["answers"]
    sentences = [without_ours(claim["text"]) for claim in record["claims"]]
    short = [gold for gold in answers if len(words(gold)) <= SHORT]
    if short:
        return any(holds(sentence, gold) for sentence in sentences[:3] for gold in short)
    if record["gold"]["items"]:
        return any(citation["gold"] is not None for citation in record["citations"])
    if answers:
        return max(f1("".join(sentences), gold) for gold in answers) >= ALIKE
    return None
