"""How far and how fast a site is crawled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from freehold.errors import InvalidInput

MOST_PAGES = 100_000
MOST_DEPTH = 100
MOST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """Kept with a source of kind `site`; None: by default."""

    pages: int | None = None
    """Most pages asked for in one crawl."""
    depth: int | None = None
    """Most links from the start page."""
    delay: float | None = None
    """Seconds between two requests."""

    def __post_init__(self) -> None:
        """
        Raises:
            InvalidInput: a value that cannot be.
        """
        for name, value, least, most in (
            ("pages", self.pages, 1, MOST_PAGES),
            ("depth", self.depth, 0, MOST_DEPTH),
            ("delay", self.delay, 0, MOST_DELAY),
        ):
            if value is not None and not least <= value <= most:
                raise InvalidInput(f"{name} is {value:g}; it can be {least} to {most:,.0f}.")

    @property
    def given(self) -> dict[str, Any]:
        """Those that are not left to the default."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def changed(self, other: SiteOptions) -> SiteOptions:
        """These, and what `other` says."""
        return SiteOptions(**{**asdict(self), **other.given})

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> SiteOptions:
        """As the database has them."""
        return cls(stored.get("pages"), stored.get("depth"), stored.get("delay"))
