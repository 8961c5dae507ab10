"""A rehearsal of a thousand tickets made from `dstc11`, and whether its report is right.

    python benchmarks/rehearsal.py --data FOLDER [--cache FOLDER] [--home FOLDER] [--list]

The last thousand questions of the set that have a person's reply become conversations in a CSV file, as a
help desk exports them; every third gives away an e-mail address, a telephone number, a card or an order
number. All of the set's passages are the documents. Reported: the report's share with its interval beside
what a reader said of a hundred tickets drawn at random (labels/dstc11_rehearsal.csv, ids and labels only),
and whether any planted value stands in any byte of the data folder. `--list` prints so many of the hundred
to read, and ends.
"""

from __future__ import annotations

import csv
import json
import math
import random
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import BenchQuestion, dstc11
from knowledge import embedded, keep_vectors
from machine import machine
from options import add_cache, add_model, add_sets, described

from freehold import app
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.evaluation.columns import find_columns
from freehold.evaluation.questions import OwnPassage
from freehold.evaluation.rehearsals import REPORT, Wish
from freehold.evaluation.scratch import fill
from freehold.evaluation.ticket_file import open_tickets
from freehold.evaluation.tickets import Reading, tickets
from freehold.store.database import Database
from freehold.store.migrations import migrate

TICKETS, CHECKED = 1_000, 100
LABELS = Path(__file__).with_name("labels") / "dstc11_rehearsal.csv"


def planted(number: int) -> tuple[str, str]:
    """A sentence that gives someone away, and the value in it; the same for a number each time."""
    draw = random.Random(number)
    digits = "".join(str(draw.randrange(10)) for _ in range(8))
    name = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(9))
    base = [4, *(draw.randrange(10) for _ in range(14))]
    total = sum(sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit for at, digit in enumerate(base))
    card = "".join(map(str, [*base, -total % 10]))
    return (
        (f" You can write to {name}@mail.example.", f"{name}@mail.example"),
        (f" My number is +44 20 {digits[:4]} {digits[4:]}.", f"+44 20 {digits[:4]} {digits[4:]}"),
        (f" I paid with {card}.", card),
        (f" It is about order number {digits}.", digits),
    )[number % 4]


def export(questions: Sequence[BenchQuestion], path: Path) -> list[str]:
    """Writes the conversations, a message a row; gives the values that were planted."""
    values = []
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("Conversation ID", "Created at", "Author type", "Message"))
        for number, question in enumerate(questions):
            turns = [*question.history, ("user", question.text), ("agent", question.answers[0])]
            if number % 3 == 0:
                sentence, value = planted(number)
                role, text = turns[-2]
                turns[-2] = (role, text + sentence)
                values.append(value)
            for at, (role, text) in enumerate(turns):
                who = "user" if role == "user" else "agent"
                rows.writerow((question.id, f"2026-03-01T10:{at:02}:00Z", who, text))
    return values


def rehearse(home: app.Home, path: Path) -> tuple[str, float]:
    """Reads, masks and replays the file; the rehearsal's id and the seconds it took."""
    began = time.perf_counter()
    file = open_tickets(path)
    reading = Reading(find_columns(file.columns))
    masked = list(tickets(file, reading, limit=None, which="last"))
    begun = home.rehearsals.begin(Wish(path.name))
    for first in range(0, len(masked), 200):
        home.rehearsals.add(begun.id, first, masked[first : first + 200])
    found, job = home.rehearsals.start(begun.id, reading.counts())
    while not (job := home.jobs.get(job.id)).finished:
        print(f"{job.progress.get('done', 0)} of {job.progress.get('total', 0)}", file=sys.stderr, flush=True)
        time.sleep(10)
    if job.state != "done":
        sys.exit(f"{job.state}: {job.error}")
    return found.id, time.perf_counter() - began


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's, 95%."""
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def spilt(folder: Path, values: Sequence[str]) -> list[str]:
    """Where any of these values stands in a file, however written."""
    forms = {form.encode() for value in values for form in (value, value.replace(" ", ""))}
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += [f"{path.name}: {form.decode()}" for form in forms if form in data]
    return found


def checked(ids: Sequence[str]) -> list[str]:
    """The hundred that were read."""
    return sorted(random.Random(7).sample(list(ids), CHECKED))


