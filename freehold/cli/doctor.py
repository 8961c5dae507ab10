"""`doctor`: looks for what would keep Freehold from working, and says what to do about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import typer

from freehold.cli.client import ServerFile, running
from freehold.cli.options import Json, config_of
from freehold.cli.output import line, say, say_json, size
from freehold.errors import FreeholdError, Unavailable

if TYPE_CHECKING:  # costs start-up time that --help does not need
    from pathlib import Path

    from freehold.config import Config
    from freehold.engines.embedder import OnnxEmbedder
    from freehold.engines.reader import OnnxReader

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that only this machine can reach."""

LITTLE_ROOM = 1_000_000_000
"""Free bytes below which a disk is said to be filling up."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    state: Literal["ok", "note", "bad"]
    """`note` limits what Freehold can do, `bad` keeps it from working."""
    text: str
    hint: str | None = None


def examine(ctx: typer.Context, json: Json = False) -> None:
    """Look for what keeps Freehold from working. The exit status is 1 when something does."""
    config = config_of(ctx)
    findings = [finding for check in CHECKS for finding in check(config)]
    if json:
        say_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": "ok  ", "note": "note", "bad": "BAD "}
        for finding in findings:
            say(f"{marks[finding.state]}  {finding.name}: {line(finding.text)}")
            if finding.hint:
                say(f"      {line(finding.hint)}")
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)


def python(_config: Config) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "ok" if sys.version_info >= (3, 11) else "bad", version)


def sqlite(_config: Config) -> Iterator[Finding]:
    from freehold.store.database import WAL_SAFE, sqlite_module

    module = sqlite_module()
    if module.sqlite_version_info >= WAL_SAFE:
        yield Finding("SQLite", "ok", f"{module.sqlite_version}, write-ahead log")
    else:
        yield Finding(
            "SQLite",
            "note",
            f"{module.sqlite_version} can damage its write-ahead log; a slower journal is used",
            "Install the pysqlite3 wheel.",
        )


def packages(_config: Config) -> Iterator[Finding]:
    from importlib import import_module
    from importlib.metadata import version

    from freehold.models.onnx_runtime import silence

    silence()
    for module, package, needed_for in (
        ("tantivy", "tantivy", "search"),
        ("onnxruntime", "onnxruntime", "vectors"),
        ("pypdfium2", "pypdfium2", "reading PDF"),
        ("xllamacpp", "xllamacpp", "generating models"),
    ):
        try:
            import_module(module)
            yield Finding(package, "ok", version(package))
        except Exception as error:
            reason = f"cannot be loaded, so there is no {needed_for}: {error}"
            yield Finding(package, "bad", reason, "`make setup` installs it again.")


def home(config: Config) -> Iterator[Finding]:
    where = config.home
    existing = next(folder for folder in (where, *where.parents) if folder.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding("data folder", "bad", f"{where} cannot be written", "Name another with --home.")
        return
    if where.exists() and where.stat().st_mode & 0o077:
        yield Finding(
            "data folder", "note", f"{where} can be read by other users of this machine", f"chmod 700 {where}"
        )
    else:
        yield Finding("data folder", "ok", str(where))
    free = shutil.disk_usage(existing).free
    state: Literal["ok", "note"] = "ok" if free > LITTLE_ROOM else "note"
    yield Finding("disk", state, f"{size(free)} free", None if state == "ok" else "Free some space.")


def database(config: Config) -> Iterator[Finding]:
    if not config.database.exists():
        yield Finding("database", "ok", "not made yet; the first `freehold up` does")
        return
    from sqlalchemy import text

    from freehold.store.database import Database

    opened = Database(config.database)
    try:
        with opened.read() as connection:
            said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
    except FreeholdError as error:
        yield Finding("database", "bad", error.message, error.hint)
    else:
        if said == "ok":
            yield Finding("database", "ok", f"sound, {size(config.database.stat().st_size)}")
        else:
            yield Finding("database", "bad", f"damaged: {said}", "Put a copy from your backup in its place.")
    finally:
        opened.close()


def embedding_model(config: Config) -> Iterator[Finding]:
    from freehold.engines.embedder import OnnxEmbedder
    from freehold.models.minilm import identity

    expected = None if config.embedding_model else identity()
    yield _small_model(
        "embedding model", OnnxEmbedder, config.embedder_folder, expected, "search runs on words alone"
    )


def reader(config: Config) -> Iterator[Finding]:
    from freehold.engines.reader import OnnxReader
    from freehold.models.reader import identity

    if config.reader == "off":
        yield Finding("reader", "note", "switched off (setting `reader`)")
        return
    expected = None if config.reader_model else identity()
    yield _small_model(
        "reader", OnnxReader, config.reader_folder, expected, "answers are chosen without it, less well"
    )


def _small_model(
    name: str,
    kind: type[OnnxEmbedder | OnnxReader],
    folder: Path,
    expected: str | None,
    without: str,
) -> Finding:
    """Looked at as the server does, which refuses one that is damaged; `expected` is what setup makes, None
    for one of somebody's own."""
    try:
        model = kind(folder)
        model.verify()
    except Unavailable:
        return Finding(name, "note", f"none: {without}", "`freehold setup` gets it.")
    except FreeholdError as error:
        return Finding(name, "bad", error.message, error.hint)
    if expected is not None and model.name != expected:
        return Finding(
            name, "note", f"{folder} is of another version of Freehold", "`freehold setup` gets this one's."
        )
    return Finding(name, "ok", str(folder))


