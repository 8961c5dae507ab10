"""Who may be asked: what is refused before anything is sent, and what a name may mean."""

import ipaddress
import socket
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_server import Server, at, get, home, names, says

from freehold import net
from freehold.egress import Egress, is_public
from freehold.errors import EgressDenied, FetchFailed, InvalidInput
from freehold.net import fetch


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.0x1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "http://[2606:4700::5efe:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25lo]/",
        "http://[fec0::1]/",
        "http://[fc00::1]/",
        "http://[ff02::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
    ],
)
def test_addresses_that_are_not_public_are_refused_in_every_form(url: str) -> None:
    host = url.removeprefix("http://").partition("/")[0]
    egress = Egress([host, host.strip("[]").removesuffix("."), "0x7f.1", "*.1"])
    with pytest.raises((EgressDenied, InvalidInput)):
        fetch(url, egress=egress, max_bytes=10, deadline_seconds=2)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address: ipaddress.IPv4Address) -> None:
    for wrapped in (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        str(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)),
    ):
        assert is_public(ipaddress.ip_address(wrapped)) == is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "docs.test",
        "//docs.test/",
        "http://",
        "http:///path",
        "http://good@127.0.0.1/",
        "http://user:word@docs.test/",
        "http://docs.test:99999/",
        "http://docs.test:x/",
        "http://[::1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://docs.test\r\nX-Evil: 1/",
        "http://a\\@127.0.0.1/",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://docs.test/",
        "ftp://docs.test/",
        "javascript:alert(1)",
        "data:text/html,hello",
        "unix:///var/run/x.sock",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        get(url, Egress(["docs.test", "good", "a"], ["docs.test", "127.0.0.1"]))


def test_a_host_that_nothing_allows_is_refused_before_it_is_looked_up() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise AssertionError("looked up")

    with pytest.raises(EgressDenied, match="Nothing allows"):
        get("http://elsewhere.test/", Egress(["docs.test"]), resolve=resolve)


def test_allowing_private_addresses_does_not_allow_the_host() -> None:
    with pytest.raises(EgressDenied, match="Nothing allows"):
        get("http://docs.test/", Egress([], ["docs.test"]))


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("docs.test", "docs.test", 80, True),
        ("Docs.Test.", "docs.test", 443, True),
        ("docs.test", "docs.test", 8080, False),
        ("docs.test:8080", "docs.test", 8080, True),
        ("docs.test:8080", "docs.test", 80, False),
        ("docs.test", "evildocs.test", 80, False),
        ("docs.test", "docs.test.evil.test", 80, False),
        ("docs.test", "www.docs.test", 80, False),
        ("*.docs.test", "www.docs.test", 80, True),
        ("*.docs.test", "a.b.docs.test", 80, True),
        ("*.docs.test", "docs.test", 80, False),
        ("*.docs.test", "evildocs.test", 80, False),
        ("*.1", "10.0.0.1", 80, False),
        ("10.0.0.1", "10.0.0.1", 80, True),
        ("::1", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0:0::1", "::1", 80, True),
    ],
)
def test_entries_allow_what_they_say(entry: str, host: str, port: int, allowed: bool) -> None:
    assert Egress([entry]).permits(host, port) is allowed


def test_a_named_port_is_allowed_and_others_are_not(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server), home(server)).body == b"yes"
    with pytest.raises(EgressDenied):
        get(at(server), Egress(["docs.test"], ["docs.test"]))


@pytest.mark.parametrize("host", ["DOCS.test", "docs.test.", "Docs.Test."])
def test_a_name_is_one_name_however_it_is_written(serve: Callable[..., Server], host: str) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server, host=host), home(server)).body == b"yes"


def test_a_name_in_another_script_is_looked_up_as_it_is_written_on_the_wire(
    serve: Callable[..., Server],
) -> None:
    server = serve(says("200 OK", "", b"yes"))
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    get(at(server, host="bücher.test"), home(server, "xn--bcher-kva.test"), resolve=resolve)
    assert asked == ["xn--bcher-kva.test"]


def test_only_public_ones_of_a_names_addresses_are_tried() -> None:
    tried: list[str] = []

    class Backend:
        def connect_tcp(self, host: str, *_: object) -> None:
            tried.append(host)
            raise net.connection.httpcore.ConnectError("recorded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net.connection.httpcore, "SyncBackend", Backend)
        with pytest.raises(FetchFailed):
            get(
                "http://docs.test/",
                Egress(["docs.test"]),
                resolve=names("127.0.0.1", "1.1.1.1", "10.0.0.1", "9.9.9.9"),
            )
    assert tried == ["1.1.1.1", "9.9.9.9"]


def test_what_a_name_means_cannot_change_between_judging_and_connecting() -> None:
    tried: list[str] = []
    answers = iter([["1.1.1.1"], ["127.0.0.1"], ["127.0.0.1"]])

    class Backend:
        def connect_tcp(self, host: str, *_: object) -> None:
            tried.append(host)
            raise net.connection.httpcore.ConnectError("recorded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net.connection.httpcore, "SyncBackend", Backend)
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up again"))
        with pytest.raises(FetchFailed):
            get("http://docs.test/", Egress(["docs.test"]), resolve=lambda host, port: next(answers))
    assert tried == ["1.1.1.1"]
    assert next(answers) == ["127.0.0.1"]


def test_a_name_with_only_private_addresses_is_refused() -> None:
    for addresses in (["127.0.0.1"], ["10.0.0.1", "::1", "fe80::1%eth0"], ["::ffff:192.168.0.1"]):
        with pytest.raises(EgressDenied, match="only private"):
            get("http://docs.test/", Egress(["docs.test"]), resolve=names(*addresses))


def test_localhost_is_private_however_it_is_written() -> None:
    for host in ("localhost", "LOCALHOST", "localhost."):
        with pytest.raises(EgressDenied):
            fetch(f"http://{host}/", egress=Egress(["localhost"]), max_bytes=10)


def test_the_second_address_is_tried_when_the_first_does_not_answer(serve: Callable[..., Server]) -> None:
    server = serve(says("200 OK", "", b"yes"))
    assert get(at(server), home(server), resolve=names("127.0.0.2", "127.0.0.1")).address == "127.0.0.1"
