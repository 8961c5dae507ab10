"""A process that reads a folder or a site as the server does, to be killed by tests."""

import sys
import time
from pathlib import Path

from freehold.assistant.assistants import Assistants
from freehold.egress import Egress
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.sources import Sources
from freehold.store.database import Database
from freehold.store.job_runner import JobRunner
from freehold.store.jobs import Jobs
from freehold.store.lock import HomeLock
from freehold.store.migrations import migrate


def main(home: Path, folder: str) -> None:
    """Goes on with what was left on `home`, and reads `folder` (or site) unless that is `resume`."""
    with HomeLock(home):
        database = Database(home / "freehold.db")
        migrate(database)
        Assistants(database, demo=False).ensure()
        lexical = LexicalIndex(home / "index", database)
        lexical.open()
        jobs = Jobs(database)
        jobs.recover()
        if folder != "resume":
            site = SiteOptions() if folder.startswith("http") else None
            jobs.enqueue("sync", {"source_id": Sources(database).add(folder, site=site).id})
        egress = Egress(allowed_private=["localhost"])
        ingest = Ingest(database, lexical, ParserPool(), egress, max_document_bytes=2**20)
        print("ready", flush=True)
        runner = JobRunner(jobs, {"sync": ingest.job})
        runner.start()
        while jobs.active():
            time.sleep(0.01)
        runner.stop()
        print(f"finished {jobs.list(1)[0].state}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
