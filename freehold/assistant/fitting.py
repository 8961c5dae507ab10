"""The prompt that a model has room for: the best passages, as many as its context holds.

Counts without the chat template, which no engine tells; what it adds is a few tokens a turn. Turns before the
question are not left out: a prompt that is too long without any second passage is the engine's to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from freehold.engines.base import TURN_TOKENS, Engine
from freehold.tasks import answer as task
from freehold.types import Passage, Query, ScoredPassage

ANSWER_SHARE: Final = 4
"""One in so many tokens of the context is kept for the answer, or `max_tokens` if that is less."""


async def fitted(
    engine: Engine, query: Query, found: Sequence[ScoredPassage], *, instructions: str, max_tokens: int
) -> tuple[task.Prompt, list[Passage]]:
    """The prompt, and its passages by number; of `found`, best first, the last may be left out."""
    room = engine.context_length - min(max_tokens, engine.context_length // ANSWER_SHARE)
    ranked = [scored.passage for scored in found]
    while True:
        passages = list(task.stable_order(ranked))
        prompt = task.compose(query, passages, instructions=instructions)
        texts = (prompt.system, *(turn.text for turn in prompt.messages))
        if len(ranked) < 2 or await _tokens(engine, texts, room) <= room:
            return prompt, passages
        ranked.pop()


async def _tokens(engine: Engine, texts: Sequence[str], room: int) -> int:
    """How many tokens the texts are; at most as many as bytes, which need no counting where there is room."""
    around = TURN_TOKENS * (len(texts) + 1)
    most = sum(len(text.encode(errors="replace")) for text in texts) + around
    return most if most <= room else await engine.count_tokens("\n".join(texts)) + around
