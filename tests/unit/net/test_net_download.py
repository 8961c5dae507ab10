"""A file that is fetched is there whole and right, or not at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from net_server import LOOPBACK, Server, at, home, says

from freehold.errors import FetchFailed, TooLarge
from freehold.net import download


def test_a_download_is_there_whole_or_not_at_all(serve: Callable[..., Server], tmp_path: Path) -> None:
    body = bytes(range(256)) * 4_000
    server = serve(says("200 OK", "", body))
    path, told = tmp_path / "model.bin", []

    def have(sha256: str, max_bytes: int = 2_000_000) -> None:
        download(
            at(server),
            path,
            sha256=sha256,
            egress=home(server),
            max_bytes=max_bytes,
            progress=lambda done, total: told.append((done, total)),
            resolve=LOOPBACK,
        )

    with pytest.raises(FetchFailed, match="SHA-256"):
        have("0" * 64)
    with pytest.raises(TooLarge):
        have(hashlib.sha256(body).hexdigest(), max_bytes=1000)
    assert list(tmp_path.iterdir()) == []
    have(hashlib.sha256(body).hexdigest().upper())
    assert path.read_bytes() == body
    assert told[-1] == (len(body), len(body))
    assert list(tmp_path.iterdir()) == [path]


def test_a_download_that_breaks_off_leaves_what_was_there(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"before")
    server = serve(
        lambda _, connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
    )
    with pytest.raises(FetchFailed):
        download(at(server), path, sha256="0" * 64, egress=home(server), max_bytes=999, resolve=LOOPBACK)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"before"]
