"""What a rehearsal found: each ticket's answer beside the person's reply, and what all of them come to.

Works on tickets and records that are there already; asks nothing and opens nothing. The figures mean what
docs/guides/rehearse.md says they do.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from freehold.engines.base import Embedder
from freehold.evaluation.agreement import compare
from freehold.evaluation.groups import group
from freehold.evaluation.judge import Mode, judge, resolved
from freehold.evaluation.questions import Question
from freehold.evaluation.records import Records
from freehold.evaluation.suite import Suite
from freehold.evaluation.tickets import Ticket
from freehold.redaction import without_placeholders

SHOWN_DISAGREEMENTS = 50
SHOWN_AGREEMENTS = 10
SHOWN_GAPS = 40
GAP_QUESTIONS = 8
"""Questions of a group that are shown beneath its most typical one."""

Tickets = Callable[[], Iterator[Ticket]]


def key_of(number: int, ticket: Ticket) -> str:
    """What a ticket's records are found by: its place among the tickets is its own, its id may not be."""
    return f"{number}"


def suite_of(tickets: Tickets, name: str, path: Path, version: str, count: int) -> Suite:
    """The tickets as questions about the assistant's own knowledge. Placeholders are not asked."""

    def questions() -> Iterator[Question]:
        for number, ticket in enumerate(tickets()):
            asked = without_placeholders(ticket.question) or ticket.question
            yield Question(key_of(number, ticket), asked, history=ticket.history)

    return Suite(
        name=name,
        licence="",
        source="",
        description="Past tickets",
        path=path,
        version=version,
        knowledge=None,
        count=count,
        questions=questions,
    )


