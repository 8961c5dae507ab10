"""What a crawl did, for people: counts, what could not be read, and what was left out and why."""

from __future__ import annotations

from sqlalchemy import Connection, select

from freehold.knowledge.frontier import DOCUMENTS, WAITING, Frontier
from freehold.knowledge.origin import SyncReport
from freehold.knowledge.store import documents

EXAMPLES = 5
"""Addresses named of each reason."""

REASONS = {
    "robots": "robots.txt does not let them be read",
    "noindex": "they ask not to be indexed",
    "canonical": "they name another page as the one to read",
    "duplicate": "the same words stand on another page",
    "redirect": "they lead to another page",
    "redirects": "they redirect in circles, or too often",
    "off_site": "they lead to another host or to another part of it",
    "soft_404": "they say that there is nothing there",
    "gone": "there is nothing there (404 or 410)",
    "refused": "the host refuses them (another status from 400 to 499)",
    "kind": "they are no documents of a kind that is read",
    "endless": "they look like part of a space without end, as a calendar is",
    "depth": "they are more links from the start than the limit allows",
    "pages": "the limit of pages was reached",
}
"""Why pages of a site are skipped."""


def report_of(connection: Connection, source_id: int, frontier: Frontier, *, removed: int) -> SyncReport:
    """Of the whole crawl, however often it was taken up."""
    report = SyncReport(removed=removed)
    for page in sorted(frontier.now(), key=lambda page: page.order):
        match page.state:
            case "added":
                report.added += 1
            case "changed":
                report.changed += 1
            case "unchanged":
                report.unchanged += 1
            case state if state in DOCUMENTS or state == "failed":
                pass  # named below, with the reason
            case state:
                reason = "pages" if state == WAITING else state
                report.skipped += 1
                _leave_out(report, reason, REASONS[reason], page.url)
    for host, count in frontier.off_site.most_common():
        _leave_out(report, "links", "they lead to other hosts", host, count)
    own = documents.c.source_id == source_id
    for row in connection.execute(
        select(documents.c.location, documents.c.error, documents.c.error_code).where(
            own, documents.c.error.is_not(None)
        )
    ):
        report.failed.append({"document": row.location, "code": row.error_code, "reason": row.error})
    for place, code, message in frontier.notes.get("sitemaps", []):
        report.failed.append({"document": place, "code": code, "reason": message})
    return report


def _leave_out(report: SyncReport, reason: str, why: str, example: str, count: int = 1) -> None:
    entry = report.left_out.setdefault(reason, {"count": 0, "why": why, "examples": []})
    entry["count"] += count
    if len(entry["examples"]) < EXAMPLES:
        entry["examples"].append(example)
