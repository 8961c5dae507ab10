"""Checks a generated sentence against the passages it cites.

What the passage does not hold of numbers, names, commands, addresses and negations rules a sentence out
(support.py). The rest is measured (words, order, comparisons, conditions; token vectors and a reader's
opinion where they are given) and weighed (soundness.py). A sentence is judged against one passage at a
time, so one that needs two is unsupported. Knows nothing of whether the documents are true.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from freehold.assistant.evidence import Array, Read, TokenEmbedder
from freehold.assistant.evidence import read as read_passage
from freehold.assistant.material import Material, take_apart
from freehold.assistant.soundness import NAMES, Means, Soundness, soundness
from freehold.assistant.support import Claim, Finding, find, take
from freehold.engines.base import Embedder
from freehold.types import Passage

LONGEST = 2_000
"""Characters of the longest sentence that is checked; a longer one is refused."""
PASSAGES_KEPT = 64
"""Passages whose reading is kept for the next sentence."""
_BY_SIZE: dict[int, Means] = {len(names): means for means, names in NAMES.items()}
_SURE = 8.0
"""Log odds beyond which a reader's opinion counts no more."""


class Reader(Protocol):
    """A model that reads: how likely a passage is to say what a statement says."""

    def says(self, statement: str, passage: Passage) -> float:
        """0 (it does not, or says the opposite) to 1 (it does)."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """What was found; when supported, the quote is `passages[passage].text[quote_start:quote_end]`."""

    supported: bool
    quote_start: int = 0
    quote_end: int = 0
    passage: int = 0
    """Index of the passage that supports it, among those given."""
    reasons: tuple[str, ...] = ()
    """What speaks against it, for the trace; never empty when it is not supported."""
    score: float = 0.0
    """The calibrated chance that it is supported; 0 when something rules it out."""


class Checker:
    """Checks sentences. Thread-safe."""

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        readings: Callable[[Passage], Read] | None = None,
        reader: Reader | None = None,
        show_above: float | None = None,
        weigh: Callable[[Means], Soundness] = soundness,
        keep: int = PASSAGES_KEPT,
    ) -> None:
        """`readings` gives passages already read (the extractor's), so that none is embedded twice.

        The shipped coefficients are those of words alone, since neither token vectors nor a reader made the
        checks better (docs/benchmarks.md): with `embedder` or `reader`, give `weigh` others.
        """
        self._embedder = embedder if isinstance(embedder, TokenEmbedder) else None
        self._readings = readings
        self._reader = reader
        self._weigh = weigh
        self._show_above = show_above
        self._keep = keep
        self._kept: OrderedDict[tuple[object, ...], Material] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, sentence: str, passages: Sequence[Passage]) -> Check:
        """The passage that supports `sentence` best, else what the most promising one lacks."""
        if len(sentence) > LONGEST:
            return Check(False, reasons=(f"it is longer than {LONGEST:,} characters",))
        claim = take(sentence, self._embedder)
        if not claim.said.keys:
            return Check(False, reasons=("it says nothing that can be checked",))
        found = [self._against(claim, passage, at) for at, passage in enumerate(passages)]
        return max(
            found,
            key=lambda one: (one.supported, one.score, -len(one.reasons)),
            default=Check(False, reasons=("it cites no passage",)),
        )

    def measure(self, sentence: str, passage: Passage) -> Finding:
        """What is measured of one sentence and passage, the reader's opinion last where there is one."""
        claim = take(sentence[:LONGEST], self._embedder)
        return self._find(claim, passage)

    def _against(self, claim: Claim, passage: Passage, at: int) -> Check:
        found = self._find(claim, passage)
        if found.measured is None:
            return Check(False, found.start, found.end, at, found.vetoes)
        model = self._weigh(_BY_SIZE[len(found.measured)])
        score = model.score(found.measured)
        supported = score >= (model.show_above if self._show_above is None else self._show_above)
        reasons = found.reasons or (() if supported else ("too little of it is in the passage",))
        return Check(supported, found.start, found.end, at, reasons, round(score, 4))

    def _find(self, claim: Claim, passage: Passage) -> Finding:
        found = find(claim, self._material(passage))
        if found.measured is None or self._reader is None or claim.vectors is None:
            return found
        opinion = min(max(self._reader.says(claim.shown, passage), 1e-6), 1 - 1e-6)
        odds = float(np.clip(np.log(opinion / (1 - opinion)), -_SURE, _SURE)) / _SURE
        measured: Array = np.append(found.measured, np.float32(odds))
        return Finding(found.vetoes, found.reasons, found.start, found.end, measured)

    def _material(self, passage: Passage) -> Material:
        key = (passage.id, passage.document.title, passage.heading_path, passage.text)
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
        reading = None
        if self._embedder is not None:
            reading = self._readings(passage) if self._readings else read_passage(passage, self._embedder)
        made = take_apart(passage, reading)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        return made


def check(sentence: str, passages: Sequence[Passage]) -> Check:
    """One sentence by words alone, with nothing kept."""
    return Checker(keep=0).check(sentence, passages)
