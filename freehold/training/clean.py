"""From a file as it lies in a repository to the text that is worth learning.

What only the site's machinery reads goes: front matter, includes, comments, pictures, addresses, lists of
links (tables of contents, "see also"), headings with nothing under them. What a reader reads stays, tables
and code included. By rule and without a parser: broken markup is cleaned as far as the rules go.
"""

from __future__ import annotations

import html
import re

from freehold.training.corpus_recipe import Form

_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---\s*\n.*?\n(?:---|\.\.\.)\s*(?:\n|\Z)", re.DOTALL)
_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,}|:{3,})")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL | re.IGNORECASE)
_INCLUDE = re.compile(
    r"\[!include\s*(?:\[[^\]]*\])?\([^)]*\)\]|\[!include\[[^\]]*\]\([^)]*\)\]?", re.IGNORECASE
)
_ALERT = re.compile(r"^\s*>?\s*\[!\w+\]\s*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^\s*(?::::.*|\[!div.*|zone_pivot_groups.*)$", re.MULTILINE | re.IGNORECASE)
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)|!\[[^\]]*\]\[[^\]]*\]")
_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.)+)\]\((?:[^()\\]|\\.|\([^()]*\))*\)")
_REFERENCE_LINK = re.compile(r"(?<!\\)\[([^\[\]]+)\]\[[^\[\]]*\]")
_REFERENCE = re.compile(r"^\s*\[[^\]]+\]:\s+\S+.*$", re.MULTILINE)
_AUTOLINK = re.compile(r"<(?:https?|mailto):[^>\s]*>")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>|~])")
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ONLY_LINKS = re.compile(
    r"^\s*(?:[-*+]|\d+[.)])?\s*[*_]{0,2}(?:\[[^\[\]]+\](?:\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\]]*\])[*_]{0,2}"
    r"[\s.,;|\\]*)+$"
)
_POINTERS = re.compile(
    r"(?:see also|related (?:topics|links|content|sections|articles)|next steps|in this section)\W*",
    re.IGNORECASE,
)
"""Headings of sections that only point elsewhere."""
_DEEPEST = 8
"""Spaces of indentation that are kept."""
_SPACES = re.compile(r"[ \t\u00a0\u200b]+")
_PIPES = re.compile(r"\s*\|\s*")
_TABLE_RULE = re.compile(r"^\s*\|(?:\s*:?-+:?\s*\|)+\s*$")

_RST_FIELD = re.compile(r"\A(?:[A-Z][\w-]*:.*\n(?:[ \t]+.*\n)*)+")
_RST_TITLE = re.compile(r"^Title:\s*(.+)$", re.MULTILINE)
_RST_UNDERLINE = re.compile(r"^([=\-~^\"'`#*+.])\1{2,}\s*$")
_RST_DIRECTIVE = re.compile(
    r"^\.\. (?!code|note|warning|tip).*$\n?(?:^[ \t]+.*\n|^\s*\n(?=[ \t]))*", re.MULTILINE
)
_RST_ROLE = re.compile(r":[\w:+-]+:`~?\.?([^`<]+?)(?:\s*<[^>]*>)?`")
_RST_LINK = re.compile(r"`([^`<]+?)\s*<[^>`]*>`__?")
_RST_NAMED = re.compile(r"`([^`]+)`__?|(?<=\w)__?(?=[\s.,;:)]|$)")
_RST_COPYRIGHT = re.compile(r"^Copyright\n=+\n.*\Z", re.MULTILINE | re.DOTALL)