def judged(
    tickets: Tickets,
    records: Records,
    verdicts: Records,
    embedder: Embedder | None,
    *,
    progress: Callable[[int], None] = lambda done: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Compares every answer with its reply, and keeps what came of it; what is kept is not done again."""
    mode: Mode = "words" if embedder is None else "hybrid"
    by = judge(mode)
    done = verdicts.open()
    try:
        answers = {
            record["id"]: [claim["text"] for claim in record["claims"]]
            for record in records.latest()
            if record["outcome"] == "answered" and record["id"] not in done
        }
        for number, ticket in enumerate(tickets()):
            if (key := key_of(number, ticket)) not in answers:
                continue
            check()
            began = time.thread_time()
            found = compare(ticket.question, ticket.reply, answers[key], embedder)
            verdicts.append(
                {
                    "id": key,
                    "outcome": "judged",
                    "mode": mode,
                    "verdict": by.verdict(found),
                    "chance": round(by.chance(found), 4),
                    "features": [round(value, 4) for value in found.features],
                    "comparable": found.comparable,
                    "reply": [asdict(one) for one in found.reply],
                    "answer": [asdict(one) for one in found.answer],
                    "cpu_seconds": round(time.thread_time() - began, 4),
                }
            )
            progress(number + 1)
    finally:
        verdicts.close()


def report(
    header: Mapping[str, Any],
    tickets: Tickets,
    records: Records,
    verdicts: Records,
    embedder: Embedder | None,
) -> dict[str, Any]:
    """Everything that the page says, ready for `json.dumps`."""
    of = {verdict["id"]: verdict for verdict in verdicts.latest()}
    outcomes: Counter[str] = Counter()
    said: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    keeping: Counter[str] = Counter()
    usage: list[tuple[float, int, int, float, float, float]] = []
    features: list[Sequence[float]] = []
    gaps: list[tuple[str, str, list[str]]] = []
    ranked: list[tuple[float, str]] = []
    for record in records.latest():
        outcome = record["outcome"]
        outcomes[outcome] += 1
        if outcome == "failed":
            continue
        used, took = record["usage"], record["timings"]
        usage.append(
            (
                used["cpu_seconds"],
                used["prompt_tokens"],
                used["completion_tokens"],
                used["wall_seconds"],
                took.get("total", 0.0),
                took.get("first", took.get("total", 0.0)),
            )
        )
        if outcome != "answered":
            near = [each["title"] or each["location"] for each in record.get("nearby", [])]
            gaps.append((record["id"], record["question"], near))
            continue
        if (verdict := of.get(record["id"])) is None:
            continue
        said[verdict["verdict"]] += 1
        sentences.update(one["standing"] for one in verdict["reply"])
        keeping.update(one["keeping"] for one in verdict["answer"])
        if verdict["comparable"]:
            features.append(verdict["features"])
        ranked.append((badness(verdict, record.get("confidence")), record["id"]))
    mode: Mode = "words" if embedder is None else "hybrid"
    by = judge(mode)
    total = sum(outcomes.values())
    share = resolved(by, features, total)
    given = resolved(by, features, outcomes["answered"])
    ranked.sort(key=lambda one: (-one[0], int(one[1])))
    worst = [key for value, key in ranked if value > 0][:SHOWN_DISAGREEMENTS]
    best = [key for value, key in reversed(ranked) if value <= 0][:SHOWN_AGREEMENTS]
    groups = group([question for _, question, _ in gaps], embedder)
    shown = groups[:SHOWN_GAPS]
    wanted = {*worst, *best, *(gaps[at][0] for each in shown for at in each.members[:GAP_QUESTIONS])}
    cases = _cases(wanted, tickets, records, of)
    return {
        **{name: header[name] for name in ("id", "created_at", "finished_at", "tickets", "facts")},
        "file": header["wish"]["file"],
        "assistant": header["wish"]["assistant"],
        "reading": dict(header["reading"]),
        "outcomes": {name: outcomes[name] for name in ("answered", "refused", "handoff", "failed")},
        "verdicts": {
            name: said[name] for name in ("agrees", "partly", "differs", "contradicts", "not comparable")
        },
        "reply_sentences": dict(sentences),
        "answer_sentences": dict(keeping),
        "resolved": {**asdict(share), "of": total},
        "resolved_of_answered": {**asdict(given), "of": outcomes["answered"]},
        "judge": {"mode": mode, "pairs": by.pairs, "shift": by.shift},
        "cost": _cost(usage),
        "gaps": [
            {
                "question": cases[gaps[each.members[0]][0]]["question"],
                "count": len(each.members),
                "tickets": [gaps[at][0] for at in each.members[:GAP_QUESTIONS]],
                "nearest": [
                    name for name, _ in Counter(n for at in each.members for n in gaps[at][2]).most_common(3)
                ],
            }
            for each in shown
        ],
        "gap_groups": len(groups),
        "worst": worst,
        "best": best,
        "cases": cases,
    }


def badness(verdict: Mapping[str, Any], confidence: float | None) -> float:
    """How bad a disagreement is: contradicting before differing, and the surer the answer the worse; 0 and
    less for none."""
    if verdict["verdict"] in ("agrees", "not comparable"):
        return -float(verdict["chance"])
    contradicted = any(one["standing"] == "contradicted" for one in verdict["reply"])
    grade: float = {"contradicts": 2.0, "differs": 1.0, "partly": 0.0}[verdict["verdict"]]
    chance = float(verdict["chance"])
    return grade + 0.5 * contradicted + (1.0 - chance) * (0.5 + 0.5 * (confidence or 0.0))


def _cost(usage: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    """What answering took: of all tickets together and of one."""
    if not usage:
        return {"answers": 0}
    rows = np.array(usage, np.float64)
    total = np.percentile(rows[:, 4], [50, 95])
    first = np.percentile(rows[:, 5], [50, 95])
    return {
        "answers": len(rows),
        "cpu_seconds": round(float(rows[:, 0].sum()), 2),
        "cpu_seconds_each": round(float(rows[:, 0].mean()), 4),
        "prompt_tokens": int(rows[:, 1].sum()),
        "completion_tokens": int(rows[:, 2].sum()),
        "wall_seconds": round(float(rows[:, 3].sum()), 2),
        "total_ms": [round(float(value), 1) for value in total],
        "first_ms": [round(float(value), 1) for value in first],
    }


def _cases(
    wanted: set[str], tickets: Tickets, records: Records, of: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    told = {record["id"]: record for record in records.latest() if record["id"] in wanted}
    cases = {}
    for number, ticket in enumerate(tickets()):
        if (key := key_of(number, ticket)) not in wanted:
            continue
        record, verdict = told[key], of.get(key, {})
        cases[key] = {
            "ticket": ticket.id,
            "line": ticket.line,
            "question": ticket.question,
            "history": [asdict(turn) for turn in ticket.history],
            "human": ticket.reply,
            "outcome": record["outcome"],
            "answer": "".join(claim["text"] for claim in record["claims"]),
            "citations": [
                {"title": each["title"] or each["location"], "quote": each["quote"]}
                for each in record["citations"]
            ],
            "confidence": record.get("confidence"),
            "verdict": verdict.get("verdict"),
            "chance": verdict.get("chance"),
            "reply_sentences": verdict.get("reply", []),
            "answer_sentences": verdict.get("answer", []),
        }
    return cases
