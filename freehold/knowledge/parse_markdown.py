"""Markdown, as help centres write it: CommonMark with tables, front matter, includes and alerts."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from freehold.errors import UnreadableDocument
from freehold.knowledge.markdown_source import is_fragment, prepare
from freehold.knowledge.parsed import Draft, Parsed, one_line, tidy_marks

_ALERT = re.compile(
    r"!?\**\[!(note|tip|important|caution|warning|info|danger|example|question)[^\]\n]*\]\**[ \t]*\n?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[A-Z][a-z]+:")
_HEADING_ID = re.compile(r"\s*\{:?\s*#[^{}]*\}\s*$")
_TAG = re.compile(r"<(/?)\s*([A-Za-z][\w:-]*)")
_PLACEHOLDER = re.compile(r"</?[A-Za-z][\w .,/-]{0,60}>")
_HTML_NAMES = frozenset(
    "a abbr address area article aside audio b base bdi bdo big blockquote body br button canvas caption "
    "center cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset "
    "figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img "
    "input ins kbd label legend li link main map mark math menu meta meter nav noscript object ol "
    "optgroup option output p param picture pre progress q rp rt ruby s samp script section select small "
    "source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead "
    "time title tr track tt u ul var video wbr".split()
)
_UNSEEN = frozenset("script style template noscript svg iframe object".split())
_POINTING_HEADING = re.compile(
    r"(?:see also|related (?:\w+ )?(?:information|content|articles?|topics?|links?|pages?)|next steps?|"
    r"further reading|in this (?:section|article|topic)|more information|siehe auch|voir aussi)\W*",
    re.IGNORECASE,
)
_MAX_NESTING = 60
"""Lists and quotes nested deeper are left out by the library; people stop at five or six."""


def parse_markdown(text: str, fallback: str, *, name: str = "", include_root: Path | None = None) -> Parsed:
    """Blocks that only point elsewhere under a heading that says so ("See also") are left out, and so are
    whole tables of contents and, with `include_root`, fragments that other documents include.

    Raises:
        UnreadableDocument: there is nothing but white space.
    """
    if not text.strip():
        raise UnreadableDocument("It holds no text, only white space.")
    source = prepare(text, name=name, include_root=include_root)
    draft = Draft()
    navigation = PurePosixPath(name).name.lower() in ("toc.md", "_toc.md", "_sidebar.md", "summary.md")
    if not navigation and not (include_root and is_fragment(name, source)):
        _Reader(_tokens(source.body), draft).blocks()
        if not draft.entries:
            raise UnreadableDocument("It holds no text of its own: only pictures, links or directives.")
    return draft.finish(re.sub(r"\s+\|[^|]*$", "", source.title), fallback)


def _tokens(text: str) -> list[Token]:
    return (
        MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"]).parse(text)
    )


class _Reader:
    """Goes through the library's flat list of tokens once, from opening to closing ones."""

    def __init__(self, tokens: list[Token], draft: Draft) -> None:
        self._tokens = tokens
        self._draft = draft
        self._at = 0
        self._pointing = False

    def blocks(self, until: str = "", into: Draft | None = None) -> None:
        """Adds blocks up to the closing token `until` (passed over) or the end."""
        draft = self._draft if into is None else into
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            match token.type:
                case "heading_open":
                    text = _HEADING_ID.sub("", _inline(self._take()))
                    if into is None:
                        self._end_pointing()
                        self._pointing = _POINTING_HEADING.fullmatch(text.strip()) is not None
                    draft.heading(int(token.tag[1]), text)
                case "paragraph_open":
                    inline = self._take()
                    if not (self._pointing and _only_links(inline)):
                        draft.add("paragraph", _inline(inline))
                case "bullet_list_open" | "ordered_list_open":
                    begin = self._at
                    lines = self._list(token)
                    if not (self._pointing and all(map(_only_links, self._tokens[begin : self._at]))):
                        draft.add("list", "\n".join(lines))
                case "blockquote_open":
                    self._quote(draft)
                case "fence" | "code_block":
                    draft.code(token.content, token.info.strip().split(" ")[0].split("{")[0])
                case "table_open":
                    self._table(draft)
                case "html_block":
                    _add_html(draft, token.content)
                case closing if closing == until:
                    return
        self._end_pointing()

    def _end_pointing(self) -> None:
        """Takes back a heading such as "See also" when all that stood under it was links."""
        if self._pointing and self._draft.entries and self._draft.entries[-1][0] == "heading":
            self._draft.entries.pop()

    def _take(self) -> Token:
        """The inline token that follows an opening one."""
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _list(self, opening: Token) -> list[str]:
        """Lines of a list, whose opening token has been passed."""
        ordered = opening.type == "ordered_list_open"
        number = int(opening.attrs.get("start", 1)) if ordered else 0
        closing = "ordered_list_close" if ordered else "bullet_list_close"
        lines: list[str] = []
        while self._tokens[self._at].type != closing:
            self._at += 1  # list_item_open
            content = Draft()
            self.blocks("list_item_close", content)
            lines += self._draft.item(f"{number}. " if ordered else "- ", content)
            number += 1
        self._at += 1
        return lines

    def _quote(self, draft: Draft) -> None:
        """Its paragraphs as one block, an alert's name before what it says; other blocks as they are."""
        content = Draft()
        self.blocks("blockquote_close", content)
        paragraphs: list[str] = []
        for kind, level, text in content.entries:
            if kind in ("paragraph", "quote"):
                if paragraphs and _LABEL.fullmatch(paragraphs[-1]):
                    text = f"{paragraphs.pop()} {text}"
                paragraphs.append(text)
                continue
            draft.add("quote", "\n".join(paragraphs))
            paragraphs = []
            draft.entries.append((kind, level, text))
        draft.add("quote", "\n".join(paragraphs))

    def _table(self, draft: Draft) -> None:
        rows: list[list[str]] = []
        while (token := self._take()).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(one_line(_inline(token)))
        draft.table(rows)


