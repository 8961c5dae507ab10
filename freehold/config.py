"""All settings. Read once at start: flag, environment (`FREEHOLD_…`), `freehold.toml`, default."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from freehold.errors import InvalidInput, Unavailable


def default_home() -> Path:
    """The data folder when neither flag nor environment names one."""
    return user_data_path("freehold", appauthor=False)


class Config(BaseSettings):
    """Frozen; made once by `load` and passed explicitly from there."""

    model_config = SettingsConfigDict(
        env_prefix="FREEHOLD_",
        env_ignore_empty=True,  # else a folder set to nothing is the one that the command is run in
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    home: Path = Field(default_factory=default_home)
    """The data folder: documents, conversations, models, keys. One server at a time uses it."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but a loopback address opens Freehold to the network."""

    port: int = Field(default=8642, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    admin_key: str | None = Field(default=None, min_length=16)
    """The first admin key. Without it one is made and printed once, at the first start."""

    allowed_hosts: tuple[str, ...] = ()
    """Host names under which the server may be addressed, besides loopback and `host`."""

    demo: bool = True
    """Serve the assistant `demo`, which knows Freehold's own documentation."""

    page_public: bool = False
    """Answer on the page at `/` to callers from other machines too."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose X-Forwarded-For is believed."""

    allowed_egress: tuple[str, ...] = ()
    """Hosts that may be connected to though no command named them; `host` or `*.domain`."""

    allowed_private: tuple[str, ...] = ()
    """Names (or addresses) that may resolve to private, loopback or link-local addresses."""

    embedding_model: Path | None = None
    """Folder of the embedding model; by default `models/all-minilm-l6-v2-int8` in the data folder."""

    reader: Literal["auto", "off"] = "auto"
    """Whether passages are read for the answer by the reader, once `freehold setup` has got it.

    It tells better which sentence answers and when none does, for some 0.3 s of processor time a question
    (docs/benchmarks.md).
    """

    reader_model: Path | None = None
    """Folder of the reader; by default `models/reader-minilm-l12-int8` in the data folder."""

    embedder_threads: int = Field(default=1, ge=1, le=64)
    """Threads that embed a question."""

    refuse_below: float | None = Field(default=None, ge=0.0, le=1.0)
    """Confidence under which an answer is refused; by default the calibrated one (docs/benchmarks.md)."""

    show_above: float | None = Field(default=None, ge=0.0, le=1.0)
    """Score from which a generated sentence is shown; by default the calibrated one, 0.42, without the reader
    0.53.

    There 95% of supported and 6% of unsupported edited sentences are shown, and 50% and 1% of those that
    small models wrote; without the reader 93%, 10%, 53% and 4% (docs/benchmarks.md, which has the curves).
    """

    passages_per_answer: int = Field(default=5, ge=1, le=50)
    """Passages that an answer is composed from."""

    answer_memory: int = Field(default=2_000, ge=0, le=100_000)
    """Answers of each assistant that are kept, to be given again to the same question; 0 keeps none."""

    max_question_chars: int = Field(default=8_000, ge=100)
    """Longest question taken, in characters."""

    answers_at_once: int = Field(default=32, ge=1)
    """Answers worked on at the same time."""

    answers_waiting: int = Field(default=64, ge=0)
    """Answers that may wait for a place; beyond it callers get 503 and Retry-After."""

    visitor_messages_per_minute: int = Field(default=20, ge=1)
    """Messages a visitor may send in a minute; beyond it 429 and Retry-After."""

    address_messages_per_minute: int = Field(default=120, ge=1)
    """Messages that may come from one network address in a minute."""

    sync_every: str = "off"
    """How often sources are read again by themselves: `30m`, `6h`, `1d`, `2w` or `off`; each can differ."""

    max_upload_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Largest file taken by upload, in bytes."""

    max_document_bytes: int = Field(default=64 * 2**20, ge=1024)
    """Largest file read from a folder or fetched, in bytes; larger ones are reported."""

    parser_seconds: int = Field(default=60, ge=1)
    """Processor time one document's parsing may take, in seconds."""

    parser_memory_bytes: int = Field(default=1024 * 2**20, ge=128 * 2**20)
    """Memory one document's parsing may take, in bytes."""

    engine_threads: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    """Threads the generating model may use."""

    engine_context: int = Field(default=8192, ge=512)
    """Context of the generating model, in tokens, shared by its slots; capped by the model's own."""

    engine_slots: int = Field(default=4, ge=1, le=256)
    """Answers the generating model works on at the same time."""

    engine_queue: int = Field(default=32, ge=0)
    """Requests that may wait for the generating model."""

    engine_binding: Literal["auto", "own", "server"] = "auto"
    """What runs a model in its process: `own`, Freehold's binding of llama.cpp; `server`, the one in the
    xllamacpp wheel, without live adapters; `auto`, our own where it knows the build of llama.cpp."""

    max_answer_tokens: int = Field(default=512, ge=16)
    """Longest generated answer, in tokens."""

    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """What is written to the log: debug, info, warning or error."""

    @property
    def database(self) -> Path:
        return self.home / "freehold.db"

    @property
    def index(self) -> Path:
        return self.home / "index"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def files(self) -> Path:
        return self.home / "files"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def server_file(self) -> Path:
        return self.home / "server.json"

    @property
    def router(self) -> Path:
        """The file of the router in service; there is none until `freehold route use`."""
        return self.models / "router.safetensors"

    @property
    def embedder_folder(self) -> Path:
        return self.embedding_model or self.models / "all-minilm-l6-v2-int8"

    @property
    def reader_folder(self) -> Path:
        return self.reader_model or self.models / "reader-minilm-l12-int8"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = {**env_settings(), **init_settings()}
        home = Path(given.get("home") or default_home())
        toml = TomlConfigSettingsSource(settings_cls, toml_file=home / "freehold.toml")
        return (init_settings, env_settings, toml)


def load(**flags: Any) -> Config:
    """Reads the settings; `flags` left None count as not given.

    Raises:
        InvalidInput: a setting is misspelt or has a value it cannot have; the message names it.
        Unavailable: DATABASE_URL asks for a database that is not served.
    """
    try:
        config = Config(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, Config.model_fields, n=1)
            raise InvalidInput(
                f"There is no setting {name}." + (f" Did you mean {near[0]}?" if near else ""),
                hint="docs/reference/settings.md lists every setting.",
            ) from None
        raise InvalidInput(
            f"Setting {name}: {first['msg']}.",
            hint="docs/reference/settings.md lists every setting, its default and what it does.",
        ) from None
    except (SettingsError, ValueError) as error:  # ValueError: freehold.toml is not TOML
        raise InvalidInput(f"The settings cannot be read: {error}.", hint="Look at freehold.toml.") from None
    if url := os.environ.get("DATABASE_URL"):
        raise Unavailable(
            f"DATABASE_URL names a {url.partition(':')[0]} database; only the SQLite file in the data folder"
            " is served yet.",
            hint="Unset DATABASE_URL.",
        )
    named = {name: getattr(config, name) for name in ("home", "embedding_model", "reader_model")}
    return config.model_copy(
        update={name: path.expanduser().absolute() for name, path in named.items() if path is not None}
    )
