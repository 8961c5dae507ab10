"""Pages that say that there is nothing, though the host says that there is (soft 404s).

Recognised with caution: by their likeness to what the host gave for an address that cannot exist, or by a
title that says nothing else. A page about missing pages is a page.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

ALIKE = 0.9
"""Share of words that a page has in common with what stands where nothing does, its title the same."""

FEW_WORDS = 150
"""A page that says more than this under such a title says something."""

_WORDS = re.compile(r"\w+")
_THING = r"(?:(?:the|this|your) )?(?:requested )?(?:page|url|document|resource|content|article|file)"
_SAYS = (
    r"(?:(?:is|was|could|can) ?not (?:be )?found|can['’]?t be found|couldn['’]t be found|not found"
    r"|(?:does not|doesn['’]t|no longer) exists?|is missing)"
)
_NOTHING = re.compile(rf"404|{_SAYS}", re.IGNORECASE)
_TITLE = re.compile(
    rf"\W*(?:(?:oops|sorry|whoops)\W+)?(?:(?:http )?(?:error|status)\W+|http\W+)?(?:404|error 404)?\W*"
    rf"(?:(?:{_THING}(?: you (?:requested|were looking for))? )?{_SAYS})?\W*(?:404|error)?\W*",
    re.IGNORECASE,
)
_SITE = re.compile(r"\s+[|–—·»-]\s+[^|–—·»]{1,60}$")


@dataclass(frozen=True, slots=True)
class Missing:
    """What a site shows where nothing stands."""

    title: str
    words: tuple[str, ...]

    @classmethod
    def seen(cls, title: str, text: str, url: str) -> Missing:
        """As it was given for an address that cannot exist; the address's own words do not count."""
        own = set(_words(url))
        return cls(_less(title, own), tuple(sorted(word for word in _words(text) if word not in own)))

    def is_like(self, title: str, text: str, url: str) -> bool:
        """Whether a page is what this is."""
        own = set(_words(url))
        if _less(title, own) != _less(self.title, own):
            return False
        ours = Counter(word for word in self.words if word not in own)
        theirs = Counter(word for word in _words(text) if word not in own)
        return (ours & theirs).total() >= ALIKE * (ours | theirs).total()


def says_missing(title: str, text: str) -> bool:
    """Whether a title says that there is nothing, over a page that says little else."""
    if len(_words(text)) > FEW_WORDS:
        return False
    bare = _SITE.sub("", title)
    return any(_TITLE.fullmatch(each) and _NOTHING.search(each) for each in (title, bare))


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def _less(title: str, own: set[str]) -> str:
    return " ".join(word for word in _words(title) if word not in own)
