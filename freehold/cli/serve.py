"""`up`, `down`, `status`: the server on the data folder."""

from __future__ import annotations

import contextlib
import json as jsonlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from freehold import __version__
from freehold.cli import doctor
from freehold.cli.client import ServerFile, connect, running
from freehold.cli.options import Json, Options, config_of
from freehold.cli.output import clean, note, say, say_fields, say_json, say_table, size, when
from freehold.errors import Conflict, NoRoom, Unavailable

if TYPE_CHECKING:  # costs start-up time that --help does not need
    from freehold.config import Config

READY_SECONDS = 120.0
"""How long `up --detach` waits; a long rebuild of the index after a crash is within it."""

STOP_SECONDS = 30.0
"""How long `down` waits for a server that was asked to stop."""

NO_ROOM_BYTES = 256 * 1024
"""With less free space than this, a start that failed is blamed on the disk: its log may be empty."""

LOG_BYTES = 10_000_000
"""Size at which `up --detach` puts server.log aside, once."""

Detach = Annotated[bool, typer.Option("--detach", help="Start in the background; wait until it answers.")]


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command("doctor")(doctor.examine)


def up(
    ctx: typer.Context,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Serve the demo assistant.")] = True,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    ] = None,
    detach: Detach = False,
    ready_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start the server: the page, the widget and the interfaces."""
    config = config_of(ctx, host=host, port=port, demo=None if demo else False)
    if detach:
        start_in_background(ctx, config, host=host, port=port, demo=demo)
        return
    from freehold.serving import serve

    def on_ready(url: str, admin_key: str | None) -> None:
        if ready_fd is None:
            say(f"Freehold answers at {url}")
            say_key(admin_key)
            note_exposure(config)
            say("Stop it with Ctrl-C")
        else:
            with os.fdopen(ready_fd, "w") as parent:
                jsonlib.dump({"url": url, "admin_key": admin_key}, parent)

    serve(config, on_ready=on_ready)


def start_in_background(
    context: typer.Context, config: Config, *, host: str | None, port: int | None, demo: bool
) -> None:
    """Starts `up` in a session of its own and waits until it says that it is ready.

    Raises:
        Conflict: a server runs on the folder already, at another address than the one asked for.
        Unavailable: it ended, or was not ready in time; the log's end has been shown.
    """
    found = running(config)
    if found is not None:
        server, client = found
        client.close()
        if (host and host != server.host) or (port and port != server.port):
            raise Conflict(
                f"Freehold is already running at {server.url}.", hint="Stop it with `freehold down` first."
            )
        say(f"Freehold is already running at {server.url}")
        if server.version != __version__:
            note(f"It is version {server.version}; stop it and start it again to run {__version__}.")
        say(f"Stop it with: {typed(context)} down")
        return
    log = config.home / "server.log"
    log_file = open_log(log)
    ready, child_end = os.pipe()
    command = [sys.executable, "-P", "-m", "freehold.cli"]  # -P: modules of the present folder are not ours
    options: Options = context.obj
    if options.home is not None:
        command += ["--home", str(config.home)]
    command += ["up", "--ready-fd", str(child_end)]
    command += ["--host", host] if host else []
    command += ["--port", str(port)] if port is not None else []
    command += [] if demo else ["--no-demo"]
    with os.fdopen(ready, "rb") as reader:
        with log_file as output:
            start = output.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(child_end,),
                start_new_session=True,
            )
        os.close(child_end)
        said = None
        try:
            said = read_until(reader.fileno(), time.monotonic() + READY_SECONDS)
        finally:
            if said is None:  # too slow, or Ctrl-C: nothing stays behind unannounced
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
    if not said:
        why = "was not ready in time" if said is None else "could not start"
        note(tail(log, start))
        if shutil.disk_usage(config.home).free < NO_ROOM_BYTES:
            raise NoRoom(
                f"Freehold {why}: the disk is full.", hint=f"Free space on the disk of {config.home}."
            )
        raise Unavailable(f"Freehold {why}.", hint=f"The whole log is {log}.")
    announced = jsonlib.loads(said)
    say(f"Freehold answers at {announced['url']}")
    say_key(announced["admin_key"])
    note_exposure(config)
    say(f'Ask there, or here: {typed(context)} ask "How do I add documents?"')
    say(f"Stop it with: {typed(context)} down")


def open_log(log: Path) -> BinaryIO:
    """The log to append to, in its folder, which is made where it is missing.

    Raises:
        Unavailable: the folder cannot be made or written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        rotate(log)
        return open(log, "ab", opener=private)
    except OSError as error:
        raise Unavailable(
            f"The data folder {log.parent} cannot be used: {error.strerror}.",
            hint="Name another with --home or FREEHOLD_HOME.",
        ) from None


def private(path: str, flags: int) -> int:
    """Opens a file that, if it is made by this, only its user may read."""
    return os.open(path, flags, 0o600)


def read_until(descriptor: int, deadline: float) -> bytes | None:
    """All that the other end writes until it closes; None when the deadline passes first."""
    import select

    said = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        piece = os.read(descriptor, 65536)
        if not piece:
            return said
        said += piece


def rotate(log: Path) -> None:
    """Puts a log that has grown large aside; the one put aside before goes."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def tail(log: Path, start: int, lines: int = 20) -> str:
    """The end of what was logged since `start`."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read()[-20_000:].decode("utf-8", "replace")
    return "\n".join(clean(text).splitlines()[-lines:])


def say_key(admin_key: str | None) -> None:
    """The admin key, at the start that made it."""
    if admin_key:
        say(f"Admin key, shown this once: {admin_key}")


def note_exposure(config: Config) -> None:
    """Says so when others can reach it."""
    if config.host not in doctor.LOOPBACK:
        note(f"Other machines can reach it on {config.host}, without encryption: docs/guides/operations.md.")


def typed(context: typer.Context) -> str:
    """How to type this program's next command here: as it is found, with the same data folder."""
    program = "freehold"
    if shutil.which(program) is None:
        beside = Path(sys.executable).with_name(program)
        program = os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)
    options: Options = context.obj
    return program if options.home is None else f"{program} --home {shlex.quote(str(options.home))}"


