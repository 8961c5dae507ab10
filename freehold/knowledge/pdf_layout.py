"""Guesses what the lines of a PDF are: headings, paragraphs, lists, and what only repeats on each page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from freehold.knowledge.parsed import Draft, one_line
from freehold.knowledge.pdf_lines import Line, Pages, key

_HEADING_SIZE = 1.12
_HEADING_CHARS = 120
_TITLE_SIZE = 1.3
"""Of the body's size: what a document's title has at least, and running headers never have."""
_EDGE_LINES = 3
"""Lines at a page's top and bottom among which a repeated one counts as a running header or footer."""
_NEAR_LINES = 5
_GAP = 1.35
_WIDE_GAP = 1.8
"""Of the usual distance of lines: a paragraph's end; one that nothing else has to bear out."""
_LEADERS = re.compile(r"(?:\s?[.…·_]){4,}\s*(?:\d+|[ivxlc]+)?$")
"""Dots up to a page's number: a line of a table of contents."""
_BULLET = re.compile(r"(?:[•‣▪●○◦■□➢\uf0b7\uf0a7–*-]|\d{1,3}[.)]|[a-z]\))\s+(?=\S)")
_MARK = re.compile(r"^[•‣▪●○◦■□➢\uf0b7\uf0a7–*-]\s+")
_BROKEN = re.compile("(\\w*)[\x02\ufffe]\\s*(\\w*)")
"""Two parts of a word: the library marks a hyphen at a line's end so."""


def body_size(lines: Sequence[Line]) -> float:
    """The size most letters have."""
    weights: Counter[float] = Counter()
    for line in lines:
        weights[line.size] += len(line.text)
    return weights.most_common(1)[0][0] if weights else 0.0


def first_title(lines: Sequence[Line]) -> str | None:
    """The largest of the first page's first lines, if it is large; its neighbours of that size with it."""
    top = [line for line in lines if line.page == 0][:8]
    largest = max((line.size for line in top), default=0.0)
    if not top or largest < body_size(lines) * _TITLE_SIZE:
        return None
    start = next(n for n, line in enumerate(top) if line.size == largest)
    end = next((n for n in range(start, len(top)) if top[n].size != largest), len(top))
    words = one_line(" ".join(line.text for line in top[start : min(end, start + 3)]))
    return words if 2 < len(words) <= 2 * _HEADING_CHARS else None


def without_running(lines: Sequence[Line]) -> list[Line]:
    """Without lines of tables of contents, and without those at pages' edges that repeat, numbers aside, or
    that count the pages."""
    lines = [line for line in lines if not _LEADERS.search(line.text)]
    by_page: dict[int, list[int]] = {}
    for n, line in enumerate(lines):
        by_page.setdefault(line.page, []).append(n)
    if len(by_page) < 2:
        return list(lines)
    large = body_size(lines) * _TITLE_SIZE
    edges: dict[int, str] = {}
    counting: Counter[int] = Counter()
    for page, numbers in by_page.items():
        numbers.sort(key=lambda n: -lines[n].top)
        for n in {*numbers[:_EDGE_LINES], *numbers[-_EDGE_LINES:]}:
            if lines[n].size < large:
                edges[n] = re.sub(r"\d+", "#", one_line(lines[n].text).lower())
        counting.update({number - page for n in (numbers[0], numbers[-1]) for number in _numbers(lines[n])})
    seen = Counter(words for page in by_page.values() for words in {edges[n] for n in page if n in edges})
    running = {words for words, count in seen.items() if count >= max(2, len(by_page) * 0.6)}
    offset, times = counting.most_common(1)[0] if counting else (0, 0)
    paged = {
        n
        for page, numbers in by_page.items()
        for n in (numbers[0], numbers[-1])
        if n in edges and times >= max(3, len(by_page) * 0.4) and page + offset in _numbers(lines[n])
    }
    return [line for n, line in enumerate(lines) if n not in paged and edges.get(n) not in running]


def _numbers(line: Line) -> set[int]:
    """The number at a line's beginning and at its end."""
    found = re.match(r"(\d{1,4})\b", line.text), re.search(r"\b(\d{1,4})$", line.text)
    return {int(number[1]) for number in found if number}


