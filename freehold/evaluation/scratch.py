"""A suite's own knowledge, put into a data folder of its own, where nothing else is.

The folder is kept: the next run over the same knowledge finds it ready, and one that was cut off half-way
goes on from there. Knows nothing of how that folder is opened, or of questions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select

from freehold.evaluation.questions import OwnPassage
from freehold.knowledge.store import documents, passages, record_changes, sources
from freehold.store.database import Database

TRANSACTION = 500
"""Passages written at a time."""


def fill(
    database: Database,
    given: Iterable[OwnPassage],
    *,
    assistant_id: str,
    name: str,
    written: Callable[[int], None] = lambda count: None,
) -> int:
    """Writes passages as they stand, each a document of its own whose location is the passage's id.

    Those that are there already are passed over, so the same passages have to come in the same order.
    `written` is told after each transaction how many there are. Gives the source's id.

    Raises:
        NoRoom: the disk is full.
    """
    with database.write() as connection:
        source_id = _source(connection, assistant_id, name)
        done = connection.execute(
            select(func.count()).select_from(documents).where(documents.c.source_id == source_id)
        ).scalar_one()
    coming = islice(iter(given), done, None)
    while some := list(islice(coming, TRANSACTION)):
        with database.write() as connection:
            _put(connection, source_id, some)
        done += len(some)
        written(done)
    return source_id


def _source(connection: Connection, assistant_id: str, name: str) -> int:
    known = connection.execute(
        select(sources.c.id).where(sources.c.assistant_id == assistant_id, sources.c.location == name)
    ).scalar()
    if known is not None:
        return int(known)
    values = {"assistant_id": assistant_id, "kind": "folder", "location": name, "title": name}
    row = values | {"state": "ready", "created_at": time.time()}
    return int(connection.execute(insert(sources).values(row).returning(sources.c.id)).scalar_one())


def _put(connection: Connection, source_id: int, some: Sequence[OwnPassage]) -> None:
    rows = connection.execute(
        insert(documents).returning(documents.c.id, sort_by_parameter_order=True),
        [_document(source_id, passage) for passage in some],
    )
    ids = connection.execute(
        insert(passages).returning(passages.c.id, sort_by_parameter_order=True),
        [_passage(source_id, int(row.id), passage) for row, passage in zip(rows.all(), some, strict=True)],
    )
    record_changes(connection, list(ids.scalars()), source_id=source_id, removed=False)


def _document(source_id: int, passage: OwnPassage) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "location": passage.id,
        "title": passage.title,
        "content_hash": "",
        "size": len(passage.text.encode()),
        "text": passage.text,
        "synced_at": time.time(),
    }


def _passage(source_id: int, document_id: int, passage: OwnPassage) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "source_id": source_id,
        "position": 0,
        "heading_path": "[]",
        "start": 0,
        "end": len(passage.text),
        "text": passage.text,
        "text_hash": "",
    }


def locations(connection: Connection, source_ids: Iterable[int]) -> Iterator[tuple[str, str, str]]:
    """Location, title and content hash of these sources' documents, in order of location."""
    rows = connection.execute(
        select(documents.c.location, documents.c.title, documents.c.content_hash)
        .where(documents.c.source_id.in_(list(source_ids)))
        .order_by(documents.c.location, documents.c.id)
    )
    for row in rows:
        yield row.location, row.title, row.content_hash
