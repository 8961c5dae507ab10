"""A question set in a knowledge base of its own, kept and indexed as the server does, for benchmarks."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from datasets import BenchPassage, BenchSet
from numpy.typing import NDArray

from freehold.assistant.assistants import assistants
from freehold.engines.embedder import PARTS
from freehold.knowledge.dense import DenseIndex, quantise
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.store import documents, index_changes, passages, sources, vectors
from freehold.knowledge.words import indexed_text
from freehold.store.database import Database
from freehold.store.migrations import migrate

SCOPE = frozenset({1})
"""The set's only source."""


class GivesParts(Protocol):
    """What turns passages into rows of the store: their vector and those of their parts."""

    name: str
    dimensions: int

    def embed_parts(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class KnowledgeBase:
    """What `Search` searches."""

    database: Database
    lexical: LexicalIndex
    dense: DenseIndex
    names: dict[int, str]
    """The set's own id of each passage."""


@contextmanager
def known(bench: BenchSet, embedder: GivesParts, cache: Path | None) -> Iterator[KnowledgeBase]:
    """The set's passages and their vectors in a temporary folder; `cache` keeps vectors between runs."""
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as home:
        database = Database(Path(home) / "freehold.db")
        fill(database, bench)
        lexical = LexicalIndex(Path(home) / "index", database)
        lexical.open()
        lexical.hold()
        keep_vectors(database, embedder.name, embedded(bench, embedder, cache))
        dense = DenseIndex(database, embedder.name, embedder.dimensions)
        dense.load()
        names = {number: passage.id for number, passage in enumerate(bench.passages, 1)}
        yield KnowledgeBase(database, lexical, dense, names)
        lexical.close()
        database.close()


def fill(database: Database, bench: BenchSet) -> None:
    """The set's passages as one source, a document each."""
    migrate(database)
    with database.write() as connection:
        connection.execute(
            assistants.insert(),
            {"id": "bench", "name": "bench", "public_token": "pub_bench", "created_at": 0.0},
        )
        source = {"id": 1, "assistant_id": "bench", "kind": "folder", "location": "/", "title": bench.name}
        connection.execute(sources.insert(), {**source, "state": "ready", "created_at": 0.0})
        numbered = list(enumerate(bench.passages, 1))
        connection.execute(documents.insert(), [document(i, passage) for i, passage in numbered])
        connection.execute(passages.insert(), [row(i, passage) for i, passage in numbered])
        connection.execute(index_changes.insert(), [{"passage_id": i, "removed": False} for i, _ in numbered])


def document(number: int, passage: BenchPassage) -> dict[str, object]:
    place = {"id": number, "source_id": 1, "location": passage.id, "title": passage.title}
    return {**place, "text": passage.text, "content_hash": "", "size": len(passage.text), "synced_at": 0.0}


def row(number: int, passage: BenchPassage) -> dict[str, object]:
    place = {"id": number, "document_id": number, "source_id": 1, "position": 0}
    place["heading_path"] = json.dumps(passage.headings)
    return {**place, "start": 0, "end": len(passage.text), "text": passage.text, "text_hash": ""}


def embedded(bench: BenchSet, embedder: GivesParts, cache: Path | None) -> NDArray[np.float32]:
    """The passages' vectors, from the cache where they are there; else made, which takes minutes."""
    texts = [indexed_text(passage.title, passage.headings, passage.text) for passage in bench.passages]
    key = hashlib.sha256("\0".join([embedder.name, str(PARTS), *texts]).encode()).hexdigest()[:16]
    kept = cache / f"{bench.name}-{key}.npy" if cache else None
    if kept and kept.exists():
        stored: NDArray[np.float32] = np.load(kept)
        return stored
    rows = []
    for number, text in enumerate(texts, 1):
        rows.append(embedder.embed_parts([text])[0].astype(np.float16))
        if number % 500 == 0:
            print(f"{bench.name}: {number} of {len(texts)} passages embedded", file=sys.stderr, flush=True)
    matrix = np.stack(rows).astype(np.float32)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, matrix)
    return matrix


def keep_vectors(database: Database, name: str, made: Iterable[NDArray[np.float32]]) -> None:
    """Writes passages' vectors as the server does; passages are numbered from 1, as `fill` does."""
    with database.write() as connection:
        for number, vector in enumerate(made, 1):
            packed, scale = quantise(vector)
            row = {"passage_id": number, "embedder": name, "scale": scale, "vector": packed}
            connection.execute(vectors.insert(), row)
