"""Signs of vectors beside them, so that a large index opens without reading the vectors."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE vectors ADD COLUMN signs BLOB")
    op.execute("CREATE INDEX ix_vectors_embedder_passage_id_signs ON vectors (embedder, passage_id, signs)")
