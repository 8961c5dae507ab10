"""Reads one document of any format we know, in this process.

Documents are hostile until shown otherwise: the server never calls `parse` itself but through
`parser_pool.ParserPool`, whose children have limits on memory, processor time and wall time.

    parse(name, data, media_type=None, *, include_root=None) -> Parsed     raises UnreadableDocument
    kind_of(name, media_type=None) -> Kind | None                          which reader would take it
    supported(name) -> bool                                                whether a folder walk takes it
    SUFFIXES                                                               what a folder walk takes
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from freehold.errors import UnreadableDocument
from freehold.knowledge.parsed import Block, BlockKind, Parsed

__all__ = ["SUFFIXES", "Block", "BlockKind", "Kind", "Parsed", "kind_of", "parse", "supported"]

Kind = Literal["markdown", "html", "pdf", "docx", "text", "table", "records"]

_KINDS: dict[str, Kind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mdx": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".txt": "text",
    ".text": "text",
    ".csv": "table",
    ".tsv": "table",
    ".jsonl": "records",
    ".ndjson": "records",
    ".json": "records",
}

_MEDIA_TYPES: dict[str, Kind] = {
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/plain": "text",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "application/jsonl": "records",
    "application/x-ndjson": "records",
    "application/json": "records",
}

SUFFIXES: frozenset[str] = frozenset(_KINDS) - {".json"}
"""Suffixes, lower case with their dot, that a folder walk reads. `.json` is read only when named itself:
in folders it is nearly always configuration."""


def supported(name: str) -> bool:
    """Whether a walk through a folder should read the file of this name."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def kind_of(name: str, media_type: str | None = None) -> Kind | None:
    """Which reader takes it, by media type if that tells (servers send text/plain for anything, so a known
    suffix wins over it), else by suffix; None when nothing does."""
    by_type = _MEDIA_TYPES.get((media_type or "").partition(";")[0].strip().lower())
    by_name = _KINDS.get(PurePosixPath(_path_of(name)).suffix.lower())
    if by_type is None or (by_type == "text" and by_name is not None):
        return by_name
    return by_type


def parse(
    name: str, data: bytes, media_type: str | None = None, *, include_root: Path | None = None
) -> Parsed:
    """Reads a document.

    Args:
        name: its path within its source (POSIX form), or its URL; tells the format and stands in for a title.
        data: the bytes.
        media_type: as a server gave it, `charset` included; None for files.
        include_root: the source's folder. With it, Markdown includes are replaced by the words of the files
            they name (only files inside it), and files that are themselves such fragments give no blocks.

    Raises:
        UnreadableDocument: with the reason, without the name.
    """
    kind = kind_of(name, media_type)
    if kind is None:
        raise UnreadableDocument(
            f"Its format is not one we read ({PurePosixPath(_path_of(name)).suffix or 'no suffix'}).",
            hint="Markdown, HTML, PDF, DOCX, plain text, and CSV or JSONL of questions and answers are read.",
        )
    if not data:
        raise UnreadableDocument("It is empty (0 bytes).")
    fallback = title_from(name)
    match kind:
        case "pdf":
            from freehold.knowledge.parse_pdf import parse_pdf

            return parse_pdf(data, fallback)
        case "docx":
            from freehold.knowledge.parse_docx import parse_docx

            return parse_docx(data, fallback)
        case "html":
            from freehold.knowledge.parse_html import parse_html

            return parse_html(data, fallback, charset=charset_of(media_type))
        case _:
            from freehold.knowledge.decode import decode

            text = decode(data, charset_of(media_type))
    match kind:
        case "markdown":
            from freehold.knowledge.parse_markdown import parse_markdown

            return parse_markdown(text, fallback, name=name, include_root=include_root)
        case "table":
            from freehold.knowledge.parse_faq import parse_table

            return parse_table(text, fallback)
        case "records":
            from freehold.knowledge.parse_faq import parse_records

            return parse_records(text, fallback)
        case _:
            from freehold.knowledge.parse_text import parse_text

            return parse_text(text, fallback)


def title_from(name: str) -> str:
    """A readable title out of a file name or URL, for documents that give none."""
    path = PurePosixPath(_path_of(name))
    stem = path.parent.name if path.stem.lower() in ("index", "readme") and path.parent.name else path.stem
    words = re.sub(r"[\s_\-+]+", " ", stem).strip()
    return words[:1].upper() + words[1:] if words else (urlsplit(name).hostname or "Untitled")


def _path_of(name: str) -> str:
    """The path of a URL, percent signs decoded; a file's name unchanged."""
    return unquote(urlsplit(name).path) if re.match(r"https?://", name) else name


def charset_of(media_type: str | None) -> str | None:
    """What a media type says of its characters."""
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", media_type or "", re.IGNORECASE)
    return found[1] if found else None
