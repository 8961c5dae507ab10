"""The production answer path over a set's passages, as the server puts it together, for benchmarks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets import BenchSet
from search import embedded, fill, keep_vectors

from freehold.assistant.answer import Answerer, AnswerSettings
from freehold.assistant.answer_memory import AnswerMemory
from freehold.assistant.extract import Extractor
from freehold.assistant.trace import Traces
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import Search
from freehold.store.database import Database

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
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as home:
        database = Database(Path(home) / "freehold.db")
        fill(database, bench)
        lexical = LexicalIndex(Path(home) / "index", database)
        lexical.open()
        keep_vectors(database, embedder.name, embedded(bench, embedder, cache))
        dense = DenseIndex(database, embedder.name, embedder.dimensions)
        dense.load()
        search = Search(database, lexical, dense, embedder)
        extractor = Extractor(embedder, lexical.rarities)
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
        names = {number: passage.id for number, passage in enumerate(bench.passages, 1)}
        yield WholePath(search, answerer, traces, names)
        lexical.close()
        database.close()
