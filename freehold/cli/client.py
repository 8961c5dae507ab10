"""The way to the server: the one that runs on the data folder, or a private one for this command.

There is one code path: a command always speaks HTTP. With no server running, the command takes the
folder's lock itself and serves the folder to itself, on a loopback port, until it is done.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.errors import FreeholdError, HomeInUse, Unavailable

if TYPE_CHECKING:  # both cost start-up time that --help does not need
    import httpx

    from freehold.config import Config

STARTING_SECONDS = 15.0
"""How long a command waits for a server that holds the folder but does not answer yet."""


@dataclass(frozen=True, slots=True)
class ServerFile:
    """What a running server says of itself in `server.json`."""

    pid: int
    host: str
    port: int
    url: str
    token: str
    version: str
    started_at: float

    @classmethod
    def read(cls, path: Path) -> ServerFile | None:
        """None when there is none, or it cannot be one (half a file after a crash)."""
        try:
            values = json.loads(path.read_text())
            return cls(
                int(values["pid"]),
                str(values["host"]),
                int(values["port"]),
                str(values["url"]),
                str(values["token"]),
                str(values.get("version", "")),
                float(values.get("started_at", 0)),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def alive(self) -> bool:
        """Whether a process with its number runs; it need not be the server."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class Client:
    """Speaks to one server; raises what it answered as our own errors."""

    def __init__(self, url: str, token: str, *, private: bool = False) -> None:
        import httpx

        self.url = url
        self.private = private
        """Whether the server ends with this command."""
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(60.0, connect=5.0),
            trust_env=False,  # a proxy has no business between a command and its own machine
        )

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer's JSON; None when it has none.

        Raises:
            FreeholdError: what the server answered, as the class its code names.
            Unavailable: the server went away.
        """
        with unreachable():
            response = self._http.request(method, path, **arguments)
        check(response)
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, params={name: v for name, v in query.items() if v is not None})

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.request("POST", path, json=body or {})

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self.request("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def save(self, path: str, file: Path) -> None:
        """Writes what is at a path of the server into a file, whole or not at all.

        Raises:
            FreeholdError: what the server answered.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.new")
        with unreachable(), self._http.stream("GET", path) as response:
            if response.status_code >= 400:
                response.read()
            check(response)
            with fresh.open("wb") as kept:
                for data in response.iter_bytes():
                    kept.write(data)
        fresh.replace(file)

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The data of each event, until the stream ends. Closing the iterator closes the connection.

        Raises:
            FreeholdError: what the server answered, or sent as an error event.
        """
        with unreachable(), self._http.stream("POST", path, json=body) as response:
            if response.status_code >= 400:
                response.read()
            check(response)
            for text in response.iter_lines():
                if not text.startswith("data:"):
                    continue
                data = text.removeprefix("data:").strip()
                if data == "[DONE]":
                    return
                value = json.loads(data)
                if "error" in value:
                    raise error_from(value, 500)
                yield value

    def answers(self) -> bool:
        """Whether a server that knows our token is there."""
        import httpx

        try:
            return self._http.get("/v1/models", timeout=3.0).status_code == 200
        except (httpx.HTTPError, OSError):
            return False

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def unreachable() -> Iterator[None]:
    """Turns a broken connection into an error of ours."""
    import httpx

    try:
        yield
    except httpx.TimeoutException:
        raise Unavailable(
            "The server did not answer in time.", hint="`freehold status` looks at it."
        ) from None
    except httpx.TransportError as error:
        raise Unavailable(
            f"The connection to the server broke: {error or type(error).__name__}.",
            hint="`freehold up --detach` starts it again.",
        ) from None


def check(response: httpx.Response) -> None:
    """Raises what an error response says."""
    if response.status_code < 400:
        return
    try:
        value = response.json()
    except ValueError:
        value = {}
    raise error_from(value, response.status_code)


def error_from(value: object, status: int) -> FreeholdError:
    """The error that `{"error": {code, message, hint}}` stands for."""
    fields = value.get("error") if isinstance(value, dict) else None
    if not isinstance(fields, dict):
        return Unavailable(
            f"The server answered with status {status}.", hint="`freehold doctor` looks for why."
        )
    found = FreeholdError(str(fields.get("message") or fields.get("code")), hint=fields.get("hint"))
    found.code = str(fields.get("code"))
    kind = next((kind for kind in kinds(FreeholdError) if kind.code == found.code), None)
    return kind(found.message, hint=found.hint) if kind else found


def kinds(kind: type[FreeholdError]) -> Iterator[type[FreeholdError]]:
    """`kind` and everything below it in the tree of errors."""
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


def running(config: Config) -> tuple[ServerFile, Client] | None:
    """The server on this folder, when it answers. The caller closes the client."""
    server = ServerFile.read(config.server_file)
    if server is None or not server.alive():
        return None
    client = Client(server.url, server.token)
    if client.answers():
        return server, client
    client.close()
    return None


@contextlib.contextmanager
def connect(config: Config) -> Iterator[Client]:
    """A client of the server on this folder, or of a private one that ends with the block.

    Raises:
        HomeInUse: another process holds the folder and does not answer.
    """
    found = running(config)
    if found is not None:
        with contextlib.closing(found[1]) as client:
            yield client
        return
    from freehold.serving import private

    deadline = time.monotonic() + STARTING_SECONDS
    with contextlib.ExitStack() as stack:
        while True:
            try:
                url, token = stack.enter_context(private(config))
                client = stack.enter_context(contextlib.closing(Client(url, token, private=True)))
                break
            except HomeInUse as error:  # a server that is starting, or another command at work
                found = running(config)
                if found is not None:
                    client = stack.enter_context(contextlib.closing(found[1]))
                    break
                if time.monotonic() >= deadline:
                    raise HomeInUse(
                        f"{error.message.rstrip('.')}, and it does not answer.",
                        hint="Wait for it to finish, or end that process; `freehold doctor` says more.",
                    ) from None
                time.sleep(0.2)
        yield client