def cases(folder: Path) -> Iterator[dict[str, str]]:
    """Each ticket with its answer, in the file's order."""
    records = {}
    with (folder / "records.jsonl").open() as file:
        for line in file:
            record = json.loads(line)
            records[record["id"]] = record
    judged = {}
    with (folder / "judged" / "records.jsonl").open() as file:
        for line in file:
            verdict = json.loads(line)
            judged[verdict["id"]] = verdict
    with (folder / "tickets.jsonl").open() as file:
        for number, line in enumerate(file):
            ticket, record = json.loads(line), records[str(number)]
            verdict = judged.get(str(number), {})
            yield {
                "id": ticket["id"],
                "question": ticket["question"],
                "reply": ticket["reply"],
                "outcome": record["outcome"],
                "answer": " / ".join(_told(claim, record["citations"]) for claim in record["claims"]),
                "verdict": verdict.get("verdict", record["outcome"]),
                "chance": str(verdict.get("chance", 0.0)),
            }


def _told(claim: dict[str, Any], citations: Sequence[dict[str, Any]]) -> str:
    """A claim after the titles that it cites."""
    cited = [each["title"] for each in citations if each["number"] in claim["citations"]]
    return " ".join([*(f"[{title}]" for title in cited), claim["text"].strip()])


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    parser.add_argument("--home", type=Path, help="data folder to use, and to leave behind")
    add_model(parser)
    parser.add_argument("--list", action="store_true", help="print the hundred to read, without verdicts")
    options = parser.parse_args()
    app.EVALUATION_NICENESS = 0  # times are reported, so it does not give way here
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as scratch:
        home = options.home or Path(scratch) / "home"
        config = load(home=home, demo=False, embedding_model=options.model)
        bench = dstc11(options.data)
        questions = bench.questions[-TICKETS:]
        values = export(questions, Path(scratch) / "tickets.csv")
        if not config.database.exists():
            home.mkdir(parents=True, exist_ok=True)
            database = Database(config.database)
            migrate(database)
            app.Assistants(database).ensure()
            given = (OwnPassage(p.id, p.document, p.title, p.text) for p in bench.passages)
            fill(database, given, assistant_id="default", name="dstc11")
            embedder = OnnxEmbedder(config.embedder_folder)
            keep_vectors(database, embedder.name, embedded(bench, embedder, options.cache))
            database.close()
        with app.Home(config) as opened:
            name, seconds = rehearse(opened, Path(scratch) / "tickets.csv")
        folder = config.runs / name
        report = json.loads((folder / REPORT).read_text())
        told = {case["id"]: case for case in cases(folder)}
        if options.list:
            for ticket in checked(list(told)):
                case = told[ticket]
                print(
                    f"#{ticket} {case['outcome']}\n Q {case['question']}\n R {case['reply']}"
                    f"\n A {case['answer']}"
                )
        found = spilt(home, values)
    share = report["resolved"]
    print(
        f"{sum(report['outcomes'].values())} tickets in {seconds:.0f} s: {report['outcomes']},"
        f" {report['verdicts']}."
    )
    print(
        f"Masked: {report['reading']['masked']};"
        f" of {len(values)} planted values {len(found)} on disk. {found[:3]}"
    )
    print(f"Would resolve: {share['value']:.3f}, interval {share['low']:.3f} to {share['high']:.3f}.")
    print(f"Cost: {report['cost']}.")
    if LABELS.exists():
        compared(told, share)
    print(f"\n{machine()}; `{shlex.join(['python', *sys.argv])}`.")


def compared(told: dict[str, dict[str, str]], share: dict[str, float]) -> None:
    """What the reader said beside what the report says."""
    with LABELS.open() as file:
        labels = {row["id"]: row for row in csv.DictReader(file)}
    settled = [labels[ticket]["settled"] == "yes" for ticket in labels]
    value = sum(settled) / len(settled)
    low, high = interval(value, len(settled))
    inside = share["low"] <= value <= share["high"]
    print(
        f"Read: {len(labels)}; settled {sum(settled)} = {value:.3f} ({low:.3f} to {high:.3f});"
        f" {'within' if inside else 'OUTSIDE'} the report's interval."
    )
    table = Counter((told[ticket]["verdict"], labels[ticket]["agrees"]) for ticket in labels)
    for (verdict, label), number in sorted(table.items()):
        print(f"  the report: {verdict:<15} the reader: {label:<10} {number}")


if __name__ == "__main__":
    main()
