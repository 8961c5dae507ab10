"""What is done to Markdown before the library reads it: front matter, comments, includes, extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from freehold.knowledge.decode import decode
from freehold.knowledge.parsed import clean, one_line

_FRONT = re.compile(
    r"\s*(?:---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$\n?|\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*$\n?)", re.S | re.M
)
_MAX_FRONT_CHARS = 65_536
_FIELD = re.compile(r"^([\w.-]+)[ \t]*[:=][ \t]*(.*?)(?:\s+#.*)?$", re.MULTILINE)
_FENCE = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])?[ \t]*(`{3,}|~{3,})")
_INCLUDE = re.compile(r"\[!INCLUDE\s*\[([^\]\n]{0,200})\]\s*:?\s*\(([^)\n]{0,500})\)\s*\]?", re.IGNORECASE)
_MEDIA = re.compile(r"\[!(?:VIDEO|div|TAB|SELECTOR)\b[^\]\n]*\]", re.IGNORECASE)
_TRIPLE_IMAGE = re.compile(r":::\s*image\b([^\n]{0,2000}?):::", re.IGNORECASE)
_TRIPLE_BOX = re.compile(
    r"^([ \t>]*):{3,}\s*\{?(note|tip|info|warning|caution|danger|important)\b\}?[ \t]*(.*)$", re.I
)
_TRIPLE = re.compile(r"^[ \t>]*:{3,}.*$", re.MULTILINE)
_LIQUID = re.compile(r"\{%.{0,500}?%\}", re.DOTALL)
_DELIMITERS = re.compile(r"[ \t|:-]+")
_CELL_END = re.compile(r"(?<!\\)\|")
_MKDOCS = re.compile(r'^([ \t]*)(?:!!!|\?\?\?\+?)[ \t]+([\w-]+)[^"\n]*(?:"([^"\n]*)")?[ \t]*$')
_NAME_NOISE = re.compile(r"\.md$|[_-]md$", re.IGNORECASE)
_PRODUCT_SUFFIX = re.compile(r"[_-](?:name|short|long|lowercase|include|inline)$", re.IGNORECASE)
_MAX_INCLUDE_BYTES = 65_536
_MAX_INCLUDE_DEPTH = 3
_MAX_GROWTH = 1_000_000
"""Characters that includes may add to one document: one that includes itself twice grows without end."""


@dataclass(frozen=True, slots=True)
class Source:
    """Markdown made ready for the library, and what its front matter said."""

    body: str
    title: str = ""
    topic: str = ""
    product: str = ""


def prepare(text: str, *, name: str = "", include_root: Path | None = None) -> Source:
    """Front matter off; comments, video markers and layout directives out; includes resolved inside
    `include_root` (or said in words); note boxes of other dialects written as quotes. Code is untouched.
    """
    return _Preparation(include_root.resolve() if include_root else None).prepare(text, name, 0)


def is_fragment(name: str, source: Source) -> bool:
    """Whether a file is written to be included by others rather than read by itself."""
    folders = {part.lower() for part in PurePosixPath(name).parts[:-1]}
    if source.topic == "include":
        return True
    return (
        not folders.isdisjoint(("includes", "_includes"))
        and not source.title
        and "# " not in source.body[:200]
    )


class _Preparation:
    """One document's; counts what its includes add."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._added = 0

    def prepare(self, text: str, name: str, depth: int) -> Source:
        text = clean(text)
        fields, text = _front_matter(text)
        product = _words(fields.get("ms.service") or fields.get("ms.prod") or "").title()
        if "<!--" in text or "[!" in text or ":::" in text or "{%" in text or "!!!" in text or "???" in text:
            text = "".join(
                part if is_code else self._rewrite(part, name, product, depth)
                for is_code, part in _parts(text)
            )
        if "--" in text:
            text = _even_tables(text)
        return Source(text, fields.get("title", ""), fields.get("ms.topic", ""), product)

    def _rewrite(self, text: str, name: str, product: str, depth: int) -> str:
        text = _without_comments(text)
        text = _LIQUID.sub("", text)
        if "[!" in text:
            text = _MEDIA.sub("", text)
            text = _INCLUDE.sub(lambda found: self._include(found, name, product, depth), text)
        if ":::" in text:
            text = _TRIPLE_IMAGE.sub(_alt_text, text)
            text = "\n".join(_TRIPLE_BOX.sub(r"\1**\2:** \3", line) for line in text.split("\n"))
            text = _TRIPLE.sub("", text)
        if "!!!" in text or "???" in text:
            text = "\n".join(_quoted_boxes(text.split("\n")))
        return text

    def _include(self, found: re.Match[str], name: str, product: str, depth: int) -> str:
        text, start, end = found.string, found.start(), found.end()
        before = text[text.rfind("\n", 0, start) + 1 : start]
        after = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)]
        alone = not before.strip(" \t>-*+0123456789.") and not after.strip(" \t.")
        body = self._read(found[2], name, depth)
        if body is not None:
            if alone and not re.search(r"[-*+.]\s*$", before):
                return body.replace("\n", "\n" + before)
            margin = " " * len(before) if alone else ""
            return body.replace("\n", "\n" + margin) if alone else one_line(body)
        ended = not before.strip() or before.rstrip().endswith((".", "!", "?", ":", "|", ")"))
        if alone or (ended and not after.strip(" \t.|") and before.strip()):
            return ""
        if not product and re.search(r"\b(?:the|a|an)[ \t]+$", before, re.IGNORECASE):
            product = "product"
        return _spoken(found[1], found[2], product, capital=not before.strip(" \t>-*+0123456789.|"))

    def _read(self, target: str, name: str, depth: int) -> str | None:
        """The text of an included file inside the root, or None."""
        if self._root is None or depth >= _MAX_INCLUDE_DEPTH or self._added > _MAX_GROWTH:
            return None
        target = target.split("#")[0].strip().removeprefix("~/")
        try:
            path = (self._root / PurePosixPath(name).parent / target).resolve()
            if not path.is_relative_to(self._root) or path.suffix.lower() != ".md" or not path.is_file():
                return None
            if path.stat().st_size > _MAX_INCLUDE_BYTES:
                return None
            raw = path.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return None
        inner = path.relative_to(self._root).as_posix()
        body = self.prepare(decode(raw), inner, depth + 1).body.strip()
        self._added += len(body)
        return body


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """Its plain fields, and the text after it. Knows scalars only: nothing else is asked for."""
    found = _FRONT.match(text[:_MAX_FRONT_CHARS])
    if not found:
        return {}, text
    block = found[1] if found[1] is not None else found[2]
    if block.strip() and not _FIELD.search(block):
        return {}, text
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(block):
        if value in (">", ">-", "|", "|-"):
            folded = re.search(rf"^{re.escape(key)}[ \t]*:.*\n((?:[ \t]+.*\n?)+)", block, re.MULTILINE)
            value = one_line(folded[1]) if folded else ""
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            quote = value[0]
            value = value[1:-1].replace("''" if quote == "'" else '\\"', quote)
        fields.setdefault(key.lower(), value.strip())
    return fields, text[found.end() :]


