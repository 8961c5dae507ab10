"""The production answer path over the passages of `dstc11`, for benchmarks that need its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import BenchQuestion, dstc11
from whole_path import opened

from freehold.assistant.answer import Answerer
from freehold.engines.embedder import OnnxEmbedder
from freehold.types import MessageDelta, MessageEnd, Query, Turn


@dataclass(frozen=True)
class Pair:
    """A question, what a person replied, and what we answered: claims; none where we refused."""

    question: str
    reply: str
    answer: tuple[str, ...]


def answered(folder: Path, cache: Path | None, embedder: OnnxEmbedder, ids: Sequence[str]) -> dict[str, Pair]:
    """The answers to these questions, quoted out of all the set's passages."""
    bench = dstc11(folder)
    wanted = set(ids)
    with opened(bench, embedder, cache) as path:
        return {
            question.id: asyncio.run(_pair(path.answerer, question))
            for question in bench.questions
            if question.id in wanted
        }


async def _pair(answerer: Answerer, question: BenchQuestion) -> Pair:
    query = Query(question.text, tuple(Turn(_role(role), text) for role, text in question.history))
    claims: list[str] = []
    async for event in answerer.answer(query, "bench"):
        if isinstance(event, MessageDelta):
            claims.append(event.claim.text)
        elif isinstance(event, MessageEnd) and event.outcome != "answered":
            claims.clear()
    return Pair(question.text, question.answers[0], tuple(claims))


def _role(name: str) -> str:
    return "user" if name == "user" else "assistant"
