"""Large files through the one door: what has arrived stays, whatever the host does."""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from freehold.egress import Egress
from freehold.errors import EgressDenied, FetchFailed, NoRoom, NotFound
from freehold.net import resume

BODY = bytes(range(256)) * 8192
"""2 MiB."""

Say = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def host(say: Say) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A real server whose every answer `say` writes; gives its address and the heads it was sent."""
    heads: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            heads.append({name.lower(): value for name, value in self.headers.items()})
            say(self)
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file", heads
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def part(handler: BaseHTTPRequestHandler, most: int | None = None, body: bytes = BODY) -> None:
    """Answers a range as it should be answered, and stops after `most` bytes."""
    start = int(handler.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body) - start))
    handler.end_headers()
    handler.wfile.write(body[start : None if most is None else start + most])


def get(url: str, path: Path, **more: object) -> list[float]:
    """Fetches; gives the seconds that were waited."""
    waits: list[float] = []
    port = int(url.rpartition(":")[2].partition("/")[0])
    egress = Egress(allowed_private=["127.0.0.1"]).with_named("127.0.0.1", port)
    resume(url, path, **({"size": len(BODY), "egress": egress, "sleep": waits.append} | more))  # type: ignore[arg-type]
    return waits


def test_cut_off_again_and_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", []
    with host(lambda handler: part(handler, 300_000)) as (url, heads):
        get(url, path, progress=seen.append)
    assert path.read_bytes() == BODY
    assert [head.get("range") for head in heads] == [
        None,
        *(f"bytes={at}-" for at in range(300_000, len(BODY), 300_000)),
    ]
    assert {head["accept-encoding"] for head in heads} == {"identity"}
    assert seen == sorted(seen)
    assert seen[-1] == len(BODY)


def test_what_was_there_before_is_not_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BODY[:1_000_000])
    with host(part) as (url, heads):
        get(url, path)
        get(url, path)
    assert [head["range"] for head in heads] == ["bytes=1000000-"]
    assert path.read_bytes() == BODY


def test_a_host_without_parts_gives_all_of_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1_000_000)

    def whole(handler: BaseHTTPRequestHandler) -> None:
        del handler.headers["Range"]
        part(handler)

    with host(whole) as (url, _):
        get(url, path)
    assert path.read_bytes() == BODY


def test_a_wrong_part_is_refused(tmp_path: Path) -> None:
    def other(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 5-{len(BODY) - 1}/{len(BODY)}")
        handler.send_header("Content-Length", "1")
        handler.end_headers()
        handler.wfile.write(b"x")

    path = tmp_path / "file"
    path.write_bytes(BODY[:10])
    with host(other) as (url, _), pytest.raises(FetchFailed, match="the part that it was asked for"):
        get(url, path)
    assert path.read_bytes() == BODY[:10]


@pytest.mark.parametrize("more", [1, 100_000])
def test_another_size_is_refused(tmp_path: Path, more: int) -> None:
    path = tmp_path / "file"
    with (
        host(lambda handler: part(handler, body=BODY + b"x" * more)) as (url, _),
        pytest.raises(FetchFailed, match="not the 2,097,152 it should have"),
    ):
        get(url, path)
    path.write_bytes(BODY + b"x")
    with pytest.raises(FetchFailed, match="they were dropped"):
        get("http://127.0.0.1:1/", path)
    assert not path.exists()


def test_a_busy_host_is_asked_again_when_it_wants(tmp_path: Path) -> None:
    answers = iter([503, 429, 500])

    def busy(handler: BaseHTTPRequestHandler) -> None:
        status = next(answers, 200)
        if status == 200:
            part(handler)
            return
        handler.send_response(status)
        if status == 429:
            handler.send_header("Retry-After", "7")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with host(busy) as (url, heads):
        waits = get(url, tmp_path / "file")
    assert len(heads) == 4
    assert waits == [1.0, 7, 4.0]


@pytest.mark.parametrize(
    ("status", "head", "error", "asked"),
    [
        (404, {}, NotFound, 1),
        (403, {}, FetchFailed, 1),
        (503, {}, FetchFailed, 6),
        (429, {"Retry-After": "3600"}, FetchFailed, 1),
    ],
)
def test_a_host_that_refuses_is_left_alone(
    tmp_path: Path, status: int, head: dict[str, str], error: type[Exception], asked: int
) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (head | {"Content-Length": "0"}).items():
            handler.send_header(name, value)
        handler.end_headers()

    with host(refuse) as (url, heads), pytest.raises(error, match=str(status)):
        get(url, tmp_path / "file")
    assert len(heads) == asked


def test_an_exception_from_progress_ends_it_and_keeps_what_arrived(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def enough(done: int) -> None:
        if done > 500_000:
            raise Enough

    path = tmp_path / "file"
    with host(part) as (url, _):
        with pytest.raises(Enough):
            get(url, path, progress=enough)
        kept = path.stat().st_size
        assert kept > 500_000
        get(url, path)
    assert path.read_bytes() == BODY


def test_whom_we_are_is_told_to_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BODY[:100])
    with host(part) as (store, heads):

        def send_on(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", store)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        port = int(store.rpartition(":")[2].partition("/")[0])
        egress = Egress([f"127.0.0.1:{port}"], ["127.0.0.1"])
        with host(send_on) as (url, asked):
            own = int(url.rpartition(":")[2].partition("/")[0])
            secret = {"Authorization": "Bearer secret"}
            get(url, path, headers=secret, egress=egress.with_named("127.0.0.1", own))
            path.unlink()
            with pytest.raises(EgressDenied):
                get(url, path, egress=Egress([f"127.0.0.1:{own}"], ["127.0.0.1"]))
    assert asked[0]["authorization"] == "Bearer secret"
    assert len(heads) == 1
    assert "authorization" not in heads[0]
    assert heads[0]["range"] == "bytes=100-"


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with host(part) as (url, _), pytest.raises(NoRoom, match="No space left"):
        get(url, tmp_path / "file")
