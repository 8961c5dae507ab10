"""Certificates are checked against the name that was asked for."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from net_server import Server, get, home, says

from freehold import net
from freehold.errors import FetchFailed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for docs.test, and its key, signed by nobody."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=docs.test"
    made = subprocess.run(
        [*command.split(), "-addext", "subjectAltName=DNS:docs.test", "-keyout", path, "-out", f"{path}.crt"],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no openssl command to make a certificate with")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_of_nobody_is_refused(serve: Callable[..., Server], certificate: Path) -> None:
    server = serve(says("200 OK", "", b"secret"), tls(certificate))
    with pytest.raises(FetchFailed, match="not to be trusted"):
        get(f"https://docs.test:{server.port}/", home(server))
    assert server.requests == []


def test_a_certificate_is_checked_against_the_name_not_the_address(
    serve: Callable[..., Server], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(net.request, "trusted", lambda: trusting)
    server = serve(says("200 OK", "", b"secret"), tls(certificate))
    assert get(f"https://docs.test:{server.port}/", home(server)).body == b"secret"
    with pytest.raises(FetchFailed, match="not to be trusted"):
        get(f"https://other.test:{server.port}/", home(server, "other.test"))


def test_no_tls_where_it_should_be_is_said(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK"))
    server._answer = lambda _, connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
    with pytest.raises(FetchFailed):
        get(f"https://docs.test:{server.port}/", home(server), deadline_seconds=1)
