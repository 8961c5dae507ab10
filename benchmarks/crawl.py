"""Crawls a made site with every trap through the code that serves, and lets the site's own log judge it.

    python benchmarks/crawl.py [--pages 2000] [--kills 5] [--json]

The site (`tests/fixtures/made_site.py`) listens on a loopback port. Four readings: the whole site; again with
nothing changed but what changes at every look; a second edition with articles changed, deleted, soft-deleted
and unlinked; and the whole site once more into a fresh data folder, the reading process killed with SIGKILL
at random moments. Exits with 1 when anything was asked for twice or against robots.txt, or when what was
read is not what stands there.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from freehold.assistant.assistants import Assistants
from freehold.egress import Egress
from freehold.knowledge.asking import AT_ONCE
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import documents, integrity
from freehold.store.database import Database
from freehold.store.migrations import migrate

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fixtures"))

from made_site import MadeSite  # noqa: E402 - it stands beside the tests that use it too

PROCESS = ROOT / "tests" / "integration" / "ingest_process.py"
BOUNDED = ("/calendar/", "/nested/")
"""Spaces without end, of which a few pages may be read."""


class Faults(list[str]):
    """What must not be."""

    def unless(self, holds: bool, what: str) -> None:
        if not holds:
            self.append(what)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--pages", type=int, default=2000, help="articles of the site (2000)")
    arguments.add_argument(
        "--kills", type=int, default=5, help="times that the reading process is killed (5)"
    )
    arguments.add_argument("--seed", type=int, default=2026, help="of the moments at which it is (2026)")
    arguments.add_argument("--json", action="store_true", help="print JSON")
    wishes = arguments.parse_args()
    faults = Faults()
    with (
        tempfile.TemporaryDirectory() as folder,
        MadeSite(wishes.pages, slow_seconds=3.0, hang_seconds=60.0) as site,
    ):
        figures = readings(Path(folder) / "one", site, faults)
        site.edition = 1
        figures.append(killed(Path(folder) / "two", site, wishes.kills, wishes.seed, faults))
    if wishes.json:
        print(json.dumps({"pages": wishes.pages, "readings": figures, "faults": faults}, indent=2))
    else:
        show(figures)
        for fault in faults:
            print(f"FAULT: {fault}")
    sys.exit(1 if faults else 0)


def readings(folder: Path, site: MadeSite, faults: Faults) -> list[dict[str, Any]]:
    """Three in one process, timed."""
    folder.mkdir()
    database = Database(folder / "freehold.db")
    migrate(database)
    Assistants(database, demo=False).ensure()
    lexical = LexicalIndex(folder / "index", database)
    lexical.open()
    parsers = ParserPool()
    egress = Egress(allowed_private=["localhost"])
    ingest = Ingest(database, lexical, parsers, egress, max_document_bytes=2**20)
    source = Sources(database).add(f"{site.base}/", site=SiteOptions()).id
    figures = []
    for name, edition in (("whole site", 1), ("nothing changed", 1), ("second edition", 2)):
        site.edition = edition
        site.log.clear()
        began = time.monotonic()
        report = ingest.sync(source)
        seconds = time.monotonic() - began
        figures.append(
            {
                "reading": name,
                "seconds": round(seconds, 1),
                "requests": len(site.log),
                "not_modified": sum(status == 304 for _, status in site.log),
                "requests_per_second": round(len(site.log) / seconds, 1),
                "added": report.added,
                "changed": report.changed,
                "unchanged": report.unchanged,
                "removed": report.removed,
                "failed": [each["document"].removeprefix(site.base) for each in report.failed],
                "left_out": {reason: entry["count"] for reason, entry in report.left_out.items()},
                "kills": 0,
                "twice": sum(count - 1 for count in site.asked().values()),
            }
        )
        faults.unless(figures[-1]["twice"] == 0, f"{name}: something was asked for twice")
        judge(name, database, site, faults)
    parsers.close()
    lexical.close()
    database.close()
    return figures


def killed(folder: Path, site: MadeSite, kills: int, seed: int, faults: Faults) -> dict[str, Any]:
    """One reading in a process of its own, ended at random numbers of requests."""
    folder.mkdir()
    chance = random.Random(seed)
    site.log.clear()
    began = time.monotonic()
    hit = 0
    for number, moment in enumerate(sorted(chance.sample(range(20, site.pages + 60), kills))):
        process = start(folder, f"{site.base}/" if number == 0 else "resume")
        while len(site.log) < moment and process.poll() is None:
            time.sleep(0.01)
        hit += process.poll() is None
        process.kill()
        process.wait()
    process = start(folder, "resume" if kills else f"{site.base}/")
    said, _ = process.communicate()
    seconds = time.monotonic() - began
    twice = {path: count - 1 for path, count in site.asked().items() if count > 1 and path != "/hangs.html"}
    faults.unless("finished done" in said, f"killed: the last process said {said!r}")
    faults.unless(hit == kills, f"killed: only {hit} of {kills} moments fell into the reading")
    faults.unless(sum(twice.values()) <= AT_ONCE * kills, f"killed: asked for twice: {twice}")
    database = Database(folder / "freehold.db")
    judge("killed", database, site, faults)
    database.close()
    return {
        "reading": "killed and taken up",
        "seconds": round(seconds, 1),
        "requests": len(site.log),
        "not_modified": sum(status == 304 for _, status in site.log),
        "requests_per_second": round(len(site.log) / seconds, 1),
        "kills": hit,
        "twice": sum(twice.values()),
    }


def start(folder: Path, location: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(PROCESS), str(folder), location], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def judge(name: str, database: Database, site: MadeSite, faults: Faults) -> None:
    """Is what was read what stands there, and was nothing asked for that must not be?"""
    with database.read() as connection:
        found = set(
            connection.execute(select(documents.c.location).where(documents.c.error.is_(None))).scalars()
        )
        faults.unless(integrity(connection) == [], f"{name}: the store is not sound")
    paths = {location.removeprefix(site.base) for location in found}
    endless = {path for path in paths if path.startswith(BOUNDED)}
    faults.unless(paths - endless == site.expected(), f"{name}: {sorted(paths ^ site.expected())[:20]}")
    faults.unless(len(endless) <= 12, f"{name}: {len(endless)} pages of spaces without end")
    faults.unless(site.forbidden() == [], f"{name}: forbidden {site.forbidden()[:9]}")


def show(figures: list[dict[str, Any]]) -> None:
    columns = ["reading", "seconds", "requests", "not_modified", "requests_per_second", "kills", "twice"]
    columns += ["added", "changed", "unchanged", "removed"]
    print("| " + " | ".join(columns).replace("_", " ") + " |")
    print("|" + " --- |" * len(columns))
    for row in figures:
        print("| " + " | ".join(str(row.get(column, "")) for column in columns) + " |")
    for row in figures[:1]:
        print("left out:", ", ".join(f"{reason} {count:,}" for reason, count in row["left_out"].items()))
        print("failed:", row["failed"])


if __name__ == "__main__":
    main()
