"""The production answer path over a set's passages, as the server puts it together, for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets import BenchSet
from knowledge import known

from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.answer_memory import AnswerMemory
from freehold.assistant.extract import Extractor
from freehold.assistant.trace import Traces
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.reader import OnnxReader
from freehold.knowledge.search import Search

PASSAGES = 5
"""Passages an answer is composed from, as shipped."""


@dataclass(frozen=True)
class WholePath:
    """A set in a database, and what searches and answers it."""

    search: Search
    answerer: Answerer
    traces: Traces
    names: dict[int, str]
    """The set's own id of each passage."""


@contextmanager
def opened(
    bench: BenchSet, embedder: OnnxEmbedder, cache: Path | None, *, remembers: int = 0
) -> Iterator[WholePath]:
    """Without a generating model: answers are quoted. `remembers` is the size of the answer memory."""
    with known(bench, embedder, cache) as base:
        database, dense = base.database, base.dense
        search = Search(database, base.lexical, dense, embedder)
        reader = OnnxReader(load().reader_folder)
        extractor = Extractor(embedder, base.lexical.rarities, reader=reader)
        traces = Traces(database)
        answerer = Answerer(
            database=database,
            search=search,
            extractor=extractor,
            traces=traces,
            engine=lambda: None,
            settings=AnswerSettings(PASSAGES, extractor.refuse_below, 200),
            memory=AnswerMemory(database, size=remembers, embedder=embedder, vectors=lambda: dense.mark),
        )
        yield WholePath(search, answerer, traces, base.names)
