"""`add`, `sources`, `sync` and `search`."""

import json
from pathlib import Path

from scripted import CITATION, JOB, SOURCE, Run, Script, done

FAILED = {"document": "b\x1b[31m.pdf", "code": "unreadable_document", "reason": "It is encrypted."}


def test_add_waits_and_names_what_could_not_be_read(freehold: Run, script: Script, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": JOB}, status=202)
    script.answer("GET", "/api/v1/jobs/job_1", {**JOB, "state": "running"}, done(added=2, failed=[FAILED]))
    ran = freehold("add", str(tmp_path / "docs" / ".." / "docs"), "--title", "Docs")
    assert script.bodies("POST", "/api/v1/sources") == [
        {"location": str(tmp_path / "docs"), "assistant": "default", "title": "Docs"}
    ]
    assert ran.status == 0
    assert ran.out == "source 3: 2 added, 1 document could not be read\n"
    assert ran.err == "not read: b\N{REPLACEMENT CHARACTER}[31m.pdf: It is encrypted.\n"


def test_add_fails_when_nothing_could_be_read(freehold: Run, script: Script) -> None:
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": done(failed=[FAILED])}, status=202)
    ran = freehold("add", "https://example.com/x.pdf")
    assert script.bodies("POST", "/api/v1/sources")[0]["location"] == "https://example.com/x.pdf"
    assert ran.status == 1


def test_add_says_why_a_job_failed(freehold: Run, script: Script) -> None:
    error = {"code": "egress_denied", "message": "example.com is not allowed.", "hint": "Allow it."}
    job = {**JOB, "state": "failed", "error": error}
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": job}, status=202)
    ran = freehold("add", "https://example.com/")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "error: example.com is not allowed.\nhint: Allow it.\n"


def test_add_of_a_missing_path_never_reaches_the_server(freehold: Run, script: Script) -> None:
    ran = freehold("add", "/no/such/folder")
    assert ran.status == 1
    assert ran.err.startswith("error: There is no file or folder /no/such/folder.\nhint: ")
    assert script.asked == []


def test_add_without_waiting(freehold: Run, script: Script, tmp_path: Path) -> None:
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": JOB}, status=202)
    ran = freehold("add", str(tmp_path), "--no-wait", "--json")
    assert json.loads(ran.out) == {"source": SOURCE, "job": JOB}


def test_sources_lists_and_removes(freehold: Run, script: Script) -> None:
    script.answer("GET", "/api/v1/sources", {"sources": [SOURCE]})
    script.answer("DELETE", "/api/v1/sources/3", None, status=204)
    assert freehold("sources").out == "3\tdefault\tready, stale\t2\t9\t0\tnever\tsoon\t/docs\n"
    assert json.loads(freehold("sources", "--json").out) == [SOURCE]
    assert freehold("sources", "remove", "3").out == "source 3: removed\n"


def test_add_of_a_site_says_what_was_left_out(freehold: Run, script: Script) -> None:
    left_out = {
        "robots": {
            "count": 2,
            "why": "robots.txt does not let them be read",
            "examples": ["https://h.test/\x1bx"],
        },
        "links": {"count": 9, "why": "they lead to other hosts", "examples": ["o.test"]},
    }
    script.answer(
        "POST", "/api/v1/sources", {"source": SOURCE, "job": done(added=5, left_out=left_out)}, status=202
    )
    ran = freehold("add", "https://h.test/", "--site", "--pages", "50", "--delay", "0", "--every", "6h")
    assert script.bodies("POST", "/api/v1/sources") == [
        {
            "location": "https://h.test/",
            "assistant": "default",
            "site": {"pages": 50, "delay": 0.0},
            "every": "6h",
        }
    ]
    assert ran.out == "source 3: 5 added, 2 pages left out\n"
    assert ran.err == (
        "left out: 2 pages: robots.txt does not let them be read, such as"
        " https://h.test/\N{REPLACEMENT CHARACTER}x\n"
    )


def test_limits_without_a_site_are_a_mistake(freehold: Run, script: Script) -> None:
    ran = freehold("add", "https://h.test/", "--depth", "3")
    assert ran.status == 1 and "--site" in ran.err
    assert script.asked == []


def test_a_source_is_changed(freehold: Run, script: Script) -> None:
    script.answer("PATCH", "/api/v1/sources/3", SOURCE)
    assert freehold("sources", "set", "3", "--every", "6h").out == "source 3: read every 6h; next soon\n"
    assert script.bodies("PATCH", "/api/v1/sources/3") == [{"every": "6h"}]
    ran = freehold("sources", "set", "3")
    assert ran.status == 1 and "Nothing to change" in ran.err


def test_sync_of_all_and_of_one(freehold: Run, script: Script) -> None:
    script.answer("POST", "/api/v1/sync", {"jobs": [done(changed=1), done(removed=2)]}, status=202)
    script.answer("POST", "/api/v1/sources/3/sync", {"job": done(unchanged=2)}, status=202)
    assert freehold("sync").out == "job job_1: 1 changed\njob job_1: 2 removed\n"
    assert freehold("sync", "3").out == "job job_1: 2 unchanged\n"


def test_search_shows_passages_and_how_it_ran(freehold: Run, script: Script) -> None:
    passage = {
        "passage_id": 4,
        "score": 0.75,
        "heading_path": ["Returns", "When"],
        "text": "Five [bold]days[/bold].\x1b[2J",
        "document": CITATION["document"],
    }
    script.answer("POST", "/api/v1/search", {"mode": "words", "passages": [passage]})
    ran = freehold("search", "how", "long", "--limit", "1", "--assistant", "default")
    assert script.bodies("POST", "/api/v1/search") == [
        {"query": "how long", "assistant": "default", "limit": 1}
    ]
    assert ran.out == (
        "1. Returns › When — returns.md  (0.750)\n   Five [bold]days[/bold].\N{REPLACEMENT CHARACTER}[2J\n"
    )
    assert "words alone" in ran.err
