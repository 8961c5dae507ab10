"""Checks a generated sentence against the passages it cites.

What the passage does not hold of numbers, names, commands, addresses and negations rules a sentence out
(support.py). The rest is measured (words, order, comparisons, conditions; with a reader also whether it finds
the claim in the words quoted for it, entailment.py) and weighed (soundness.py). A sentence is judged against
one passage at a time, so one that needs two is unsupported. Knows little of meaning: most of what is put in
words of its own is held back. Knows nothing of whether the documents are true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from freehold.assistant.entailment import Entailment
from freehold.assistant.framing import unframed
from freehold.assistant.material import take_apart
from freehold.assistant.reading import Reader
from freehold.assistant.recent import Recent
from freehold.assistant.soundness import Mode, soundness
from freehold.assistant.support import NAMES, Claim, Finding, find, take
from freehold.types import Passage

FENCE = "```"
"""Lines of code are checked one by one; shown alone, a fence would swallow what follows."""
LONGEST = 2_000
"""Characters of the longest sentence that is checked; a longer one is refused."""
MISSING = NAMES.index("missing")
PASSAGES_KEPT = 64
"""Passages whose reading is kept for the next sentence."""


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
        self, reader: Reader | None = None, *, show_above: float | None = None, keep: int = PASSAGES_KEPT
    ) -> None:
        """`show_above` takes the place of the model's own."""
        self.mode: Mode = "words" if reader is None else "reader"
        self._entailment = None if reader is None else Entailment(reader)
        self._model = soundness(self.mode)
        self._show_above = self._model.show_above if show_above is None else show_above
        self._materials = Recent(take_apart, keep)

    def check(self, sentence: str, passages: Sequence[Passage]) -> Check:
        """The passage that supports `sentence` best, else what the most promising one lacks."""
        if len(sentence) > LONGEST:
            return Check(False, reasons=(f"it is longer than {LONGEST:,} characters",))
        claim = take(sentence)
        if sentence.count(FENCE) % 2:
            return Check(False, reasons=("it opens or closes a block of code",))
        if claim.shown.rstrip().endswith("?"):
            return Check(False, reasons=("it asks, and claims nothing",))
        if not claim.said.keys:
            return Check(False, reasons=("it says nothing that can be checked",))
        found = [self._against(claim, passage, at) for at, passage in enumerate(passages)]
        return max(
            found,
            key=lambda one: (one.supported, one.score, -len(one.reasons)),
            default=Check(False, reasons=("it cites no passage",)),
        )

    def measure(self, sentence: str, passage: Passage) -> Finding:
        """What is measured of one sentence and passage, in the order of `NAMES[mode]` of soundness.py."""
        return self._found(take(sentence[:LONGEST]), passage)

    def _found(self, claim: Claim, passage: Passage) -> Finding:
        found = find(claim, self._materials.of(passage))
        if found.measured is None or self._entailment is None:
            return found
        quote = passage.text[found.start : found.end]
        read = self._entailment.measure(unframed(claim.text), quote, float(found.measured[MISSING]))
        return replace(found, measured=np.concatenate([found.measured, read]))

    def _against(self, claim: Claim, passage: Passage, at: int) -> Check:
        found = self._found(claim, passage)
        if found.measured is None:
            return Check(False, found.start, found.end, at, found.vetoes)
        score = self._model.score(found.measured)
        supported = score >= self._show_above
        reasons = found.reasons or (() if supported else ("the passage says too little of it",))
        return Check(supported, found.start, found.end, at, reasons, round(score, 4))
