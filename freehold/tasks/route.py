"""The task `route`: from a customer's message to its label, or to "out of scope", or to "wants a person".

A label is a short name of the organisation's own (`card_arrival`). Two names are kept for what every
organisation has: OUT_OF_SCOPE and PERSON, under whichever of their usual spellings a dataset has them. The
prompt does not list the labels, so that it stays a line long: a model is tuned on them, and whoever reads
what it wrote knows them. Knows nothing of what decides; `linear_route.py` does it without a language model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from freehold.tasks.examples import Example
from freehold.types import Turn

TASK = "route"
OUT_OF_SCOPE = "out_of_scope"
PERSON = "person"
POLICY = f"Name the topic of the customer's message in one label; {OUT_OF_SCOPE} and {PERSON} are labels too."
LONGEST_MESSAGE = 2_000
"""Characters of a message that are read: what it is about is said early."""

_SPELLINGS = {
    OUT_OF_SCOPE: "oos outofscope outofdomain offtopic",
    PERSON: "person human wantsperson wantsaperson wantshuman humanagent talktohuman"
    " speaktohuman handoff contactagent contacthumanagent",
}
_RESERVED = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}

Kind = Literal["label", "out_of_scope", "person"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes."""

    label: str
    """The label as the dataset has it, or OUT_OF_SCOPE or PERSON."""
    confidence: float
    """The chance that it is right, as far as whoever decided can tell; 1 where they cannot."""
    sure: bool
    """Whether it may be acted on. A kind that is not sure is a guess: the message goes its usual way."""

    @property
    def kind(self) -> Kind:
        return kind_of(self.label)


def kind_of(label: str) -> Kind:
    """What a label means."""
    if label == OUT_OF_SCOPE:
        return "out_of_scope"
    return "person" if label == PERSON else "label"


def label_of(said: str) -> str:
    """A dataset's label in the form that it is kept in: reserved ones under our names, others stripped."""
    plain = "".join(character for character in said.lower() if character.isalnum())
    return _RESERVED.get(plain, " ".join(said.split()))


def compose(message: str) -> tuple[str, tuple[Turn, ...]]:
    """System message and turns for one message."""
    return POLICY, (Turn("user", message.strip()[:LONGEST_MESSAGE]),)


def example(message: str, label: str) -> Example:
    """What a model is shown to learn it."""
    system, turns = compose(message)
    return Example(TASK, (*turns, Turn("assistant", label_of(label))), system=system)


def examples(rows: Iterable[tuple[str, str]]) -> list[Example]:
    """Messages with their labels, each message once: the first label it came with stays."""
    seen: dict[str, Example] = {}
    for message, label in rows:
        seen.setdefault(" ".join(message.lower().split()), example(message, label))
    return list(seen.values())


def read(written: str, labels: Collection[str]) -> str | None:
    """The label that a model wrote, or None where it wrote none of `labels`.

    Case, spaces and the marks between words do not count.
    """
    first = next((line for line in written.strip().splitlines() if line.strip()), "")
    wanted = _plain(label_of(first))
    return next((label for label in labels if _plain(label) == wanted), None)


def _plain(label: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", label).casefold())