_BOOK_START = re.compile(
    r"^\W{0,3}\s*START OF (?:THE|THIS) PROJECT GUTENBERG.*$", re.MULTILINE | re.IGNORECASE
)
_BOOK_END = re.compile(
    r"^\W{0,3}\s*END OF (?:THE |THIS )?PROJECT GUTENBERG.*\Z", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_BOOK_NOTE = re.compile(
    r"\[(?:Illustration|Decoration|Frontispiece|Footnote|Transcriber)[^\]]*\]", re.IGNORECASE
)
_PUBLISHER = re.compile(r"gutenberg|e-?text prepared|produced by|transcrib|proofread|ebook", re.IGNORECASE)
_HEAD_PARAGRAPHS = 30
_CONTENTS = re.compile(r"\s*(?:TABLE OF )?CONTENTS\b", re.IGNORECASE)
_ENTRY = re.compile(
    r"\s*(?:(?i:chapter|book|part|volume|act|scene|page|illustrations)\b|[IVXLC]{2,}\b|[IVX]\.|\d)"
)

Line = tuple[str, int]
"""A line, and the rank of the heading that it is; 0 for any other."""


def clean(text: str, form: Form) -> str:
    """The text of one file; empty where nothing is left."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    made = {"markdown": _markdown, "rst": _rst, "book": _book}[form](text)
    return re.sub(r"\n{3,}", "\n\n", made).strip()


def _markdown(text: str) -> str:
    text = _COMMENT.sub("", _FRONT_MATTER.sub("", text, count=1))
    for gone in (_TABLE, _INCLUDE, _ALERT, _DIRECTIVE):
        text = gone.sub("", text)
    kept: list[Line] = []
    fence = ""
    skipping = 7  # the rank of the heading whose section is left out
    for line in text.split("\n"):
        found = _FENCE.match(line)
        heading = None if fence else _HEADING.match(line)
        if heading is not None:
            rank = len(heading[1])
            if rank <= skipping:
                skipping = rank if _POINTERS.fullmatch(heading[2]) else 7
        if skipping < 7:
            continue
        if fence or found:
            kept.append((line.rstrip(), 0))
            if not fence:
                fence = found[2][:3] if found else ""
            elif found and found[2].startswith(fence):
                fence = ""
        elif not any(gone.match(line) for gone in (_ONLY_LINKS, _REFERENCE, _RULE, _TABLE_RULE)):
            kept.append((_inline(line), len(heading[1]) if heading else 0))
    return _without_empty_headings(kept)


def _inline(line: str) -> str:
    body = line.lstrip()
    indent = line[: len(line) - len(body)].expandtabs(4).replace("\u00a0", " ")[:_DEEPEST]
    body = _AUTOLINK.sub("", _PICTURE.sub("", body))
    body = _REFERENCE_LINK.sub(r"\1", _LINK.sub(r"\1", body))
    body = _TAG.sub("", _BREAK.sub(" ", body))
    body = _SPACES.sub(" ", html.unescape(_ESCAPE.sub(r"\1", body))).strip()
    if body.startswith("|"):
        body = _PIPES.sub(" | ", body).strip()
    return indent + body if body else ""


def _without_empty_headings(lines: list[Line]) -> str:
    """Drops headings that stand before another of the same or a higher rank, or before the end."""
    kept: list[str] = []
    following = 0  # the rank of the heading below; the end counts as the highest
    empty = True  # nothing stands between here and that heading
    for line, rank in reversed(lines):
        if not rank:
            empty = empty and not line.strip()
        elif empty and following <= rank:
            continue
        else:
            following, empty = rank, True
        kept.append(line)
    return "\n".join(reversed(kept))


def _rst(text: str) -> str:
    head = _RST_FIELD.match(text)
    title = _RST_TITLE.search(head[0]) if head else None
    text = _RST_COPYRIGHT.sub("", text[head.end() :] if head else text)
    text = _RST_DIRECTIVE.sub("", text)
    text = _RST_NAMED.sub(lambda found: found[1] or "", _RST_LINK.sub(r"\1", _RST_ROLE.sub(r"\1", text)))
    kept: list[str] = []
    for line in text.split("\n"):
        if _RST_UNDERLINE.match(line) and kept and kept[-1].strip():
            kept[-1] = f"## {kept[-1].strip()}"
        elif not _RST_UNDERLINE.match(line):
            kept.append(line.rstrip())
    ranked = [(line, 2 if line.startswith("## ") else 0) for line in _flowing(kept)]
    body = _without_empty_headings(ranked)
    return f"# {title[1].strip()}\n\n{body}" if title else body


def _book(text: str) -> str:
    if start := _BOOK_START.search(text):
        text = text[start.end() :]
    text = _BOOK_NOTE.sub("", _BOOK_END.sub("", text))
    paragraphs = [each.strip("\n") for each in re.split(r"\n\s*\n", text)]
    told: list[str] = []
    listing = False
    for at, each in enumerate(paragraphs):
        listing = bool(_CONTENTS.match(each)) or (listing and bool(_ENTRY.match(each)))
        if not listing and (at >= _HEAD_PARAGRAPHS or not _PUBLISHER.search(each)):
            told.append(each)
    lines = [line.rstrip() for each in told for line in (*each.split("\n"), "")]
    return "\n".join(_flowing(lines))


def _flowing(lines: list[str]) -> list[str]:
    """Lines of fixed width joined to paragraphs; indented ones (verse, code) and lists stay as they are."""
    made: list[str] = []
    for line in lines:
        joins = bool(made and made[-1].strip() and line.strip())
        if joins and not re.match(r"\s|[-*+•#|>]|\d+[.)]\s", line) and not re.match(r"\s|#", made[-1]):
            made[-1] = f"{made[-1]} {line.strip()}"
        else:
            made.append(line)
    return made
