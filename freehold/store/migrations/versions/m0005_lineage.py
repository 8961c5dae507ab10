"""What kind a model is, what it was made from, under which licence; and memories of removed ancestors."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "ALTER TABLE models ADD COLUMN kind VARCHAR DEFAULT 'model' NOT NULL",
    "ALTER TABLE models ADD COLUMN parent_id VARCHAR",
    "ALTER TABLE models ADD COLUMN lineage TEXT DEFAULT '{}' NOT NULL",
    "ALTER TABLE models ADD COLUMN licence TEXT DEFAULT '{}' NOT NULL",
    "CREATE INDEX ix_models_parent_id ON models (parent_id)",
    """CREATE TABLE removed_models (
        id VARCHAR NOT NULL,
        name TEXT NOT NULL,
        format VARCHAR NOT NULL,
        size INTEGER NOT NULL,
        facts TEXT NOT NULL,
        created_at FLOAT NOT NULL,
        kind VARCHAR NOT NULL,
        parent_id VARCHAR,
        lineage TEXT NOT NULL,
        licence TEXT NOT NULL,
        removed_at FLOAT NOT NULL,
        CONSTRAINT pk_removed_models PRIMARY KEY (id)
    )""",
)


def upgrade() -> None:
    """Models that are there are whole ones of which nothing more is known."""
    for statement in STATEMENTS:
        op.execute(statement)
