"""A sentence beside the passage it cites, with what is known of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from datasets import Half, half

from freehold.types import Passage

Edit = Callable[[str, Passage, random.Random], str | None]
"""What makes another sentence of one, or None where there is nothing for it to change."""

NAME = re.compile(r"(?<=[a-z,;] )(?:[A-Z][\w&-]+)(?: [A-Z][\w&-]+)*")
"""A name within a sentence."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence with what is known of it."""

    id: str
    document: str
    """What the halves are split by."""
    passage: Passage
    sentence: str
    supported: bool
    kind: str
    source: str

    @property
    def half(self) -> Half:
        return half(self.document)
