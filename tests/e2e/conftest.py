"""A real server, a real browser, and sites of strangers, on this machine only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from browsing import SECONDS, SHOP, Freehold, Site, Visit, running
from playwright.sync_api import Browser, expect, sync_playwright

from freehold.engines.base import Engine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one file: while it is there its event loop lives in this thread, and the
    asynchronous tests of other files could not run."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium; on Debian: apt install chromium")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens browsers of their own; what they complained of fails the test at its end."""
    with ExitStack() as stack:
        visits: list[Visit] = []

        def begin(**options: object) -> Visit:
            visits.append(stack.enter_context(Visit(chromium, **options)))
            return visits[-1]

        yield begin
        for each in visits:
            each.check()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Freehold]:
    """A server whose default assistant has read a small shop's help; nobody changes what it knows."""
    with running(tmp_path_factory.mktemp("shop")) as freehold:
        freehold.add(SHOP)
        yield freehold


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Freehold]]:
    """Starts a server with an empty data folder."""
    with ExitStack() as stack:

        def begin(engine: Engine | None = None, **settings: object) -> Freehold:
            return stack.enter_context(running(tmp_path / "home", engine, **settings))

        yield begin


@pytest.fixture
def site() -> Iterator[Callable[[str], Site]]:
    """Serves pages of a site that is not Freehold's, under an origin of its own."""
    with ExitStack() as stack:
        yield lambda html: stack.enter_context(Site(html))
