"""An answer that a model writes: each sentence is held against the passages that it cites before it is told.

Knows nothing of how passages are found, and not whether a sentence answers the question.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace

from anyio import to_thread

from freehold.assistant.draft import Draft
from freehold.assistant.fitting import fitted
from freehold.assistant.grounding import Check
from freehold.assistant.trace import Checked
from freehold.assistant.work import Part, Work
from freehold.engines.base import Engine, Finished, Generation
from freehold.tasks import answer as task
from freehold.types import CitationFound, MessageDelta, Passage, Query

Checking = Callable[[str, Sequence[Passage]], Check]
"""Whether a passage supports a sentence."""


async def generated(
    engine: Engine,
    query: Query,
    part: Part,
    work: Work,
    check: Checking,
    *,
    instructions: str,
    most: int,
) -> AsyncGenerator[CitationFound | MessageDelta, None]:
    """Streams the sentences that hold, from the passages given to the part, which is `answered` by the first;
    at most so many tokens are written.

    Raises:
        FreeholdError: the engine failed.
    """
    prompt, passages = await fitted(engine, query, part.given, instructions=instructions, max_tokens=most)
    request = Generation(prompt.messages, prompt.system, max_tokens=most)
    work.trace.model_id, work.trace.prompt = engine.model_id, asdict(prompt)
    draft, said = Draft(), set[str]()
    async with aclosing(engine.generate(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finished):
                work.trace.usage += piece.usage
                sentences = draft.finish() if piece.reason != "cancelled" else ()
            else:
                work.trace.written += piece.text
                sentences = draft.add(piece.text)
            for separator, sentence in sentences:
                text, numbers = task.cited(sentence)
                # small models forget their marks: what is unmarked may stand on any of the passages
                marked = [passages[number - 1] for number in numbers if 1 <= number <= len(passages)]
                cited = marked if numbers else passages
                bare = task.bare(text)
                verdict = await to_thread.run_sync(_timed, check, bare, cited, work)
                words = " ".join(bare.casefold().split())
                if verdict.supported and words in said:  # small models go round in circles
                    verdict = replace(verdict, supported=False, reasons=("it was said before",))
                work.trace.checks.append(
                    Checked(text, numbers, verdict.supported, verdict.reasons, verdict.score)
                )
                if not verdict.supported or task.refuses(text):
                    continue
                said.add(words)
                separator = separator if part.outcome == "answered" else ""
                part.outcome = "answered"
                place = (cited[verdict.passage], verdict.quote_start, verdict.quote_end)
                for told in work.claim(separator + text, [place]):
                    yield told


def _timed(check: Checking, sentence: str, cited: Sequence[Passage], work: Work) -> Check:
    """In a thread: the check, its processor time counted."""
    began = time.thread_time()
    verdict = check(sentence, cited)
    work.spent(began)
    return verdict
