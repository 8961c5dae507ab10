"""The committed front end: built from these sources, small, and in step with the server. Needs no Node."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from web_parts import house

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "freehold" / "web" / "static"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FRONTEND / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_bundle_is_of_these_sources() -> None:
    check = [sys.executable, str(FRONTEND / "source_hash.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    source_hash = script("source_hash").source_hash
    (tmp_path / "a.ts").write_text("1")
    (tmp_path / "node_modules").mkdir()
    before = source_hash(tmp_path)
    (tmp_path / "node_modules" / "b.js").write_text("2")
    assert source_hash(tmp_path) == before
    (tmp_path / "a.ts").write_text("3")
    changed = source_hash(tmp_path)
    (tmp_path / "a.ts").rename(tmp_path / "c.ts")
    assert len({before, changed, source_hash(tmp_path)}) == 3


def test_the_widget_is_small() -> None:
    assert len(gzip.compress((STATIC / "widget.js").read_bytes(), 9)) <= 40 * 1024


def test_the_page_loads_nothing_but_its_own() -> None:
    html = (STATIC / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert {each for each in loaded if not each.startswith("data:")} == {
        "/assets/page.js",
        "/assets/page.css",
    }
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", html)
    for built in ("assets/page.css", "widget.js"):
        assert not re.search(r"url\((?!['\"]?data:)|@import", (STATIC / built).read_text())


def test_text_never_becomes_html() -> None:
    for source in [*FRONTEND.glob("[spw]*/*.ts"), *FRONTEND.glob("[spw]*/*.tsx")]:
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
        assert not re.search(forbidden, source.read_text()), source


def test_types_are_those_of_the_server(tmp_path: Path) -> None:
    with house(tmp_path) as parts:
        written = script("api_types").typescript(parts.app.openapi())
    assert (FRONTEND / "shared" / "types.gen.ts").read_text() == written, (
        "the interface has changed: give the server's /openapi.json to frontend/api_types.py, then `make web`"
    )


def test_the_lock_file_names_no_registry() -> None:
    lock = (FRONTEND / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all(each.get("integrity") for name, each in packages.items() if name)
