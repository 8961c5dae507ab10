"""What reading a document gives: its text, cleaned, and where each block of it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from freehold.errors import UnreadableDocument

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "quote"]

MAX_TEXT_CHARS = 16_000_000
"""Longest text of one document: about 8,000 pages. Beyond it the parser child's memory is at risk."""

MAX_TITLE_CHARS = 300

_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Characters nobody sees but that hide, reorder or break text: controls, soft hyphens, zero-width spaces,
bidirectional overrides and isolates, byte order marks, lone surrogates, Unicode tags."""

_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_EMPHASIS = re.compile(r"\*\*|`")


def clean(text: str) -> str:
    """Line ends made `\\n`, and every character removed that nobody sees."""
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def one_line(text: str) -> str:
    """All white space runs as one space, none at the ends."""
    return " ".join(text.split())


def squeeze(text: str) -> str:
    """Runs of blanks within lines as one space; lines kept, empty ones dropped."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def plain(text: str) -> str:
    """Limited Markdown of one line without its marks, as titles and heading paths want it."""
    return one_line(_EMPHASIS.sub("", text))


def tidy_marks(text: str) -> str:
    """Bold and code marks that enclose words, tightly; unpaired and empty ones taken out."""
    for mark in ("**", "`"):
        if mark in text:
            pieces = text.split(mark)
            if len(pieces) % 2 == 0:
                return tidy_marks("".join(pieces))
            for n in range(1, len(pieces), 2):
                inner = pieces[n].strip()
                lead, tail = pieces[n][:1].isspace(), pieces[n][-1:].isspace()
                pieces[n] = (
                    " " * lead + (f"{mark}{inner}{mark}" if inner else "") + " " * (tail and inner != "")
                )
            text = "".join(pieces)
    return text


@dataclass(frozen=True, slots=True)
class Block:
    """One heading, paragraph, list, table, code block or quote of a document."""

    kind: BlockKind
    start: int
    end: int
    """`Parsed.text[start:end]` is the block with its marks (`## `, `- `, fences) and nothing around it."""
    level: int = 0
    """1 to 6 for headings, else 0."""
    heading_path: tuple[str, ...] = ()
    """The headings it stands under, outermost first, without marks; a heading's own text comes last."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as people are shown it.

    `text` is limited Markdown: headings, paragraphs, lists with their markers, tables, fenced code, bold
    and inline code; links are reduced to their words, pictures and HTML are gone. Blocks stand in order,
    a blank line between two of them and none inside any but code. A document that is only navigation
    (a table of contents, a fragment included elsewhere) has no blocks.
    """

    title: str
    text: str
    blocks: tuple[Block, ...]

    def as_json(self) -> dict[str, Any]:
        """For the way out of the parser's process; heading paths are found again by `from_json`."""
        return {
            "title": self.title,
            "text": self.text,
            "blocks": [[block.kind, block.start, block.end, block.level] for block in self.blocks],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Parsed:
        spans = [(cast(BlockKind, str(kind)), int(s), int(e), int(n)) for kind, s, e, n in value["blocks"]]
        text = str(value["text"])
        return cls(title=str(value["title"]), text=text, blocks=_with_paths(text, spans))


class Draft:
    """Collects the blocks of a document in order; `finish` makes it a `Parsed`.

    Knows nothing of formats. Text given to it is limited Markdown; it is cleaned here once more, so that
    no parser can forget to.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[BlockKind, int, str]] = []

    def heading(self, level: int, text: str) -> None:
        """`level` 1 to 6; a heading without words is none."""
        if words := plain(clean(text)):
            self.entries.append(("heading", min(max(level, 1), 6), words))

    def add(self, kind: BlockKind, text: str) -> None:
        """A paragraph or quote; lists, tables and code come with their marks. Empty text is left out."""
        text = clean(text)
        if kind != "code":
            text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
        if kind in ("paragraph", "quote"):
            text = squeeze(text)
        text = text.strip("\n") if kind == "code" else text.strip()
        if text.strip():
            self.entries.append((kind, 0, text))

    def code(self, text: str, language: str = "") -> None:
        """Code without fences; they are added, longer than any within."""
        body = clean(text).expandtabs(4).strip("\n")
        if not body.strip():
            return
        longest = max((len(run) for run in re.findall("`{3,}", body)), default=2)
        fence = "`" * (longest + 1)
        tag = language if re.fullmatch(r"[\w+#.-]{1,30}", language) else ""
        self.add("code", f"{fence}{tag}\n{body}\n{fence}")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of cells in limited Markdown; the first row is the header. One column makes a list."""
        grid = [[one_line(clean(cell)).replace("|", "\\|") for cell in row] for row in rows]
        grid = [row for row in grid if any(row)]
        width = max((len(row) for row in grid), default=0)
        if width == 0:
            return
        if width == 1:
            self.add("list", "\n".join(f"- {row[0]}".replace("\\|", "|") for row in grid))
            return
        lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in grid]
        lines.insert(1, "|" + " --- |" * width)
        self.add("table", "\n".join(lines))

    def item(self, marker: str, content: Draft) -> list[str]:
        """Lines of a list's item: `content` behind its marker (`- `, `3. `), no line of it empty."""
        lines: list[str] = []
        for kind, _, text in content.entries:
            body = f"**{text}**" if kind == "heading" else text
            lines += [line for line in body.split("\n") if line.strip()]
        if not lines:
            return []
        margin = " " * len(marker)
        return [marker + lines[0], *(margin + line for line in lines[1:])]

    def finish(self, title: str | None, fallback: str) -> Parsed:
        """`title` as the document gives it, else its first level-1 heading, else its first heading when
        no text comes before, else `fallback` (a name).

        Raises:
            UnreadableDocument: the text is longer than `MAX_TEXT_CHARS`.
        """
        size = sum(len(text) + 10 for _, _, text in self.entries)
        if size > MAX_TEXT_CHARS:
            raise UnreadableDocument(
                f"It holds more than {MAX_TEXT_CHARS:,} characters of text.", hint="Split it into parts."
            )
        parts: list[str] = []
        spans: list[tuple[BlockKind, int, int, int]] = []
        at = 0
        for kind, level, body in self.entries:
            text = f"{'#' * level} {body}" if kind == "heading" else body
            spans.append((kind, at, at + len(text), level))
            parts.append(text)
            at += len(text) + 2
        text = "\n\n".join(parts)
        return Parsed(title=self._title(title, fallback), text=text, blocks=_with_paths(text, spans))

    def _title(self, given: str | None, fallback: str) -> str:
        candidates = [given or ""]
        candidates += [text for kind, level, text in self.entries if kind == "heading" and level == 1][:1]
        candidates += [text for kind, _, text in self.entries[:1] if kind == "heading"]
        candidates.append(fallback)
        words = next((words for words in (plain(clean(text)) for text in candidates) if words), "Untitled")
        return words if len(words) <= MAX_TITLE_CHARS else words[: MAX_TITLE_CHARS - 1].rstrip() + "…"


def _with_paths(text: str, spans: Iterable[tuple[BlockKind, int, int, int]]) -> tuple[Block, ...]:
    """Blocks with the headings above them; an equal or higher heading ends the one before."""
    blocks: list[Block] = []
    path: list[tuple[int, str]] = []
    names: tuple[str, ...] = ()
    for kind, start, end, level in spans:
        if kind == "heading":
            path = [entry for entry in path if entry[0] < level]
            path.append((level, plain(text[start:end].lstrip("#"))))
            names = tuple(name for _, name in path)
        blocks.append(Block(kind, start, end, level, names))
    return tuple(blocks)
