"""Others' words in Markdown of ours: a customer's question above its answer, a title above its quote."""

from __future__ import annotations

import re

DIFFERENTLY = "The documents answer this differently, depending on what it is about:"
"""Above quotes of several documents that differ."""
UNNAMED = "None of this names “{}”; it may be about something else"
"""Beside what stands on passages that lack a name in the question: above quotes, below what a model wrote."""

_MARKS = re.compile(r"[*_`\[\]<>|#\\~]+")
BOLD_LINE = re.compile(r"^\*\*([^*\n]+)\*\*$", re.MULTILINE)
"""What `headed` writes, as a line."""
_LINES = (BOLD_LINE.pattern, f"^{re.escape(DIFFERENTLY)}$", "^" + UNNAMED.format(".+") + "[:.]$")
_OURS = re.compile(f"(?:{'|'.join(_LINES)})\\n*", re.MULTILINE)


def plain(text: str) -> str:
    """Words on one line, without what Markdown or HTML would read as a mark."""
    return " ".join(_MARKS.sub(" ", text).split())


def headed(title: str) -> str:
    """A title as the line above what stands under it; nothing where it has no words."""
    said = plain(title)
    return f"**{said}**\n\n" if said else ""


def not_named(name: str) -> str:
    """That a name in the question stands in none of the passages."""
    return UNNAMED.format(plain(name))


def without_ours(text: str) -> str:
    """An answer without the lines that we put above its quotes."""
    return _OURS.sub("", text)
