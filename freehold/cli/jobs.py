"""Waiting for the server's jobs, with a bar that shows how far each is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from freehold.cli.client import Client, error_from
from freehold.cli.output import note
from freehold.cli.progress import Bar
from freehold.errors import Conflict

POLL_SECONDS = 0.2


def follow(
    client: Client,
    jobs: Sequence[dict[str, Any]],
    sleep: Callable[[float], None] = time.sleep,
    *,
    title: str = "Reading",
) -> list[Any]:
    """Waits for jobs, one after the other, showing how far each is.

    Raises:
        FreeholdError: what a job failed with, once the others have ended.
    """
    try:
        ended = [watch(client, job, sleep, title=title) for job in jobs]
    except KeyboardInterrupt:
        goes_on = (
            "the next start goes on where it stopped" if client.private else "the server goes on with it"
        )
        note(f"Not waiting any more; {goes_on}.")
        raise
    for job in ended:
        check(job)
    return ended


def watch(
    client: Client, job: dict[str, Any], sleep: Callable[[float], None] = time.sleep, *, title: str
) -> dict[str, Any]:
    """A job once it has ended, its progress shown until then."""
    with Bar(title) as bar:
        while job["state"] in ("queued", "running"):
            sleep(POLL_SECONDS)
            job = client.get(f"/api/v1/jobs/{job['id']}")
            progress = job["progress"]
            bar.update(progress["done"], progress["total"], progress["current"] or "")
    return job


def check(job: dict[str, Any], what: str = "job") -> None:
    """
    Raises:
        Conflict: the job was cancelled; `what` it is called.
        FreeholdError: what it failed with.
    """
    if job["state"] == "failed":
        raise error_from({"error": job["error"]}, 500)
    if job["state"] == "cancelled":
        raise Conflict(f"The {what} was cancelled.", hint="The same command goes on where it stopped.")
