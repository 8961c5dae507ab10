"""The page at /, its assets and the widget's script, as the front end was built."""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from freehold.assistant.assistants import DEFAULT, DEMO
from freehold.errors import NotFound, Unavailable
from freehold.web.dependencies import LocalPage, TheServices
from freehold.web.headers import PAGE_POLICY
from freehold.web.management_schemas import PageBody, SetupBody
from freehold.web.render import assistant_card

STATIC = Path(__file__).parent / "static"

router = APIRouter(tags=["page"])


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
def page(request: Request, _local: LocalPage) -> Response:
    """The chat page."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return _built(request, STATIC / "index.html", headers)


@router.api_route("/assets/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
def asset(request: Request, name: str) -> Response:
    """A script or style of the page."""
    folder = STATIC / "assets"
    path = (folder / name).resolve() if "\0" not in name else folder
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise NotFound("There is nothing at this path.", hint="Reload the page.")
    return _built(request, path, {"Cache-Control": "no-cache"})


@router.api_route("/widget.js", methods=["GET", "HEAD"], include_in_schema=False)
def widget(request: Request) -> Response:
    """The widget's script, for pages of any site; it opens nothing by itself."""
    headers = {
        "Cache-Control": "public, max-age=300",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
    }
    return _built(request, STATIC / "widget.js", headers)


@router.get("/api/v1/page", summary="What the page needs to begin")
def page_state(services: TheServices, _local: LocalPage) -> PageBody:
    """The assistant that the page at / speaks to, and whether it should offer to take documents first."""
    default = services.assistants.get(DEFAULT)
    needed = not services.sources.list(DEFAULT)
    demo = needed and services.config.demo
    shown = services.assistants.get(DEMO) if demo else default
    return PageBody(
        token=shown.public_token,
        assistant=assistant_card(shown),
        demo=demo,
        setup=SetupBody(needed=needed, assistant_id=default.id, public_token=default.public_token),
    )


def _built(request: Request, path: Path, headers: dict[str, str]) -> Response:
    if not path.is_file():
        raise Unavailable("The front end has not been built.", hint="Run `make web`.")
    stat = path.stat()
    packed = "gzip" in request.headers.get("accept-encoding", "")
    version = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}{"-gz" if packed else ""}"'
    headers = {**headers, "ETag": version, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == version:
        return Response(status_code=304, headers=headers)
    if not packed:
        return FileResponse(path, headers=headers, stat_result=stat)
    kind = mimetypes.guess_type(path.name)[0]
    return Response(_packed(path, version), headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)


@lru_cache(maxsize=16)
def _packed(path: Path, version: str) -> bytes:
    """The file gzipped, once for each version of it."""
    return gzip.compress(path.read_bytes(), mtime=0)
