"""Walks an HTML tree and writes its blocks into a draft. Knows nothing of pages, titles or files."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from freehold.knowledge.parsed import BlockKind, Draft, one_line, tidy_marks

_NEVER = frozenset(
    "script style template noscript svg iframe frame object embed applet canvas audio video map select "
    "option datalist input textarea meter progress head title link meta base annotation dialog".split()
)
_NAVIGATION_ROLES = frozenset(
    "navigation banner contentinfo search complementary menu menubar toolbar dialog alertdialog".split()
)
_NAVIGATION_CLASSES = frozenset(
    "breadcrumb breadcrumbs toc table-of-contents pagination skip-link sidebar cookie-banner navbar".split()
)
_BLOCKS = frozenset(
    "html body main article section div p header footer aside nav address figure figcaption form fieldset "
    "legend details summary center hgroup search dialog li dd dt tr td th tbody thead tfoot caption".split()
)
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_PERMALINKS = frozenset(["", "¶", "#", "§", "🔗", "link", "Link to this heading"])
_LANGUAGE = re.compile(r"(?:lang(?:uage)?|highlight-source)-([\w+#.-]+)")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MAX_DEPTH = 150
"""Elements nested deeper are taken for plain text: pages stop at about 40, Python's stack at about 300."""


def is_skipped(element: Any) -> bool:
    """Whether an element and all in it never become text: code, controls, and what is hidden."""
    tag = element.tag
    if not isinstance(tag, str) or tag in _NEVER:
        return True
    if tag == "button":
        title = next(element.iterancestors("h1", "h2", "h3", "h4", "h5", "h6", "summary"), None)
        return title is None or one_line(title.text_content()) != one_line(element.text_content())
    attributes = element.attrib
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(attributes.get("style", "")))
    )


