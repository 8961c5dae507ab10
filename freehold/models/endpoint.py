"""A model that another machine runs, reached by the OpenAI-compatible interface: how it is described.

Knows the description only: the key itself is never part of it, only the name of the environment variable
that holds it. `engines/remote.py` speaks to what is described here.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from freehold.errors import InvalidInput

MAX_CONTEXT = 2**31 - 1
MAX_MODEL_CHARS = 300
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_ADDRESS = re.compile(r"[!-~]{1,2000}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a remote model is, and what is known of it."""

    url: str
    """Base address, such as `https://host/v1`; without a slash at its end."""
    model: str
    """What the model is called there."""
    context_length: int
    """Tokens that prompt and answer may have together."""
    key_variable: str | None = None
    """The environment variable that holds the key; None sends no key."""
    price_in: float | None = None
    """US dollars for a million tokens of prompt."""
    price_out: float | None = None
    """US dollars for a million tokens of answer."""

    def __post_init__(self) -> None:
        """
        Raises:
            InvalidInput: a part that cannot be one; the message names it.
        """
        object.__setattr__(self, "url", _checked_url(self.url))
        model = self.model
        if not isinstance(model, str) or not 0 < len(model) <= MAX_MODEL_CHARS or not model.isprintable():
            raise InvalidInput("That cannot be a model's name at an endpoint.", hint="Copy it from there.")
        length = self.context_length
        if not isinstance(length, int) or isinstance(length, bool) or not 0 < length <= MAX_CONTEXT:
            raise InvalidInput(f"A context of {str(length)[:40]} tokens cannot be.")
        if self.key_variable is not None and not _VARIABLE.fullmatch(self.key_variable):
            raise InvalidInput(
                "The key's place is not the name of an environment variable.",
                hint="Put the key into a variable of the server's environment, and name the variable.",
            )
        if (self.key_variable or "").upper().startswith("FREEHOLD_"):
            raise InvalidInput(
                f"{self.key_variable} is a setting of Freehold's, and is not sent to an endpoint.",
                hint="Put the endpoint's key into a variable of its own.",
            )
        for price in (self.price_in, self.price_out):
            if price is not None and not (math.isfinite(price) and 0 <= price < 1e6):
                raise InvalidInput(f"A price of {price} dollars for a million tokens cannot be.")

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON: the same description has the same id everywhere."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def host(self) -> str:
        """The name that is connected to."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port that is connected to."""
        parts = urlsplit(self.url)
        return parts.port or {"http": 80, "https": 443}[parts.scheme]

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read what is said to it."""
        return self.url.startswith("https:")

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a database or an interface."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Endpoint:
        """What `as_json` gave.

        Raises:
            InvalidInput: it gave something else.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise InvalidInput(f"That describes no endpoint: {error}.") from None


def is_address(text: str) -> bool:
    """Whether a text is meant as a web address rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def _checked_url(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        sound = _ADDRESS.fullmatch(url) and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.scheme not in ("http", "https"):
        raise InvalidInput(
            f"{url[:200]!r} is not the address of an endpoint.", hint="Write it like https://host/v1."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "An endpoint's address with a name or password in it is not kept.",
            hint="Put the key into an environment variable, and name the variable.",
        )
    if parts.query or parts.fragment:
        raise InvalidInput("An endpoint's address has no ? or # part.", hint="Write it like https://host/v1.")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