def endpoints(config: Config) -> Iterator[Finding]:
    """Remote models; keys are looked for in this command's environment, which may not be the server's."""
    if not config.database.exists():
        return
    from json import loads

    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from freehold.models.endpoint import Endpoint
    from freehold.store.database import Database

    opened = Database(config.database)
    try:
        with opened.read() as connection:
            rows = connection.execute(text("SELECT name, facts FROM models WHERE format = 'openai'")).all()
        found = {row.name: Endpoint.from_json(loads(row.facts)) for row in rows}
    except (FreeholdError, SQLAlchemyError):
        return  # what is wrong with the database is said where it is looked at
    finally:
        opened.close()
    for name, endpoint in found.items():
        where = f"{endpoint.model} at {endpoint.host}:{endpoint.port}"
        variable = endpoint.key_variable
        if variable is not None and not os.environ.get(variable):
            lacking = f"{where}; {variable} holds no key here"
            yield Finding(f"endpoint {name}", "note", lacking, "Set it where the server is started.")
        else:
            yield Finding(f"endpoint {name}", "ok", where)


def server(config: Config) -> Iterator[Finding]:
    found = running(config)
    if found is not None:
        with contextlib.closing(found[1]):
            yield Finding("server", "ok", f"answers at {found[0].url}, process {found[0].pid}")
        return
    recorded = ServerFile.read(config.server_file)
    from freehold.store.lock import HomeLock

    if config.home.exists():
        try:
            with HomeLock(config.home):
                pass
        except FreeholdError as error:
            yield Finding("server", "bad", f"{error.message.rstrip('.')}, and it does not answer", error.hint)
            return
    if recorded is not None:
        yield Finding("server", "ok", "not running; the last one ended without saying so, nothing is lost")
    else:
        yield Finding("server", "ok", "not running")
    yield port(config)


def port(config: Config) -> Finding:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((config.host, config.port))
        except OSError as error:
            reason = f"{config.host} port {config.port} cannot be listened on: {error.strerror}"
            return Finding("port", "bad", reason, "Choose another by --port or FREEHOLD_PORT.")
    return Finding("port", "ok", f"{config.host} port {config.port} is free")


def network(config: Config) -> Iterator[Finding]:
    allowed = ", ".join((*config.allowed_egress, *config.allowed_private))
    denied = "nothing but the hosts of web sources and endpoints that you add"
    yield Finding("outbound", "ok", f"{denied}; settings also allow {allowed}" if allowed else denied)
    if config.host not in LOOPBACK:
        yield Finding(
            "network",
            "note",
            f"listens on {config.host}: other machines can reach it, without encryption",
            "Put a reverse proxy with TLS before it: docs/guides/operations.md.",
        )


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    python,
    sqlite,
    packages,
    home,
    database,
    embedding_model,
    reader,
    endpoints,
    server,
    network,
)
