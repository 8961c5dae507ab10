"""HTML: the page's own words with their structure; scripts, hidden parts and navigation left behind."""

from __future__ import annotations

import re
from typing import Any

from freehold.errors import UnreadableDocument
from freehold.knowledge.boilerplate import article_words, without_boilerplate
from freehold.knowledge.decode import decode
from freehold.knowledge.html_walk import Walker, is_skipped
from freehold.knowledge.parsed import Draft, Parsed, one_line

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{1,40})")
_SITE_SUFFIX = re.compile(r"\s+[|–—·»-]\s+[^|–—·»]{1,60}$")
_WRAPPERS = re.compile(
    r"</?(?:div|span|b|i|u|em|strong|font|small|center|section|a)\b[^<>]{0,1000}>", re.IGNORECASE
)
_MIN_MAIN_CHARS = 200
"""A `main` with less text than this and less than half the body's is taken for a shell, not the content."""


def parse_html(data: bytes, fallback: str, *, charset: str | None = None) -> Parsed:
    """Takes `main`, else the only `article`, else `body`, and of that what `boilerplate` leaves.

    Raises:
        UnreadableDocument: no words remain.
    """
    root = tree_of(data, charset)
    if root is None:
        raise UnreadableDocument("It holds no HTML, only white space.")
    content = _content(root)
    draft = Draft()
    walker = Walker(draft)
    walker.walk(content)
    walker.flush()
    if content.tag == "body" or len(draft.entries) > 3:
        draft.entries[:] = without_boilerplate(draft.entries, walker.linked, article_words(root))
    if not any(kind != "heading" for kind, _, _ in draft.entries):
        draft = Draft()
        walker = Walker(draft, everything=True)
        walker.walk(content)
        walker.flush()
    if not draft.entries:
        raise UnreadableDocument(
            "It holds no words: scripts would have to write them.",
            hint="Save the page as it looks in a browser, or add its text in another format.",
        )
    has_h1 = any(kind == "heading" and level == 1 for kind, level, _ in draft.entries)
    return draft.finish(None if has_h1 else _title(root), fallback)


def add_html(draft: Draft, html: str) -> None:
    """Adds the blocks of an HTML fragment (of Markdown, of a table's cell) to a draft."""
    root = _tree(html)
    if root is not None:
        walker = Walker(draft, everything=True)
        walker.walk(root)
        walker.flush()


def tree_of(data: bytes, charset: str | None) -> Any:
    """The page as a tree of lxml's, or None when there is nothing in it.

    Raises:
        UnreadableDocument: it is not HTML that can be read.
    """
    return _tree(_text(data, charset))


def _text(data: bytes, charset: str | None) -> str:
    head = data[:4096]
    declared = _META_CHARSET.search(head) or _XML_CHARSET.search(head)
    return decode(data, charset or (declared[1].decode("ascii") if declared else None))


def _tree(html: str) -> Any:
    """The parsed document, or None when there is nothing in it.

    The library leaves out all that comes after 2,048 levels; of a page that deep the tags that mean
    nothing are taken out first, so that its words stay.
    """
    tree, complete = _parsed(html)
    if not complete:
        tree, complete = _parsed(_WRAPPERS.sub(" ", html))
    if not complete:
        raise UnreadableDocument("Its elements are nested too deeply.")
    return tree


def _parsed(html: str) -> tuple[Any, bool]:
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )
    try:
        tree = lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # what lxml says of a document without any element
        return None, True
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise UnreadableDocument(f"It is not HTML that can be read: {one_line(str(error))[:200]}.") from None
    return tree, not any("depth" in entry.message for entry in parser.error_log)


def _content(root: Any) -> Any:
    body = next(iter(root.iter("body")), root)
    mains = [el for el in body.iter("main", "div", "section") if el.tag == "main" or el.get("role") == "main"]
    articles = list(body.iter("article"))
    for candidate in (mains[0] if mains else None, articles[0] if len(articles) == 1 else None):
        if candidate is not None and not is_skipped(candidate):
            size = len(one_line(candidate.text_content()))
            if size >= _MIN_MAIN_CHARS or size * 2 >= len(one_line(body.text_content())):
                return candidate
    return body


def _title(root: Any) -> str | None:
    for element in root.iter("title"):
        words = one_line(element.text_content())
        if words and element.getparent() is not None and element.getparent().tag == "head":
            return _SITE_SUFFIX.sub("", words) or words
    return None
