"""Answers kept to be given again, and the versions of sources that they rest on."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """CREATE TABLE source_versions (
        source_id INTEGER NOT NULL,
        version INTEGER NOT NULL,
        CONSTRAINT pk_source_versions PRIMARY KEY (source_id),
        CONSTRAINT fk_source_versions_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE answer_memory (
        id INTEGER NOT NULL,
        assistant_id VARCHAR NOT NULL,
        trace_id VARCHAR NOT NULL,
        basis VARCHAR NOT NULL,
        question TEXT NOT NULL,
        exact VARCHAR NOT NULL,
        frame VARCHAR NOT NULL,
        meaning VARCHAR NOT NULL,
        body TEXT NOT NULL,
        used_at FLOAT NOT NULL,
        CONSTRAINT pk_answer_memory PRIMARY KEY (id),
        CONSTRAINT fk_answer_memory_assistant_id_assistants FOREIGN KEY(assistant_id) REFERENCES assistants (id) ON DELETE CASCADE,
        CONSTRAINT fk_answer_memory_trace_id_traces FOREIGN KEY(trace_id) REFERENCES traces (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_answer_memory_assistant_id_exact ON answer_memory (assistant_id, exact)",
    "CREATE INDEX ix_answer_memory_assistant_id_frame ON answer_memory (assistant_id, frame)",
    "CREATE INDEX ix_answer_memory_assistant_id_meaning ON answer_memory (assistant_id, meaning)",
    "CREATE INDEX ix_answer_memory_trace_id ON answer_memory (trace_id)",
)


def upgrade() -> None:
    """Creates both tables."""
    for statement in STATEMENTS:
        op.execute(statement)
