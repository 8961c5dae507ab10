"""The task `rewrite`: from a conversation to its last question, put so that it stands alone.

The conversation is handed over as a transcript in one message, not as turns of a chat: a model that sees
turns is tempted to answer them. Knows nothing of search; `freehold evaluate --rewrite` measures whether
a rewriting finds what the original meant.
"""

from __future__ import annotations

from freehold.tasks.examples import Example
from freehold.types import Query, Turn

TASK = "rewrite"
POLICY = "Rewrite the customer's last question so that it can be understood without the conversation."
MOST_TURNS = 4
"""Turns before the question that are shown: what a question leans on was said just before."""
LONGEST_TURN = 400
"""Characters of each of them."""
LONGEST_QUESTION = 1_000

_SPEAKERS = {"user": "Customer", "assistant": "Assistant"}


def compose(query: Query) -> tuple[str, tuple[Turn, ...]]:
    """System message and turns for one question with the turns before it."""
    said = [
        f"{_SPEAKERS[turn.role]}: {_line(turn.text)[:LONGEST_TURN]}" for turn in query.history[-MOST_TURNS:]
    ]
    asked = f"{_SPEAKERS['user']}: {_line(query.text)[:LONGEST_QUESTION]}"
    return POLICY, (Turn("user", "\n".join((*said, asked))),)


def example(query: Query, rewritten: str) -> Example:
    """What a model is shown to learn it; `rewritten` equal to the question where that stands alone."""
    system, turns = compose(query)
    return Example(TASK, (*turns, Turn("assistant", _line(rewritten))), system=system)


def read(written: str, query: Query) -> str:
    """The question that a model wrote, or the customer's own where it wrote nothing that can be one."""
    first = next((line.strip() for line in written.splitlines() if line.strip()), "")
    first = first.removeprefix(f"{_SPEAKERS['user']}:").strip()
    if not any(character.isalnum() for character in first) or len(first) > LONGEST_QUESTION:
        return query.text
    return first


def _line(text: str) -> str:
    return " ".join(text.split())