class Walker:
    """Turns elements into a draft's blocks; `everything` keeps what looks like navigation."""

    def __init__(self, draft: Draft, *, everything: bool = False) -> None:
        self.draft = draft
        self.linked: dict[int, float] = {}
        """By number of the draft's entry: the share of its characters that stand within links."""
        self._everything = everything
        self._kind: BlockKind = "paragraph"
        self._fold_level = 0
        self._words: list[str] = []
        self._chars = self._link_chars = 0

    def flush(self) -> None:
        """Ends the paragraph being gathered."""
        if self._chars:
            self._note(self._chars, self._link_chars)
            self.draft.add(self._kind, tidy_marks("".join(self._words)))
        self._words.clear()
        self._chars = self._link_chars = 0

    def walk(self, element: Any, depth: int = 0, *, in_link: bool = False) -> None:
        """One element and what is in it; not the text after it."""
        tag = element.tag
        if is_skipped(element) or (not self._everything and depth and _is_navigation(element)):
            return
        if depth > _MAX_DEPTH:
            self._flat(element)
        elif tag in _HEADINGS:
            self.flush()
            self.draft.heading(_HEADINGS[tag], self._inline(element, depth))
        elif tag in ("ul", "ol", "menu", "dl"):
            self.flush()
            self._list(element, depth)
        elif tag == "table":
            self.flush()
            self._table(element, depth)
        elif tag == "pre":
            self.flush()
            self.draft.code(_code_text(element), _language(element))
        elif tag == "blockquote":
            self.flush()
            before, self._kind = self._kind, "quote"
            self._inside(element, depth, in_link)
            self.flush()
            self._kind = before
        elif tag == "summary":
            self._summary(element, depth)
        elif tag in _BLOCKS:
            self.flush()
            self._inside(element, depth, in_link)
            self.flush()
        else:
            self._span(element, depth, in_link)

    def _inside(self, element: Any, depth: int, in_link: bool) -> None:
        self._say(element.text, in_link)
        for child in element:
            self.walk(child, depth + 1, in_link=in_link)
            self._say(child.tail, in_link)

    def _span(self, element: Any, depth: int, in_link: bool) -> None:
        match element.tag:
            case "br":
                self._words.append("\n")
            case "hr":
                self.flush()
            case "img":
                self._words.append(one_line(element.get("alt") or "").rstrip("."))
            case "b" | "strong":
                self._words.append("**")
                self._inside(element, depth, in_link)
                self._words.append("**")
            case "code" | "samp" | "tt":
                self._words.append("`")
                self._inside(element, depth, in_link)
                self._words.append("`")
            case "a" if one_line(element.text_content()) in _PERMALINKS and not len(element):
                pass
            case "a":
                self._inside(element, depth, True)
            case _:
                self._inside(element, depth, in_link)

    def _say(self, text: str | None, in_link: bool) -> None:
        if not text:
            return
        text = re.sub(r"\s+", " ", text)
        self._words.append(text)
        size = len(text.strip())
        self._chars += size
        self._link_chars += size if in_link else 0

    def _note(self, chars: int, link_chars: int) -> None:
        self.linked[len(self.draft.entries)] = link_chars / max(chars, 1)

    def _flat(self, element: Any) -> None:
        """All words below without recursion."""
        skipped_until: Any = None
        for event, node in etree.iterwalk(element, events=("start", "end")):
            if skipped_until is not None:
                if event == "end" and node is skipped_until:
                    skipped_until = None
                    self._say(node.tail if node is not element else None, False)
            elif event == "start":
                if is_skipped(node):
                    skipped_until = node
                else:
                    self._say(node.text, False)
            elif node is not element:
                self._say(node.tail, False)

    def _sub(self, element: Any, depth: int) -> Draft:
        """The blocks inside an element (not its own tag), in a draft of their own; links are counted here."""
        draft = Draft()
        walker = Walker(draft, everything=self._everything)
        walker._inside(element, depth, False)
        walker.flush()
        for n, (_, _, text) in enumerate(draft.entries):
            self._chars += len(text)
            self._link_chars += int(walker.linked.get(n, 0.0) * len(text))
        return draft

    def _inline(self, element: Any, depth: int) -> str:
        """All words in an element on one line (a heading, a cell); leaves no count behind."""
        before = self._chars, self._link_chars
        text = " ".join(text for _, _, text in self._sub(element, depth).entries)
        self._chars, self._link_chars = before
        return one_line(text)

    def _summary(self, element: Any, depth: int) -> None:
        """A fold's title: a heading where folds stand in a row, as questions do; else a bold line."""
        self.flush()
        fold = element.getparent()
        row = (
            fold is not None and fold.getparent() is not None and len(fold.getparent().findall("details")) > 1
        )
        words = self._inline(element, depth)
        if row:
            last = next((level for kind, level, _ in reversed(self.draft.entries) if kind == "heading"), 1)
            if last != self._fold_level:
                self._fold_level = min(last + 1, 6)
            self.draft.heading(self._fold_level, words)
        else:
            self.draft.add("paragraph", f"**{words.replace('**', '')}**" if words else "")

    def _list(self, element: Any, depth: int) -> None:
        lines = self._list_lines(element, depth)
        self._note(self._chars, self._link_chars)
        self._chars = self._link_chars = 0
        self.draft.add("list", "\n".join(lines))

    def _list_lines(self, element: Any, depth: int) -> list[str]:
        lines: list[str] = []
        number = _number(element.get("start"), 1)
        term = ""
        for child in element:
            if is_skipped(child):
                continue
            if child.tag == "dt":
                term = self._inline(child, depth + 1)
                continue
            if child.tag in ("ul", "ol") and depth < _MAX_DEPTH:
                lines += ["  " + line for line in self._list_lines(child, depth + 1)]
                continue
            content = self._sub(child, depth + 1)
            marker = "- "
            if element.tag == "ol":
                number = _number(child.get("value"), number)
                marker = f"{number}. "
                number += 1
            if term and content.entries:
                kind, level, text = content.entries[0]
                content.entries[0] = (kind, level, f"{term}: {text}")
                term = ""
            lines += self.draft.item(marker, content)
        return lines

    def _table(self, element: Any, depth: int) -> None:
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table")) is element]
        nested = any(True for n, _ in enumerate(element.iter("table")) if n)
        headings = any(True for _ in element.iter(*_HEADINGS))
        if nested or headings or element.get("role") in ("presentation", "none") or len(rows) < 2:
            for row in rows:  # a table that only arranges the page
                for cell in row:
                    if cell.tag in ("td", "th") and not is_skipped(cell):
                        self._inside(cell, depth + 1, False)
                        self.flush()
            return
        caption = element.find("caption")
        if caption is not None:
            self.draft.add("paragraph", self._inline(caption, depth + 1))
        self.draft.table([self._cells(row, depth) for row in rows if not is_skipped(row)])

    def _cells(self, row: Any, depth: int) -> list[str]:
        cells: list[str] = []
        for cell in row:
            if cell.tag in ("td", "th") and not is_skipped(cell):
                cells.append(self._inline(cell, depth + 1))
                cells += [""] * (min(_number(cell.get("colspan"), 1), 50) - 1)
        return cells


def _is_navigation(element: Any) -> bool:
    tag = element.tag
    if tag in _BLOCKS or tag in ("ul", "ol", "menu"):
        if element.get("role") in _NAVIGATION_ROLES or not _NAVIGATION_CLASSES.isdisjoint(
            (element.get("class") or "").lower().split()
        ):
            return True
        if tag == "nav":
            return True
        if tag in ("footer", "aside", "header"):
            in_content = any(True for _ in element.iterancestors("main", "article"))
            return not in_content and not any(True for _ in element.iter("h1"))
    return False


def _number(value: str | None, default: int) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 7 else default


def _code_text(element: Any) -> str:
    parts: list[str] = []
    for node in element.iter():
        if node.tag == "br":
            parts.append("\n")
        elif isinstance(node.tag, str) and node.tag not in _NEVER and node.text:
            parts.append(node.text)
        if node is not element and node.tail:
            parts.append(node.tail)
    return "".join(parts)


def _language(element: Any) -> str:
    for node in (element, *element.iter("code")):
        if found := _LANGUAGE.search(node.get("class") or ""):
            return found[1]
    return ""