def _parts(text: str) -> list[tuple[bool, str]]:
    """The text cut at code fences: whether a part is code, and the part."""
    parts: list[tuple[bool, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            lines.append(line)
            if found and found[1].startswith(fence) and not line[found.end() :].strip():
                parts.append((True, "".join(lines)))
                lines, fence = [], ""
        elif found:
            parts.append((False, "".join(lines)))
            lines, fence = [line], found[1]
        else:
            lines.append(line)
    parts.append((bool(fence), "".join(lines)))
    return parts


def _without_comments(text: str) -> str:
    """HTML comments out; one that never ends is left to the library, which takes all that follows for it."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[at:start])
        at = end + 3
    parts.append(text[at:])
    return "".join(parts)


def _alt_text(found: re.Match[str]) -> str:
    """An icon in a sentence is said by its alternative text; a picture by itself is left out."""
    kind = re.search(r'type\s*=\s*"(\w+)"', found[1])
    alt = re.search(r'alt-text\s*=\s*"([^"]*)"', found[1])
    return alt[1].rstrip(".") if alt and kind and kind[1].lower() == "icon" else ""


def _even_tables(text: str) -> str:
    """Gives the line under a table's header as many cells as the header has: with fewer, which renderers
    forgive, the library would take the table for a paragraph."""
    lines = text.split("\n")
    for n in range(1, len(lines)):
        if "--" in lines[n] and "|" in lines[n] and _DELIMITERS.fullmatch(lines[n]) and "|" in lines[n - 1]:
            cells = _cells(lines[n - 1])
            if cells != _cells(lines[n]):
                margin = lines[n - 1][: len(lines[n - 1]) - len(lines[n - 1].lstrip())]
                lines[n] = margin + "|" + "---|" * cells
    return "\n".join(lines)


def _cells(row: str) -> int:
    row = row.strip().removeprefix("|")
    return len(_CELL_END.findall(row)) + (not row.endswith("|"))


def _quoted_boxes(lines: list[str]) -> list[str]:
    """`!!! note "Title"` with its indented lines, as a quote that begins with an alert."""
    out: list[str] = []
    margin: str | None = None
    for line in lines:
        if found := _MKDOCS.match(line):
            margin = found[1]
            out += [f"{margin}> [!{found[2].split('-')[0].upper()}]"]
            out += [f"{margin}> **{found[3]}**", f"{margin}>"] if found[3] else []
        elif margin is not None and (not line.strip() or line.startswith((margin + "    ", margin + "\t"))):
            out.append(f"{margin}> {line.strip()}".rstrip() if line.strip() else f"{margin}>")
        else:
            if margin is not None:
                out.append("")
            margin = None
            out.append(line)
    return out


def _words(slug: str) -> str:
    return one_line(re.sub(r"[_-]+", " ", slug))


def _spoken(label: str, target: str, product: str, *, capital: bool) -> str:
    """Readable words for a fragment that is not there: the product's name where it stands for it, else the
    file's name, as a name (`crm_md`: "CRM") or as words (`open-search`: "open search")."""
    stem = _NAME_NOISE.sub("", _NAME_NOISE.sub("", PurePosixPath(target.strip()).name)) or label
    if re.match(r"prod(?:uct)?(?:[_-]|$)", stem, re.IGNORECASE):
        return product or ("The product" if capital else "the product")
    words = stem
    while _PRODUCT_SUFFIX.search(words):
        words = _PRODUCT_SUFFIX.sub("", words)
    spoken = _words(words)
    if len(spoken) <= 3:
        return spoken.upper()
    if words != stem and not stem.lower().endswith(("lowercase", "include", "inline")):
        return spoken.title()
    return spoken[:1].upper() + spoken[1:] if capital else spoken
