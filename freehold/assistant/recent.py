"""What was made of the passages used last, kept for the next question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from freehold.types import Passage

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """Makes something of passages, and keeps it while their words stay the same. Thread-safe."""

    def __init__(self, make: Callable[[Passage], Made], keep: int) -> None:
        """Of `keep` passages at most; the one used longest ago goes first."""
        self._make = make
        self._keep = keep
        self._kept: OrderedDict[tuple[object, ...], Made] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, passage: Passage) -> Made:
        """What is made of a passage."""
        key = (passage.id, passage.document.title, passage.heading_path, passage.text)
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
        made = self._make(passage)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        return made
