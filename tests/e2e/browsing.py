"""What the browser tests share: a running Freehold, a foreign site, and a browser that notes complaints."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, Route, expect

from freehold.config import Config
from freehold.engines.base import Engine
from freehold.serving import private

SECONDS = 20
SHOP = Path(__file__).parent / "shop"
ASK = re.compile("^Ask .* a question$")


class Freehold:
    """A running server, and what its owner does without the page."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self._http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=SECONDS,
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        answer = self._http.request(method, path, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def add(self, path: Path) -> None:
        """Reads a folder for the default assistant, to the end."""
        job = self.call("POST", "/sources", json={"location": str(path)})["job"]
        self.wait(job["id"])

    def wait(self, job_id: str) -> dict[str, Any]:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            job: dict[str, Any] = self.call("GET", f"/jobs/{job_id}")
            if job["state"] == "done":
                return job
            assert job["state"] in ("queued", "running"), job
            time.sleep(0.1)
        raise AssertionError(f"job {job_id} did not end")

    def change(self, **fields: Any) -> dict[str, Any]:
        """Changes the default assistant."""
        changed: dict[str, Any] = self.call("PATCH", "/assistants/default", json=fields)
        return changed

    @cached_property
    def token(self) -> str:
        return str(self.call("GET", "/assistants/default")["public_token"])

    def tag(self, **attributes: str) -> str:
        """The tag that puts the default assistant on a site."""
        extra = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
        return f'<script src="{self.url}/widget.js" data-assistant="{self.token}"{extra} defer></script>'

    def close(self) -> None:
        self._http.close()


@contextmanager
def running(home: Path, engine: Engine | None = None, **settings: Any) -> Iterator[Freehold]:
    """A server of its own on a free port."""
    home.mkdir(parents=True, exist_ok=True)
    config = Config(home=home, **settings)
    with private(config, engine) as (url, key):
        freehold = Freehold(url, key)
        try:
            yield freehold
        finally:
            freehold.close()


class Site:
    """A site of somebody else: one page under two addresses, under a policy where the test sets one.

    `pages` holds more of them by path, `asked` the paths that were asked for.
    """

    def __init__(self, html: str) -> None:
        self.html = html
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        self.policy: str | None = None
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                site.asked.append(path)
                html = site.html if path in ("/", "/other") else site.pages.get(path)
                self.send_response(404 if html is None else 200)
                kind = "plain" if path.endswith(".txt") else "html"
                self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
                if site.policy is not None:
                    self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                if html is not None:
                    self.wfile.write(html.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def allow_only(self, freehold: Freehold) -> None:
        """Puts the site under the strictest policy that leaves room for the widget."""
        self.policy = f"default-src 'none'; script-src {freehold.url}; connect-src {freehold.url}"


def page_with(tag: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A shop</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<main><h1>A shop</h1><p>Words of its own. <a href="/other">Elsewhere</a></p></main>{tag}</html>'
    )


class Visit:
    """A browser of its own. Dialogs, errors on the console and requests to elsewhere are complaints."""

    def __init__(self, browser: Browser, *, expected: str = "^$", **options: Any) -> None:
        """`expected`: pattern of console errors that the test provokes."""
        options = {"viewport": {"width": 1280, "height": 860}, **options}
        self._context = browser.new_context(**options)
        self._context.route("**/*", self._guard)
        self._expected = re.compile(expected)
        self.complaints: list[str] = []
        self.page = self._context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._requested)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def check(self) -> None:
        assert not self.complaints, self.complaints

    def _guard(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            route.abort()

    def _requested(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.hostname != "127.0.0.1":
            self.complaints.append(f"request to elsewhere: {request.url[:200]}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not self._expected.search(message.text):
            self.complaints.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, url: str) -> Page:
        self.page.goto(url)
        return self.page


def ask(page: Page, question: str) -> Locator:
    """Asks by keyboard and waits for the end of the answer, which it returns."""
    answers = page.locator(".answer")
    before = answers.count()
    page.get_by_role("textbox", name=ASK).fill(question)
    page.keyboard.press("Enter")
    answer = answers.nth(before)
    expect(answer.get_by_role("button", name="Helpful", exact=True)).to_be_visible()
    return answer


def open_widget(page: Page) -> Locator:
    """Opens the widget's panel and returns it."""
    page.get_by_role("button", name=re.compile(r"\(AI assistant\)$")).click()
    panel = page.get_by_role("dialog", name=re.compile("^Chat with"))
    expect(panel).to_be_visible()
    return panel


def highlighted(page: Page) -> str:
    """The marked words of the open source, as one text."""
    expect(page.locator(".source mark").first).to_be_in_viewport()
    return " ".join(" ".join(page.locator(".source mark").all_text_contents()).split())
