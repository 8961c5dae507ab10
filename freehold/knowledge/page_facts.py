"""What a web page says to a crawler: its links, its canonical address, what robots are to leave.

Runs in the parser's process, as everything does that reads a page.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urljoin

MAX_LINKS = 5_000
MAX_LINK_CHARS = 4_000

_FRAMES = ("frame", "iframe")
_REFRESH = re.compile(r"\s*(\d+)(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)
_SOON_SECONDS = 5


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Of one page. Addresses are whole, as they are written there."""

    links: tuple[str, ...] = ()
    """In order, each once; without those that carry `nofollow`."""
    canonical: str | None = None
    robots: tuple[str, ...] = ()
    """Contents of robots meta elements that speak to everyone or to us."""
    refresh: str | None = None
    """Where the page sends its reader by itself, within moments."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PageFacts:
        def address(name: str) -> str | None:
            return None if value[name] is None else str(value[name])

        return cls(
            links=tuple(str(link) for link in value["links"]),
            canonical=address("canonical"),
            robots=tuple(str(each) for each in value["robots"]),
            refresh=address("refresh"),
        )


def page_facts(data: bytes, url: str, charset: str | None) -> PageFacts:
    """
    Raises:
        UnreadableDocument: it is not HTML that can be read.
    """
    from freehold.knowledge.parse_html import tree_of  # here: what reads HTML is loaded by children only

    root = tree_of(data, charset)
    if root is None:
        return PageFacts()
    bases = (_joined(url, each.get("href")) for each in root.iter("base") if each.get("href"))
    base = next((found for found in bases if found is not None), url)
    links: dict[str, None] = {}
    robots: list[str] = []
    canonical = refresh = None
    for element in root.iter("a", "area", "link", "meta", *_FRAMES):
        rel = (element.get("rel") or "").lower().split()
        match element.tag:
            case "meta":
                name = (element.get("name") or "").strip().lower()
                content = element.get("content") or ""
                if name in ("robots", "freehold"):
                    robots.append(content[:500])
                elif (element.get("http-equiv") or "").strip().lower() == "refresh":
                    refresh = refresh or _refresh(base, content)
                continue
            case "link":
                if "canonical" in rel:
                    canonical = canonical or _joined(base, element.get("href"))
                if not {"next", "prev"} & set(rel):
                    continue
        if "nofollow" in rel:
            continue
        found = _joined(base, element.get("src" if element.tag in _FRAMES else "href"))
        if found is not None and len(links) < MAX_LINKS:
            links[found] = None
    return PageFacts(tuple(links), canonical, tuple(robots), refresh)


def _joined(base: str, link: str | None) -> str | None:
    """A link made whole, without its fragment; None for what leads to no page."""
    if link is None or len(link) > MAX_LINK_CHARS:
        return None
    try:
        whole = urljoin(base, re.sub(r"[\t\r\n]", "", link.strip())).partition("#")[0]
    except ValueError:
        return None
    return whole if whole.lower().startswith(("http://", "https://")) else None


def _refresh(base: str, content: str) -> str | None:
    found = _REFRESH.match(content)
    return _joined(base, found[2]) if found and int(found[1][:6]) <= _SOON_SECONDS else None
