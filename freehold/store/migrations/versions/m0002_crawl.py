"""Crawls of whole sites, and sources that are read by themselves."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE sources ADD COLUMN options TEXT DEFAULT '{}' NOT NULL",
    "ALTER TABLE sources ADD COLUMN every_seconds INTEGER",
    "ALTER TABLE sources ADD COLUMN tried_at FLOAT",
    "ALTER TABLE sources ADD COLUMN failures INTEGER DEFAULT '0' NOT NULL",
    "ALTER TABLE sources ADD COLUMN changes TEXT",
    """CREATE TABLE crawls (
        source_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        running BOOLEAN NOT NULL,
        started_at FLOAT NOT NULL,
        notes TEXT DEFAULT '{}' NOT NULL,
        off_site TEXT DEFAULT '{}' NOT NULL,
        CONSTRAINT pk_crawls PRIMARY KEY (source_id),
        CONSTRAINT fk_crawls_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE crawl_pages (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        url TEXT NOT NULL,
        crawl INTEGER NOT NULL,
        state VARCHAR NOT NULL,
        asked BOOLEAN NOT NULL,
        depth INTEGER NOT NULL,
        hops INTEGER NOT NULL,
        steps INTEGER NOT NULL,
        found TEXT,
        target TEXT,
        text_hash VARCHAR,
        links BLOB,
        CONSTRAINT pk_crawl_pages PRIMARY KEY (id),
        CONSTRAINT uq_crawl_pages_source_id_url UNIQUE (source_id, url),
        CONSTRAINT fk_crawl_pages_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
    )""",
)


def upgrade() -> None:
    """Adds them."""
    for statement in STATEMENTS:
        op.execute(statement)