def down(ctx: typer.Context) -> None:
    """Stop the server; harmless when none runs."""
    config = config_of(ctx)
    server = ServerFile.read(config.server_file)
    found = running(config)
    if found is not None:
        with contextlib.closing(found[1]) as client:
            client.post("/api/v1/stop")
    elif server is not None and is_ours(server, config):
        os.kill(server.pid, signal.SIGTERM)  # it hangs or is starting; SIGTERM still ends it in order
    else:
        config.server_file.unlink(missing_ok=True)
        say("Freehold is not running")
        return
    pid = found[0].pid if found is not None else server.pid if server is not None else 0
    if not ended(pid, STOP_SECONDS):
        raise Unavailable(
            f"Process {pid} has not ended within {STOP_SECONDS:.0f} seconds.",
            hint=f"`kill -9 {pid}` loses nothing that was acknowledged.",
        )
    say("Freehold has stopped")


def is_ours(server: ServerFile, config: Config) -> bool:
    """Whether the recorded process is a server on this folder, not a stranger with its number."""
    import psutil

    try:
        process = psutil.Process(server.pid)
        holder = (config.home / ".lock").read_text().strip()
        return holder == str(server.pid) and abs(process.create_time() - server.started_at) < 600
    except (psutil.Error, OSError):
        return False


def ended(pid: int, seconds: float) -> bool:
    """Waits for a process that need not be our child."""
    import psutil

    try:
        psutil.Process(pid).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def status(ctx: typer.Context, json: Json = False) -> None:
    """Show what runs, what has been read, how far vectors are."""
    with connect(config_of(ctx)) as client:
        found = {**client.get("/api/v1/status"), "running": not client.private}
        if client.private:
            found["address"] = None
    if json:
        say_json(found)
    else:
        show_status(found)


def show_status(status: dict[str, Any]) -> None:
    """For people."""
    vectors, model = status["vectors"], status["model"]
    words_alone = "words alone: there is no embedding model (`freehold setup` gets it)"
    say_fields(
        [
            ("freehold", status["version"]),
            ("data folder", status["home"]),
            ("address", status["address"] or "not running (`freehold up` starts it)"),
            *([("started", when(status["started_at"]))] if status["running"] else []),
            ("passages", f"{status['passages']:,}"),
            ("vectors", f"{vectors['done']:,} of {vectors['total']:,}"),
            ("search by", words_alone if status["search_mode"] == "words" else "words and meaning"),
            ("answers", f"written by {model['name']}, checked" if model else "quoted from the documents"),
            ("memory", size(status["memory_bytes"])),
        ]
    )
    say()
    say_table(
        ("ASSISTANT", "NAME", "SOURCES", "DOCUMENTS", "PASSAGES"),
        (
            (each["id"], each["name"], each["sources"], each["documents"], each["passages"])
            for each in status["assistants"]
        ),
    )
    for job in status["jobs"]:
        done, total = job["progress"]["done"], job["progress"]["total"]
        say(f"{job['kind']} {job['state']}{f': {done:,} of {total:,}' if total else ''}")
