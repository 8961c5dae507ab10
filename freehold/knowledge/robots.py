"""What a site lets robots do: robots.txt as RFC 9309 has it, X-Robots-Tag, the robots meta element.

protego reads the rules: groups, the longest match, wildcards. It takes a group's name for ours if ours
begins with it. Fetches robots.txt, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from protego import Protego

from freehold.errors import Conflict, EgressDenied, FetchFailed, TooLarge
from freehold.net import MAX_REDIRECTS, Fetched
from freehold.net.response import retry_after

AGENT = "Freehold"
"""Our name in robots.txt and in robots meta elements."""

MAX_ROBOTS_BYTES = 1024 * 1024
"""Larger than this is no robots.txt; the RFC has half of it read."""

LONGEST_DELAY_SECONDS = 30.0
"""The longest pause between two requests that a robots.txt can ask for."""

NOTHING_FORBIDDEN = ""

_VALUED = frozenset(["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"])


@dataclass(frozen=True, slots=True)
class Robots:
    """One host's rules."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", Protego.parse(self.text))

    _rules: Any = None

    def allows(self, url: str) -> bool:
        """Whether we may ask for it."""
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def delay_seconds(self) -> float:
        """Pause between two requests, as far as we follow it."""
        said = self._rules.crawl_delay(AGENT)
        return min(max(float(said or 0.0), 0.0), LONGEST_DELAY_SECONDS)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Addresses of sitemaps, as they are written there."""
        return tuple(self._rules.sitemaps)


def origin_of(url: str) -> str:
    """What one robots.txt is for: scheme and host with its port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def robots_text(origin: str, get: Callable[[str, int], Fetched]) -> str:
    """The text of a host's robots.txt; empty where it has none, which forbids nothing.

    `get` fetches an address as it is, up to so many bytes, redirects unfollowed.

    Raises:
        FetchFailed: it cannot be had now, so nothing of that host may be fetched.
        Conflict: it leads nowhere or to another host that nothing allows, or is no robots.txt.
    """
    url = f"{origin}/robots.txt"
    for _ in range(MAX_REDIRECTS + 1):
        try:
            answer = get(url, MAX_ROBOTS_BYTES)
        except EgressDenied as error:
            if url == f"{origin}/robots.txt":
                raise
            raise Conflict(
                f"{origin}/robots.txt leads to {url}, which may not be fetched, so nothing there was read.",
                hint=error.hint,
            ) from error
        except TooLarge:
            raise Conflict(
                f"{url} is larger than any robots.txt should be, so nothing there was read."
            ) from None
        if answer.redirect is not None:
            try:
                url = urljoin(url, answer.redirect)
            except ValueError:  # as of half an IPv6 address
                raise Conflict(f"{url} leads to what is no address, so nothing there was read.") from None
            continue
        if 200 <= answer.status < 300:
            return answer.body.decode("utf-8-sig", "replace")
        if 400 <= answer.status < 500 and answer.status != 429:
            return NOTHING_FORBIDDEN
        raise FetchFailed(
            f"{url} answered with status {answer.status}; until it can be read, nothing there may be.",
            hint="The next sync tries again.",
            retry_after=retry_after(answer.headers),
        )
    return NOTHING_FORBIDDEN  # as the RFC has it of too many redirects


def directives(lines: Iterable[tuple[str, str]]) -> frozenset[str]:
    """What X-Robots-Tag says to us: of every such line of a head, unless it speaks to another robot."""
    found: set[str] = set()
    for name, value in lines:
        if name != "x-robots-tag":
            continue
        agent, colon, rest = value.partition(":")
        agent = agent.strip().lower()
        if colon and "," not in agent and " " not in agent and agent not in _VALUED:
            if agent not in (AGENT.lower(), "*"):
                continue
            value = rest
        found |= words_of(value)
    return frozenset(found)


def words_of(value: str) -> set[str]:
    """The directives in one value; `none` is both."""
    words = {word.strip().lower() for word in value.split(",")}
    return words | {"noindex", "nofollow"} if "none" in words else words
