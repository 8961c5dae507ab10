"""Masks personal data in text: what was found becomes `[email 1]`, `[name 2]`, the same value the same mark.

One `Masker` serves one ticket or conversation, so that it stays readable: whoever is `[name 1]` in the
question is `[name 1]` in the reply. Knows what personal_data.py finds, and the names it is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from freehold.personal_data import FINDERS, KINDS, NOT_NAMES, SURNAME, Kind, names

PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(KINDS)}) \d+\]")


class Masker:
    """Masks the texts of one ticket; counts what it masked."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """`known` are names from elsewhere (a column, a contact) and masked wherever they stand."""
        self.found: Counter[Kind] = Counter()
        self._numbers: dict[tuple[Kind, str], int] = {}
        self._known: dict[str, int] = {}
        self._pattern: re.Pattern[str] | None = None
        for name in known:
            self._know(name)

    def mask(self, text: str) -> str:
        """`text` with placeholders. Names that it gives away are known from now on.

        Mask a ticket's texts once to learn its names and again to use them, or in reading order when a
        name that is given away late may stay where it stood before.
        """
        spots = self.find(text)
        parts, at = [], 0
        for start, end, kind in spots:
            parts += [text[at:start], self._placeholder(kind, text[start:end])]
            at = end
        self.found.update(kind for _, _, kind in spots)
        return "".join([*parts, text[at:]])

    def find(self, text: str) -> list[tuple[int, int, Kind]]:
        """What would be masked: start, end and kind, in order."""
        spots: list[tuple[int, int, Kind]] = []
        taken = bytearray(len(text))
        for match in PLACEHOLDER.finditer(text):
            taken[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
        for kind, find in FINDERS:
            for start, end in find(text):
                if start < end and not any(taken[start:end]):
                    taken[start:end] = b"\x01" * (end - start)
                    spots.append((start, end, kind))
                    if kind == "name":
                        self._know(text[start:end])
        for start, end in self._named(text):
            if not any(taken[start:end]):
                taken[start:end] = b"\x01" * (end - start)
                spots.append((start, end, "name"))
        return sorted(spots)

    def learn(self, text: str) -> None:
        """Takes in the names that `text` gives away, and masks nothing."""
        for start, end in names(text):
            self._know(text[start:end])

    def _know(self, name: str) -> None:
        words = _name_words(name)
        if not words:
            return
        number = next((self._known[word] for word in words if word in self._known), None)
        if number is None:
            number = 1 + max(self._known.values(), default=0)
        for word in words:
            self._known.setdefault(word, number)
        alternatives = "|".join(re.escape(word) for word in sorted(self._known, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.I)

    def _named(self, text: str) -> Iterator[tuple[int, int]]:
        """Known names, and the capitalised word behind one, which is then known too; in lower case as well
        where the word is long enough not to be another."""
        if self._pattern is None:
            return
        start = end = -1
        for match in self._pattern.finditer(text):
            if not match.group()[0].isupper() and (len(match.group()) < 5 or match.group() in NOT_NAMES):
                continue
            if (
                end >= 0
                and text[end : match.start()].strip(" \t") == ""
                and "\n" not in text[end : match.start()]
            ):
                end = match.end()
                continue
            if end >= 0:
                yield start, self._with_surname(text, start, end)
            start, end = match.span()
        if end >= 0:
            yield start, self._with_surname(text, start, end)

    def _with_surname(self, text: str, start: int, end: int) -> int:
        """Where a name ends that is known up to `end`."""
        match = SURNAME.match(text, end)
        if match is None or not text[start].isupper() or match["told"].lower() in NOT_NAMES:
            return end
        self._know(text[start : match.end("told")])
        return match.end("told")

    def _placeholder(self, kind: Kind, value: str) -> str:
        if kind == "name":
            known = (self._known[word] for word in _name_words(value) if word in self._known)
            return f"[name {next(known)}]"
        key: tuple[Kind, str] = (kind, re.sub(r"[\W_]+", "", value).lower())
        if key not in self._numbers:
            self._numbers[key] = 1 + sum(1 for other, _ in self._numbers if other == kind)
        return f"[{kind} {self._numbers[key]}]"


def without_placeholders(text: str) -> str:
    """Masked text as a question to documents: the marks are no words of the customer's."""
    return re.sub(r"[ \t]{2,}", " ", PLACEHOLDER.sub("", text)).strip()


def _name_words(name: str) -> list[str]:
    found = [re.sub(r"['’]s$", "", word.strip(".,'’")).lower() for word in re.split(r"[\s,]+", name)]
    return [
        word
        for word in found
        if len(word) > 1
        and word not in NOT_NAMES
        and not any(letter.isdigit() for letter in word)
        and "@" not in word
    ]
