"""Whether a passage is one of those that answer a question. Knows nothing of what was found, or how."""

from __future__ import annotations

import re
from collections.abc import Iterable

from freehold.evaluation.questions import Question


class Gold:
    """Where a question's answer stands: its items, each found once.

    Items are the quotes, where the question has some (then within its documents, where it names those too);
    else its passages; else its documents.
    """

    def __init__(self, question: Question) -> None:
        self._documents = tuple(map(_place, question.documents))
        self._quotes = tuple(map(_plain, question.quotes))
        self._passages = question.passages
        self.items = len(self._quotes or self._passages or self._documents) if question.answerable else 0

    def item(self, location: str, title: str, text: str) -> int | None:
        """The number of the item that this passage is, or None."""
        if not self.items:
            return None
        if self._quotes:
            if self._documents and self._document(location, title) is None:
                return None
            plain = _plain(text)
            return next((number for number, quote in enumerate(self._quotes) if quote in plain), None)
        if self._passages:
            return self._passages.index(location) if location in self._passages else None
        return self._document(location, title)

    def _document(self, location: str, title: str) -> int | None:
        place, name = _place(location), _place(title)
        return next(
            (
                number
                for number, gold in enumerate(self._documents)
                if place == gold or place.endswith(f"/{gold}") or name == gold
            ),
            None,
        )


class Known:
    """The documents that there are, by every name under which a suite may call them."""

    def __init__(self, documents: Iterable[tuple[str, str]]) -> None:
        """Takes locations and titles."""
        self._names: set[str] = set()
        for location, title in documents:
            place = _place(location)
            self._names |= {place, _place(title)}
            while "/" in place:
                place = place.partition("/")[2]
                self._names.add(place)

    def none_of(self, question: Question) -> bool:
        """Whether the question names gold documents and none of them is there."""
        return bool(question.documents) and not any(
            _place(each) in self._names for each in question.documents
        )


def _place(location: str) -> str:
    return location.strip().removeprefix("./").rstrip("/").casefold()


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
