"""One answer while it is made: what it has told, its clocks, its trace.

Shared by all steps of `answer.py`. Knows nothing of how passages are found or answers chosen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from freehold.assistant.answer_memory import Kept, Reuse
from freehold.assistant.branches import question_back
from freehold.assistant.citations import Citations
from freehold.assistant.differing import Quoted
from freehold.assistant.extract import Span
from freehold.assistant.marks import DIFFERENTLY, headed, not_named
from freehold.assistant.routing import Routed
from freehold.assistant.trace import Trace
from freehold.tasks.route import Route
from freehold.types import (
    AnswerEvent,
    CitationFound,
    Claim,
    MessageDelta,
    Nearby,
    Outcome,
    Passage,
    ScoredPassage,
    Usage,
)

REFUSAL = "I could not find an answer to that in the documents I have."
REFUSAL_NEARBY = "I could not find an answer to that in the documents I have. The closest they come:"
NO_DOCUMENTS = "I have not been given any documents yet, so I cannot answer."

NEARBY_SCORE = 0.30
"""Search score from which a document is named beside a refusal."""
NEARBY_LIMIT = 3


@dataclass(slots=True)
class Part:
    """One question of a message, while it is answered."""

    question: str
    first: int
    """How many claims the answer had before it."""
    last: int = 0
    """How many it had when it was done."""
    outcome: Outcome = "refused"
    found: tuple[ScoredPassage, ...] = ()
    """What search found, best first."""
    about: tuple[ScoredPassage, ...] = ()
    """What the answer is made from: of these, those on its subject, where the conversation has one."""
    given: tuple[ScoredPassage, ...] = ()
    """Those of these that a model writes it from, first what was found to answer."""
    nearby: tuple[Passage, ...] = ()
    choices: tuple[str, ...] = ()
    """What was asked back."""
    basis: str | None = None
    """What the memory keeps it under; None where it does not."""


class Work:
    """One answer while it is made."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.citations = Citations()
        self.parts: list[Part] = []
        self.alone = True
        """Whether the message is one question; else each part stands under its own."""
        self.sources: frozenset[int] = frozenset()
        """Those searched."""
        self._began = self._lap = time.perf_counter()

    @property
    def outcome(self) -> Outcome:
        """Answered when any part is."""
        return "answered" if any(part.outcome == "answered" for part in self.parts) else "refused"

    @property
    def nearby(self) -> tuple[Nearby, ...]:
        """The documents that refused parts point to, each once."""
        near = {
            passage.document.id: Nearby(passage.document, passage.heading_path)
            for part in reversed(self.parts)
            for passage in reversed(part.nearby)
        }
        return tuple(reversed(near.values()))[:NEARBY_LIMIT]

    @property
    def choices(self) -> tuple[str, ...]:
        """What was asked back, where anything was."""
        return next((part.choices for part in self.parts if part.choices), ())

    def ask_back(self, part: Part, choices: tuple[str, ...]) -> MessageDelta:
        """A question to the visitor: it is a reply, and rests on no source."""
        part.choices = choices
        self.trace.choices = list(choices)
        return self.own_words(part, question_back(choices))

    def begin(self, question: str) -> Part:
        """The next question of the message."""
        part = Part(question, len(self.trace.claims))
        self.parts.append(part)
        self.trace.questions.append(question)
        return part

    def end(self, part: Part) -> None:
        """The part has been told."""
        part.last = len(self.trace.claims)

    def told(self, event: AnswerEvent) -> None:
        """Notes what the caller is about to see."""
        if isinstance(event, CitationFound):
            self.trace.citations.append(event.citation)
        elif isinstance(event, MessageDelta):
            self.trace.timings.setdefault("first", self._since(self._began))
            self.trace.claims.append(event.claim)

    def own_words(self, part: Part, text: str) -> MessageDelta:
        """An answer in words of ours, which need no source."""
        part.outcome = "answered"
        return MessageDelta(Claim(text, ()))

    def refuse(self, part: Part) -> MessageDelta:
        """A refusal that names what the documents do cover nearby."""
        near = {
            scored.passage.document.id: scored.passage
            for scored in reversed(part.found)
            if scored.score >= NEARBY_SCORE
        }
        return self.refuse_near(part, tuple(reversed(near.values()))[:NEARBY_LIMIT])

    def refuse_near(self, part: Part, passages: tuple[Passage, ...]) -> MessageDelta:
        part.outcome, part.nearby = "refused", passages
        return MessageDelta(Claim(REFUSAL_NEARBY if passages and self.alone else REFUSAL, ()))

    def quote(self, part: Part, quoted: Quoted, lacking: str = "") -> Iterator[CitationFound | MessageDelta]:
        """Spans as claims, to the letter: neighbours run on, the others stand apart, those of several
        documents under their titles and steps under their heading. Above them stands that they differ, or
        that none has a name in the question, if one is `lacking`."""
        part.outcome = "answered"
        spans = quoted.in_order()
        first = f"{not_named(lacking)}:" if lacking else DIFFERENTLY if quoted.others else ""
        titled = bool(lacking) or len({_title(span) for span in spans}) > 1
        before: Span | None = None
        for span in spans:
            passage = span.passage.passage
            text = passage.text[span.start : span.end].strip()
            above = ""
            if before is None and first:
                above = f"{first}\n\n"
            if titled and (before is None or _title(before) != _title(span)):
                above += headed(_title(span))
            elif quoted.steps and before is None:
                above += headed("".join(passage.above[-1:]))  # none where nothing has a title
            said = _separator(before, span, text) + above + text
            yield from self.claim(said, [(passage, span.start, span.end)])
            before = span

    def claim(
        self, text: str, places: Sequence[tuple[Passage, int, int]]
    ) -> Iterator[CitationFound | MessageDelta]:
        """A claim, with the citations it needs that are new to this answer before it."""
        numbers = []
        for passage, start, end in places:
            citation, new = self.citations.add(passage, start, end)
            numbers.append(citation.number)
            if new:
                yield CitationFound(citation)
        yield MessageDelta(Claim(text, tuple(numbers)))

    def note_unnamed(self, name: str) -> MessageDelta:
        """Below an answer: that nothing it stands on has a name in the question."""
        return MessageDelta(Claim(f"\n\n{not_named(name)}.", ()))

    def again(self, part: Part, reuse: Reuse) -> Iterator[CitationFound | MessageDelta]:
        """An answer given before, told anew."""
        kept, trace = reuse.kept, self.trace
        trace.mode, trace.model_id = kept.mode, kept.model_id
        trace.confidence, trace.threshold = kept.confidence, kept.threshold
        trace.reused.append(
            {
                "trace_id": reuse.trace_id,
                "question": reuse.question,
                "tier": reuse.tier,
                "similarity": reuse.similarity,
            }
        )
        if kept.outcome == "refused":
            yield self.refuse_near(part, tuple(reuse.passages[each] for each in kept.nearby))
            return
        part.outcome = kept.outcome
        for claim in kept.claims:
            cited = [kept.cited[number - 1] for number in claim.citations]
            yield from self.claim(
                claim.text, [(reuse.passages[passage], start, end) for passage, start, end, _ in cited]
            )

    def cited(self, part: Part) -> list[Passage]:
        """The passages that what was told of a part so far stands on."""
        numbers = {number for claim in self.trace.claims[part.first :] for number in claim.citations}
        ids = {each.passage_id for each in self.trace.citations if each.number in numbers}
        given = {scored.passage.id: scored.passage for scored in (*part.found, *part.given)}
        return [passage for passage_id, passage in given.items() if passage_id in ids]

    def kept(self, part: Part) -> Kept:
        """A part of the answer as the memory keeps it."""
        claims = self.trace.claims[part.first : part.last]
        numbers = list(dict.fromkeys(number for claim in claims for number in claim.citations))
        of_number = {citation.number: citation for citation in self.trace.citations}
        cited = [of_number[number] for number in numbers]
        return Kept(
            outcome=part.outcome,
            claims=tuple(
                Claim(claim.text, tuple(numbers.index(number) + 1 for number in claim.citations))
                for claim in claims
            ),
            cited=tuple((each.passage_id, each.start, each.end, each.quote) for each in cited),
            nearby=tuple(passage.id for passage in part.nearby),
            passages=tuple(scored.passage.id for scored in part.found),
            mode=self.trace.mode,
            model_id=self.trace.model_id,
            confidence=self.trace.confidence,
            threshold=self.trace.threshold,
        )

    def routed(self, routed: Routed) -> Route | None:
        """Notes what a message was found to be about, and gives it."""
        trace = self.trace
        trace.route, trace.route_by, trace.route_failure = routed.route, routed.by, routed.failure
        trace.usage += routed.usage
        if routed.by is not None or routed.failure is not None:
            self.lap("route")
        return routed.route

    def lap(self, step: str) -> None:
        """Ends a step that began where the last one ended; a step taken again adds to its time."""
        self.trace.timings[step] = round(self.trace.timings.get(step, 0.0) + self._since(self._lap), 2)
        self._lap = time.perf_counter()

    def spent(self, thread_began: float, elsewhere: float = 0.0) -> None:
        """Counts the processor time of this thread since `thread_began` (`time.thread_time`), and what other
        threads spent for it."""
        self.trace.usage += Usage(cpu_seconds=time.thread_time() - thread_began + elsewhere)

    def finish(self, outcome: str) -> None:
        """Closes the trace."""
        self.trace.outcome = outcome
        self.trace.timings["total"] = self._since(self._began)
        self.trace.usage = replace(self.trace.usage, wall_seconds=time.perf_counter() - self._began)

    @staticmethod
    def _since(moment: float) -> float:
        return round(1000 * (time.perf_counter() - moment), 2)


def _title(span: Span) -> str:
    return span.passage.passage.document.title


def _separator(before: Span | None, span: Span, text: str) -> str:
    if before is None:
        return ""
    passage = span.passage.passage
    follows = before.passage.passage.id == passage.id and before.end <= span.start
    between = passage.text[before.end : span.start] if follows else ""
    return " " if follows and not between.strip() and "\n" not in between + text else "\n\n"
