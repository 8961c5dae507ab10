"""A site on a real server, read through the real door: its own pages, and nothing that they lead to."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select

from freehold.assistant.assistants import Assistants
from freehold.egress import Egress
from freehold.errors import EgressDenied
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import documents, integrity
from freehold.store.database import Database
from freehold.store.migrations import migrate


class Site(BaseHTTPRequestHandler):
    """Pages of a test: path to (status, headers, body)."""

    pages: dict[str, tuple[int, dict[str, str], str]]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = self.pages.get(self.path, (404, {}, "nothing"))
        if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
            status, body = 304, ""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[tuple[type[Site], str]]:
    handler = type("Pages", (Site,), {"pages": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler, f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Database, LexicalIndex]]:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    Assistants(database, demo=False).ensure()
    lexical = LexicalIndex(tmp_path / "index", database)
    lexical.open()
    yield database, lexical
    lexical.close()
    database.close()


def html(title: str, words: str) -> tuple[int, dict[str, str], str]:
    page = (
        f"<html><head><title>{title}</title><script>alert(1)</script></head><body>"
        "<nav><a href='/'>Home</a></nav>"
        f"<main><h1>{title}</h1><p>{words}</p></main></body></html>"
    )
    return 200, {"Content-Type": "text/html; charset=utf-8", "ETag": f'"{hash(page)}"'}, page


def test_a_site_is_read_and_nothing_it_leads_to(
    site: tuple[type[Site], str], home: tuple[Database, LexicalIndex]
) -> None:
    pages, base = site
    database, lexical = home
    port = base.rpartition(":")[2]
    lures = {
        "/to-metadata": "http://169.254.169.254/latest/meta-data/",
        "/to-loopback": f"http://127.0.0.1:{port}/secret",
        "/to-decimal": f"http://2130706433:{port}/secret",
        "/to-ipv6": f"http://[::1]:{port}/secret",
        "/to-mapped": f"http://[::ffff:127.0.0.1]:{port}/secret",
        "/to-file": "file:///etc/passwd",
        "/to-other-port": "http://localhost:22/",
        "/to-user": f"http://localhost@127.0.0.1:{port}/secret",
    }
    for path, target in lures.items():
        pages.pages[path] = (302, {"Location": target}, "")
    pages.pages["/secret"] = html("Secret", "Nobody may read these words.")
    pages.pages["/a"] = html("Refunds", "A refund takes fourteen days, as the law has it.")
    pages.pages["/moved"] = (301, {"Location": "/b"}, "")
    pages.pages["/b"] = html("Shipping", "A parcel takes three days within the country.")
    urls = "".join(f"<url><loc>{base}{path}</loc></url>" for path in ["/a", "/moved", *lures])
    pages.pages["/sitemap.xml"] = (200, {"Content-Type": "application/xml"}, f"<urlset>{urls}</urlset>")

    parsers = ParserPool(children=1)
    egress = Egress(allowed_private=["localhost"])
    ingest = Ingest(database, lexical, parsers, egress, max_document_bytes=100_000)
    source = Sources(database).add(f"{base}/sitemap.xml")
    report = ingest.sync(source.id)
    assert (report.added, len(report.failed)) == (2, len(lures))
    assert {entry["document"].removeprefix(base): entry["code"] for entry in report.failed} == dict.fromkeys(
        lures, "egress_denied"
    )
    assert "/secret" not in pages.asked
    scope = frozenset({source.id})
    assert len(lexical.search("refund", sources=scope, limit=9)) == 1
    assert len(lexical.search("parcel", sources=scope, limit=9)) == 1
    assert lexical.search("nobody", sources=scope, limit=9) == []

    pages.pages["/a"] = html("Refunds", "A refund takes thirty days from now on.")
    pages.pages["/moved"] = (410, {}, "")
    report = ingest.sync(source.id)
    assert (report.changed, report.removed, report.unchanged) == (1, 1, 0)
    assert len(lexical.search("thirty", sources=scope, limit=9)) == 1
    assert lexical.search("fourteen parcel", sources=scope, limit=9) == []
    report = ingest.sync(source.id)
    assert (report.added, report.changed, report.removed, report.unchanged) == (0, 0, 0, 1)
    with database.read() as connection:
        assert integrity(connection) == []
        texts = list(connection.execute(select(documents.c.text).where(documents.c.text != "")).scalars())
    assert len(texts) == 1 and "alert" not in texts[0] and "Home" not in texts[0]
    parsers.close()


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/a",
        "http://2130706433:{port}/a",
        "http://0x7f000001:{port}/a",
        "http://127.1:{port}/a",
        "http://[::1]:{port}/a",
        "http://[::ffff:127.0.0.1]:{port}/a",
        "http://localhost:{port}/a",
        "http://LOCALHOST.:{port}/a",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_a_private_address_is_no_source(
    site: tuple[type[Site], str], home: tuple[Database, LexicalIndex], location: str
) -> None:
    pages, base = site
    database, lexical = home
    pages.pages["/a"] = html("Secret", "Nobody may read these words.")
    parsers = ParserPool(children=1)
    ingest = Ingest(database, lexical, parsers, Egress(), max_document_bytes=100_000)
    source = Sources(database).add(location.format(port=base.rpartition(":")[2]))
    with pytest.raises(EgressDenied):
        ingest.sync(source.id)
    failed = Sources(database).get(source.id)
    assert (failed.state, failed.documents) == ("failed", 0)
    assert failed.error
    assert pages.asked == []
    parsers.close()