class Layout:
    """Guesses what the lines of one document are."""

    def __init__(self, lines: Sequence[Line], pages: Pages) -> None:
        self._lines = lines
        self._pages = pages.count
        self._body = body_size(lines)
        self._leading = self._usual_leading()
        self._words = {word for line in lines for word in re.findall(r"\w+(?:-\w+)+", line.text.lower())}
        self._levels = self._headings(pages.bookmarks)

    def write(self, draft: Draft) -> None:
        """Adds headings, paragraphs and lists. Without any heading, each page gets one: "Page 3"."""
        by_page = not self._levels and self._pages > 1
        page = -1
        group: list[int] = []
        for n, line in enumerate(self._lines):
            if by_page and line.page != page:
                self._flush(draft, group)
                page = line.page
                draft.heading(2, f"Page {page + 1}")
            if n in self._levels:
                if not self._continues_heading(n) or self._gap(n):
                    self._flush(draft, group)
                group.append(n)
            elif group and (group[-1] in self._levels or self._begins_block(n, group)):
                self._flush(draft, group)
                group.append(n)
            else:
                group.append(n)
        self._flush(draft, group)

    def _headings(self, bookmarks: dict[tuple[int, str], int]) -> dict[int, int]:
        """Levels of the lines that are headings: bookmarked, larger than the body, or bold by themselves.
        Where bookmarks give the outline, other large lines stand below it; a last line heads nothing."""
        levels: dict[int, int] = {}
        candidates: dict[int, tuple[float, bool]] = {}
        for n, line in enumerate(self._lines[:-1]):
            if (level := bookmarks.get((line.page, key(line.text)))) is not None:
                levels[n] = level
            elif self._looks_like_heading(n):
                candidates[n] = (line.size, line.bold)
        if len(candidates) > len(self._lines) * 0.4:
            return levels
        if not levels:
            order = sorted(set(candidates.values()), reverse=True)
            return {n: min(order.index(look) + 1, 4) for n, look in candidates.items()}
        first, below = min(levels), max(levels.values()) + 1
        large = {n for n, (size, _) in candidates.items() if size >= self._body * _HEADING_SIZE}
        return levels | {n: 1 if n < first else min(below, 6) for n in large}

    def _continues_heading(self, n: int) -> bool:
        above, line = self._lines[n - 1], self._lines[n]
        same = n > 0 and self._levels.get(n - 1) == self._levels[n] and above.page == line.page
        return same and abs(above.size - line.size) <= 0.05 * line.size

    def _looks_like_heading(self, n: int) -> bool:
        line = self._lines[n]
        words = line.text
        if not 2 < len(words) <= _HEADING_CHARS or not any(map(str.isalpha, words)):
            return False
        if words.endswith((".", ",", ";", ":", "\x02")) and not re.match(r"\d", words):
            return False
        if self._body and line.size >= self._body * _HEADING_SIZE:
            return True
        following = self._lines[n + 1] if n + 1 < len(self._lines) else None
        alone = n == 0 or self._gap(n) or self._lines[n - 1].page != line.page
        return (
            line.bold
            and len(words) <= 80
            and line.size >= self._body * 0.98
            and alone
            and following is not None
            and not following.bold
        )

    def _usual_leading(self) -> float:
        steps = Counter(
            round(above.last_top - below.top, 0)
            for above, below in zip(self._lines, self._lines[1:], strict=False)
            if above.page == below.page and 0 < above.last_top - below.top < 4 * max(below.size, 1)
            if below.size == self._body
        )
        return steps.most_common(1)[0][0] if steps else 0.0

    def _gap(self, n: int, factor: float = _GAP) -> bool:
        """Whether more than the usual space stands above a line."""
        above, line = self._lines[n - 1], self._lines[n]
        step = above.last_top - line.top
        usual = self._leading * max(line.size, above.size) / self._body if self._body else 0.0
        return above.page == line.page and usual > 0 and step > usual * factor

    def _begins_block(self, n: int, group: list[int]) -> bool:
        """Whether a line that is no heading starts a new paragraph or list."""
        above, line = self._lines[n - 1], self._lines[n]
        in_list = _BULLET.match(self._lines[group[0]].text) is not None
        bullet = _BULLET.match(line.text) is not None
        if bullet:
            return not in_list
        ended = above.text.endswith((".", "!", "?", ":", "。"))
        if above.page != line.page or line.top > above.last_top:
            return ended or not line.text[:1].islower()
        if self._gap(n, _WIDE_GAP):
            return True
        meant = self._meant(n)
        if (ended or meant) and (self._gap(n) or abs(line.size - above.size) > 0.1 * max(above.size, 1)):
            return True
        if in_list:
            return line.left <= self._lines[group[0]].left - 1
        return ended and meant

    def _meant(self, n: int) -> bool:
        """Whether the line before was ended on purpose: this one's first word would have fitted on it."""
        above, line = self._lines[n - 1], self._lines[n]
        if above.page != line.page or line.top >= above.last_top:
            return False
        word = len(line.text.split(maxsplit=1)[0]) + 1
        width = word * (line.right - line.left) / max(len(line.text), 1)
        return self._right_edge(n - 1) - above.right > width * 1.3

    def _right_edge(self, n: int) -> float:
        """Where lines of its column end: as far as any near it that begins about where it does."""
        line = self._lines[n]
        near = self._lines[max(0, n - _NEAR_LINES) : n + _NEAR_LINES + 1]
        return max(
            other.right for other in near if other.page == line.page and -150 <= other.left - line.left <= 40
        )

    def _flush(self, draft: Draft, group: list[int]) -> None:
        if not group:
            return
        if group[0] in self._levels:
            draft.heading(self._levels[group[0]], self._joined(group))
        elif _BULLET.match(self._lines[group[0]].text):
            items: list[list[int]] = []
            for n in group:
                if _BULLET.match(self._lines[n].text) or not items:
                    items.append([])
                items[-1].append(n)
            draft.add("list", "\n".join(_MARK.sub("- ", one_line(self._joined(item))) for item in items))
        else:
            draft.add("paragraph", self._joined(group))
        group.clear()

    def _joined(self, group: Sequence[int]) -> str:
        """Lines as running text: words put together that were broken, line ends kept that were meant."""
        text = ""
        for n in group:
            line = self._lines[n].text
            if text.endswith(("-", "\u2010")) and text[-2:-1].isalpha():
                text = text[:-1] + "\ufffe" + line
            else:
                text += ("\n" if text and self._meant(n) else " ") + line
        return _BROKEN.sub(self._mended, text.strip())

    def _mended(self, found: re.Match[str]) -> str:
        """A broken word whole: its hyphen stays where the document has the word with it elsewhere, or where
        what follows is no small letter."""
        first, second = found[1], found[2]
        keep = f"{first}-{second}".lower() in self._words or not (
            first[-1:].isalpha() and second[:1].islower()
        )
        return f"{first}-{second}" if keep else first + second
