"""The first schema."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """CREATE TABLE assistants (
        id VARCHAR NOT NULL,
        name TEXT NOT NULL,
        greeting TEXT DEFAULT '' NOT NULL,
        instructions TEXT DEFAULT '' NOT NULL,
        allowed_origins TEXT DEFAULT '[]' NOT NULL,
        accent VARCHAR,
        public_token VARCHAR NOT NULL,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_assistants PRIMARY KEY (id),
        CONSTRAINT uq_assistants_public_token UNIQUE (public_token)
    )""",
    """CREATE TABLE index_changes (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        passage_id INTEGER NOT NULL,
        removed BOOLEAN NOT NULL
    )""",
    """CREATE TABLE jobs (
        id VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        payload TEXT NOT NULL,
        state VARCHAR NOT NULL,
        progress TEXT DEFAULT '{}' NOT NULL,
        result TEXT,
        error TEXT,
        attempts INTEGER DEFAULT '0' NOT NULL,
        created_at FLOAT NOT NULL,
        updated_at FLOAT NOT NULL,
        CONSTRAINT pk_jobs PRIMARY KEY (id)
    )""",
    "CREATE INDEX ix_jobs_state_created_at ON jobs (state, created_at)",
    """CREATE TABLE keys (
        id VARCHAR NOT NULL,
        name TEXT NOT NULL,
        scope VARCHAR NOT NULL,
        key_hash VARCHAR NOT NULL,
        created_at FLOAT NOT NULL,
        last_used_at FLOAT,
        CONSTRAINT pk_keys PRIMARY KEY (id),
        CONSTRAINT uq_keys_key_hash UNIQUE (key_hash)
    )""",
    """CREATE TABLE models (
        id VARCHAR NOT NULL,
        name TEXT NOT NULL,
        format VARCHAR NOT NULL,
        size INTEGER NOT NULL,
        facts TEXT NOT NULL,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_models PRIMARY KEY (id),
        CONSTRAINT uq_models_name UNIQUE (name)
    )""",
    """CREATE TABLE traces (
        id VARCHAR NOT NULL,
        assistant_id VARCHAR NOT NULL,
        model_id VARCHAR,
        question TEXT NOT NULL,
        outcome VARCHAR NOT NULL,
        body TEXT NOT NULL,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_traces PRIMARY KEY (id)
    )""",
    "CREATE INDEX ix_traces_created_at ON traces (created_at)",
    """CREATE TABLE active_models (
        task VARCHAR NOT NULL,
        model_id VARCHAR NOT NULL,
        activated_at FLOAT NOT NULL,
        CONSTRAINT pk_active_models PRIMARY KEY (task),
        CONSTRAINT fk_active_models_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
    )""",
    """CREATE TABLE sources (
        id INTEGER NOT NULL,
        assistant_id VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        location TEXT NOT NULL,
        title TEXT NOT NULL,
        state VARCHAR NOT NULL,
        error TEXT,
        created_at FLOAT NOT NULL,
        synced_at FLOAT,
        CONSTRAINT pk_sources PRIMARY KEY (id),
        CONSTRAINT uq_sources_assistant_id_location UNIQUE (assistant_id, location),
        CONSTRAINT fk_sources_assistant_id_assistants FOREIGN KEY(assistant_id) REFERENCES assistants (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE visitors (
        id VARCHAR NOT NULL,
        assistant_id VARCHAR NOT NULL,
        token_hash VARCHAR NOT NULL,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_visitors PRIMARY KEY (id),
        CONSTRAINT fk_visitors_assistant_id_assistants FOREIGN KEY(assistant_id) REFERENCES assistants (id) ON DELETE CASCADE,
        CONSTRAINT uq_visitors_token_hash UNIQUE (token_hash)
    )""",
    """CREATE TABLE conversations (
        id VARCHAR NOT NULL,
        assistant_id VARCHAR NOT NULL,
        visitor_id VARCHAR NOT NULL,
        status VARCHAR NOT NULL,
        created_at FLOAT NOT NULL,
        updated_at FLOAT NOT NULL,
        CONSTRAINT pk_conversations PRIMARY KEY (id),
        CONSTRAINT fk_conversations_assistant_id_assistants FOREIGN KEY(assistant_id) REFERENCES assistants (id) ON DELETE CASCADE,
        CONSTRAINT fk_conversations_visitor_id_visitors FOREIGN KEY(visitor_id) REFERENCES visitors (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_conversations_visitor_id ON conversations (visitor_id)",
    """CREATE TABLE documents (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        location TEXT NOT NULL,
        title TEXT DEFAULT '' NOT NULL,
        content_hash VARCHAR NOT NULL,
        size INTEGER NOT NULL,
        modified_ns INTEGER,
        etag TEXT,
        text TEXT DEFAULT '' NOT NULL,
        error TEXT,
        error_code VARCHAR,
        synced_at FLOAT NOT NULL,
        CONSTRAINT pk_documents PRIMARY KEY (id),
        CONSTRAINT uq_documents_source_id_location UNIQUE (source_id, location),
        CONSTRAINT fk_documents_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE messages (
        id VARCHAR NOT NULL,
        conversation_id VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        text TEXT NOT NULL,
        claims TEXT DEFAULT '[]' NOT NULL,
        citations TEXT DEFAULT '[]' NOT NULL,
        outcome VARCHAR,
        trace_id VARCHAR,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_messages PRIMARY KEY (id),
        CONSTRAINT fk_messages_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_messages_conversation_id_created_at ON messages (conversation_id, created_at)",
    """CREATE TABLE passages (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        document_id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        heading_path TEXT NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL,
        text TEXT NOT NULL,
        text_hash VARCHAR NOT NULL,
        CONSTRAINT fk_passages_document_id_documents FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE,
        CONSTRAINT fk_passages_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
    )""",
    "CREATE INDEX ix_passages_document_id ON passages (document_id)",
    "CREATE INDEX ix_passages_source_id ON passages (source_id)",
    """CREATE TABLE feedback (
        message_id VARCHAR NOT NULL,
        rating VARCHAR NOT NULL,
        comment TEXT,
        created_at FLOAT NOT NULL,
        CONSTRAINT pk_feedback PRIMARY KEY (message_id),
        CONSTRAINT fk_feedback_message_id_messages FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
    )""",
    """CREATE TABLE vectors (
        passage_id INTEGER NOT NULL,
        embedder VARCHAR NOT NULL,
        scale FLOAT NOT NULL,
        vector BLOB NOT NULL,
        CONSTRAINT pk_vectors PRIMARY KEY (passage_id),
        CONSTRAINT fk_vectors_passage_id_passages FOREIGN KEY(passage_id) REFERENCES passages (id) ON DELETE CASCADE
    )""",
)


def upgrade() -> None:
    """Creates every table."""
    for statement in TABLES:
        op.execute(statement)