def _only_links(token: Token) -> bool:
    """Whether all words of an inline token stand within links; True of tokens without words."""
    depth = 0
    for child in token.children or ():
        if child.type == "link_open":
            depth += 1
        elif child.type == "link_close":
            depth -= 1
        elif depth == 0 and child.type in ("text", "code_inline") and any(map(str.isalnum, child.content)):
            return False
    return token.type not in ("fence", "code_block", "html_block")


def _inline(token: Token) -> str:
    """The words of a paragraph: bold and code marked, lines only where the writer broke them."""
    parts: list[str] = []
    unseen = ""
    words = False
    for child in token.children or ():
        if child.type == "html_inline":
            found = _TAG.match(child.content)
            name = found[2].lower() if found else ""
            if unseen:
                unseen = "" if found and found[1] and name == unseen else unseen
            elif name in _UNSEEN and found and not found[1]:
                unseen = name
            else:
                parts.append(_tag_text(child.content, name, token.content))
        elif unseen:
            continue
        elif child.type == "text":
            parts.append(child.content)
            words = words or not child.content.isspace()
        elif child.type == "code_inline":
            parts.append(f"`{child.content}`" if "`" not in child.content else child.content)
            words = True
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type in ("strong_open", "strong_close"):
            parts.append("**")
        elif child.type == "image":
            parts.append(one_line(child.content).rstrip("."))
    text = tidy_marks("".join(parts)) if words else ""
    return _ALERT.sub(lambda found: f"{found[1].capitalize()}: ", text).strip()


def _tag_text(tag: str, name: str, context: str) -> str:
    """What stands for a tag in running text: a line end, a bullet, itself when it is a placeholder such as
    `<your tenant>` rather than HTML, else nothing."""
    if name == "br":
        return "\n"
    if name == "li":
        return "" if tag.startswith("</") else " • "
    if name in ("p", "ul", "ol", "div", "td", "th", "tr"):
        return " "
    if (
        name
        and name not in _HTML_NAMES
        and _PLACEHOLDER.fullmatch(tag)
        and f"</{name}>" not in context.lower()
    ):
        return tag
    return ""


def _add_html(draft: Draft, html: str) -> None:
    if re.search(r"\w", re.sub(r"<!--.*?(?:-->|\Z)|<[^<>]*>", "", html, flags=re.DOTALL)):
        from freehold.knowledge.parse_html import add_html

        add_html(draft, html)
