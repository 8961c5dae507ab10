"""A store with a few passages, put there directly, for the tests of what searches them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, insert, select

from freehold.assistant.assistants import assistants
from freehold.engines.base import Embedder
from freehold.knowledge.dense import quantise
from freehold.knowledge.store import documents, index_changes, passages, record_changes, sources, vectors
from freehold.knowledge.words import indexed_text
from freehold.store.database import Database
from freehold.store.migrations import migrate


class Shelf:
    """Passages of two assistants' sources: 1 and 2 belong to `ours`, 3 to `theirs`."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "freehold.db")
        migrate(self.database)
        self._put = 0
        with self.database.write() as connection:
            for name in ("ours", "theirs"):
                row = {"id": name, "name": name, "public_token": f"pub_{name}", "created_at": 0.0}
                connection.execute(insert(assistants), row)
            for number, owner in ((1, "ours"), (2, "ours"), (3, "theirs")):
                row = {"id": number, "assistant_id": owner, "kind": "folder", "location": f"/{number}"}
                connection.execute(insert(sources), {**row, "title": "", "state": "ready", "created_at": 0.0})

    def put(
        self, text: str, *, source: int = 1, title: str = "", headings: Sequence[str] = (), noted: bool = True
    ) -> int:
        """Adds a document of one passage; gives the passage's id."""
        self._put += 1
        place = {"source_id": source, "location": f"{self._put}.md", "title": title, "text": text}
        piece = {"source_id": source, "position": 0, "text_hash": "", "start": 0, "end": len(text)}
        with self.database.write() as connection:
            row = {**place, "content_hash": "", "size": len(text), "synced_at": 0.0}
            document = connection.execute(insert(documents), row).inserted_primary_key[0]
            row = {**piece, "document_id": document, "heading_path": json.dumps(list(headings)), "text": text}
            passage = connection.execute(insert(passages), row).inserted_primary_key[0]
            if noted:
                record_changes(connection, [passage], source_id=source, removed=False)
        return int(passage)

    def drop(self, *ids: int, noted: bool = True) -> None:
        with self.database.write() as connection:
            connection.execute(delete(passages).where(passages.c.id.in_(ids)))
            if noted:
                record_changes(connection, ids, source_id=1, removed=True)

    def embed(self, embedder: Embedder, ids: Sequence[int] | None = None) -> list[int]:
        """Writes vectors of these passages, or of all."""
        with self.database.write() as connection:
            query = select(passages.c.id, passages.c.heading_path, passages.c.text, documents.c.title).join(
                documents, documents.c.id == passages.c.document_id
            )
            rows = [row for row in connection.execute(query) if ids is None or row.id in ids]
            for row in rows:
                text = indexed_text(row.title, json.loads(row.heading_path), row.text)
                packed, scale = quantise(embedder.embed([text])[0])
                connection.execute(delete(vectors).where(vectors.c.passage_id == row.id))
                connection.execute(
                    insert(vectors),
                    {"passage_id": row.id, "embedder": embedder.name, "scale": scale, "vector": packed},
                )
        return [row.id for row in rows]

    def pending(self) -> int:
        with self.database.read() as connection:
            return len(connection.execute(select(index_changes.c.id)).all())
