"""The documentation says what the code does: names, links, commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from freehold.cli import make
from freehold.config import Config
from freehold.errors import FreeholdError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
FENCES = re.compile(r"^(`{3,})[^\n]*\n.*?^\1\s*?$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = HEADING.findall(FENCES.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands() -> set[str]:
    """Every command as it is typed, `freehold` in front."""
    found: set[str] = set()

    def walk(entry: object, name: str) -> None:
        below = getattr(entry, "commands", None)
        if below is None or getattr(entry, "invoke_without_command", False):
            found.add(name)
        for word, inner in (below or {}).items():
            walk(inner, f"{name} {word}")

    walk(typer.main.get_command(make()), "freehold")
    return found - {"freehold"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCES.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    known = commands()
    groups = {name.rpartition(" ")[0] for name in known} | {"freehold"}
    shown = re.findall(
        r"(?:^|[`/$ ])freehold((?: [a-z][a-z-]*)+)", "\n".join(code(page.read_text())), re.MULTILINE
    )
    for words in shown:
        name = "freehold"
        for word in words.split():
            if name not in groups:
                break
            name = f"{name} {word}"
            assert name in known | groups, f"freehold{words}"


def code(text: str) -> list[str]:
    """What stands in code: fenced blocks for the shell, and inline."""
    blocks = re.findall(r"^```(?:sh|ini)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", FENCES.sub("", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_are_shown_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"(?:^|`)make ([a-z-]+)", "\n".join(code(page.read_text())), re.MULTILINE))
    assert shown <= targets


def test_settings_in_the_guides_exist() -> None:
    known = {f"FREEHOLD_{name.upper()}" for name in Config.model_fields}
    for page in PAGES:
        assert set(re.findall(r"FREEHOLD_[A-Z_]*[A-Z]", page.read_text())) <= known, page


def test_every_setting_command_and_error_is_documented() -> None:
    reference = ROOT / "docs" / "reference"
    assert {f"## `{name}`" for name in Config.model_fields} <= lines(reference / "settings.md")
    assert {f"## `{name}`" for name in commands()} <= lines(reference / "cli.md")
    assert {f"## `{kind.code}`" for kind in tree(FreeholdError)} <= lines(reference / "errors.md")


def lines(page: Path) -> set[str]:
    return set(page.read_text().splitlines())


def tree(kind: type[FreeholdError]) -> list[type[FreeholdError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in tree(below))]


def test_every_setting_and_command_says_what_it_does() -> None:
    for name, field in Config.model_fields.items():
        assert field.description, name

    def walk(entry: object, name: str) -> None:
        assert getattr(entry, "help", None), name
        for parameter in getattr(entry, "params", []):
            assert parameter.help or parameter.hidden, f"{name} {parameter.name}"
        for word, below in getattr(entry, "commands", {}).items():
            walk(below, f"{name} {word}")

    walk(typer.main.get_command(make()), "freehold")


def test_the_reference_has_not_drifted() -> None:
    ran = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_event_is_documented_and_no_other() -> None:
    sent = {
        name
        for page in (ROOT / "freehold" / "web").glob("*.py")
        for name in re.findall(r'\bevent\("(\w+)"', page.read_text())
    }
    assert len(sent) >= 6
    assert {f"`{name}`" for name in sent} == set(HEADING.findall(FENCES.sub("", events_page()))) - {"Events"}


def events_page() -> str:
    return (ROOT / "docs" / "reference" / "events.md").read_text()
