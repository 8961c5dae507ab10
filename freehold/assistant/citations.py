"""The citations of one answer: numbered in the order they are first used, one per distinct quote."""

from __future__ import annotations

from freehold.types import Citation, Passage


class Citations:
    """Gives numbers to quotes."""

    def __init__(self) -> None:
        self._by_quote: dict[tuple[int, int, int], Citation] = {}

    def add(self, passage: Passage, start: int, end: int) -> tuple[Citation, bool]:
        """The citation of `passage.text[start:end]`, and whether it is new to this answer.

        White space at the quote's ends is left out.
        """
        quote = passage.text[start:end]
        start += len(quote) - len(quote.lstrip())
        quote = quote.strip()
        end = start + len(quote)
        key = (passage.id, start, end)
        if known := self._by_quote.get(key):
            return known, False
        citation = Citation(
            number=len(self._by_quote) + 1,
            passage_id=passage.id,
            document=passage.document,
            heading_path=passage.heading_path,
            text=passage.text,
            quote=quote,
            start=start,
            end=end,
        )
        self._by_quote[key] = citation
        return citation, True
