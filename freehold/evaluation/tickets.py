"""Past tickets, ready to be replayed: what was asked and what a person replied, personal data masked.

Masking comes before anything leaves this module: a `Ticket` has no unmasked text. With a limit, tickets
are drawn at random (by a keyed hash of their id) in one pass over the file, so a sample of a million rows
takes the memory of the sample; without one, the file is read in several passes, some of the tickets in each.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from freehold.evaluation import mail
from freehold.evaluation.columns import Columns
from freehold.evaluation.tables import Row
from freehold.evaluation.threads import Thread, nested, of_record, of_row, of_rows
from freehold.evaluation.ticket_file import TicketFile
from freehold.redaction import Masker
from freehold.types import Turn

MOST_QUESTION_CHARS = 4_000
MOST_REPLY_CHARS = 8_000
MOST_TURNS = 10
"""Turns before the question that are kept, as a live conversation keeps them."""
_ROWS_AT_ONCE = 100_000
_LEARNED_CHARS = 20_000
_SUBJECT_SAYS_NOTHING = re.compile(
    r"(?:(?:re|fwd?|aw|wg|tr|rv)\s*:\s*)*(?:\(?no subject\)?|conversation with .*|new (?:message|ticket"
    r"|conversation).*|contact form.*"
    r"|question|help|support|hi|hello|urgent|issue|problem|request|chat .*)?",
    re.I,
)

Which = Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One replayable ticket, masked."""

    id: str
    """The export's own id where it is one that names no person, else the line."""
    line: int
    question: str
    reply: str
    history: tuple[Turn, ...] = ()
    """Turns before the question, oldest first."""
    messages: int = 2
    """Messages that people exchanged in the whole ticket."""


@dataclass(slots=True)
class Reading:
    """What came of reading a file; counts grow while `tickets` is consumed."""

    columns: Columns | None
    """None where each record holds its messages itself."""
    rows: int = 0
    threads: int = 0
    """Tickets in the file."""
    drawn: int = 0
    """Of these, drawn and taken apart."""
    usable: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Why tickets that were drawn cannot be replayed."""
    masked: Counter[str] = field(default_factory=Counter)
    """Stretches masked, by kind."""

    def counts(self) -> dict[str, Any]:
        """All but the columns, ready for `json.dumps`."""
        return {
            "rows": self.rows,
            "threads": self.threads,
            "drawn": self.drawn,
            "usable": self.usable,
            "left_out": dict(self.left_out),
            "masked": dict(self.masked),
        }


def tickets(
    file: TicketFile, reading: Reading, *, limit: int | None, which: Which = "first", seed: int = 0
) -> Iterator[Ticket]:
    """The masked tickets of a file in its order, at most `limit` of them drawn at random.

    Raises:
        InvalidInput: a row cannot be read; the message has its line.
    """
    for thread in _threads(file, reading, limit, seed):
        reading.drawn += 1
        found = _ticket(thread, which, reading)
        if isinstance(found, Ticket):
            reading.usable += 1
            yield found
        else:
            reading.left_out[found] += 1


def holds_messages(file: TicketFile) -> bool:
    """Whether the file's records hold their messages themselves, so that there are no columns to find."""
    return not file.is_table and nested(file.first.values)


def _threads(file: TicketFile, reading: Reading, limit: int | None, seed: int) -> Iterator[Thread]:
    columns = reading.columns
    if columns is None or not columns.threaded:
        rows = _counted(file.rows(), reading)
        if limit is not None:
            rows = iter(_drawn_rows(rows, limit, seed))
        for row in rows:
            reading.threads = reading.rows
            yield of_record(row) if columns is None else of_row(row, columns)
        reading.threads = reading.rows
        return
    if limit is not None:
        for group in _drawn_groups(_counted(file.rows(), reading), reading, columns, limit, seed):
            yield of_rows(group, columns)
        return
    marks = array("Q", (_mark(row, columns, seed) for row in _counted(file.rows(), reading)))
    reading.threads = len(set(marks))
    parts = 1 + len(marks) // _ROWS_AT_ONCE
    for part in range(parts):
        groups: dict[int, list[Row]] = {}
        for row in file.rows():
            if (mark := _mark(row, columns, seed)) % parts == part:
                groups.setdefault(mark, []).append(row)
        for group in groups.values():
            yield of_rows(group, columns)


def _counted(rows: Iterable[Row], reading: Reading) -> Iterator[Row]:
    for row in rows:
        reading.rows += 1
        yield row


def _mark(row: Row, columns: Columns, seed: int) -> int:
    value = row.values.get(columns.thread or "")
    name = str(value).strip() if value not in (None, "") else f"line {row.line}"
    return _hash(name, seed)


def _hash(name: str, seed: int) -> int:
    return int.from_bytes(
        hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "replace"), digest_size=8).digest()
    )


def _drawn_rows(rows: Iterable[Row], limit: int, seed: int) -> list[Row]:
    """The `limit` rows with the smallest hashes, in the file's order."""
    chosen = heapq.nsmallest(limit, ((_hash(str(row.line), seed), row.line, row) for row in rows))
    return [row for _, _, row in sorted(chosen, key=lambda one: one[1])]


def _drawn_groups(
    rows: Iterable[Row], reading: Reading, columns: Columns, limit: int, seed: int
) -> list[list[Row]]:
    """The rows of the `limit` tickets with the smallest hashes.

    The bound falls only, so a ticket that is among them at the end was so at its first row, and no row
    of it was passed over.
    """
    kept: dict[int, list[Row]] = {}
    heap: list[int] = []
    seen: set[int] = set()
    for row in rows:
        mark = _mark(row, columns, seed)
        seen.add(mark)
        if mark in kept:
            kept[mark].append(row)
        elif len(heap) < limit:
            heapq.heappush(heap, -mark)
            kept[mark] = [row]
        elif mark < -heap[0]:
            del kept[-heapq.heapreplace(heap, -mark)]
            kept[mark] = [row]
    reading.threads = len(seen)
    return sorted(kept.values(), key=lambda group: group[0].line)


def _ticket(thread: Thread, which: Which, reading: Reading) -> Ticket | str:
    """The ticket, or why it cannot be replayed."""
    told = [message for message in thread.messages if message.role in ("customer", "agent")]
    people = [message for message in told if not mail.automatic(mail.plain(message.text))]
    spoken = [(message.role, mail.said(message.text)) for message in people]
    turns = [(role, text) for role, text in spoken if text]
    subject = _subject(thread.subject)
    if not any(role == "customer" for role, _ in turns) and not subject:
        return "no customer asks anything"
    if subject and (not turns or turns[0][0] == "agent"):
        turns.insert(0, ("customer", subject))
    elif subject and not _says(turns[0][1], subject):
        turns[0] = (turns[0][0], f"{subject}\n\n{turns[0][1]}")
    exchange = _exchange(turns, which)
    if exchange is None:
        machine = any(message.role == "agent" for message in told if message not in people)
        return "only a machine replied" if machine else "no person replied"
    before, question, reply = exchange
    masker = Masker(thread.names)
    for message in told:
        masker.learn(mail.plain(message.text)[:_LEARNED_CHARS])
    ticket = Ticket(
        _shown_id(thread),
        thread.line,
        masker.mask(_cut(question, MOST_QUESTION_CHARS)),
        masker.mask(_cut(reply, MOST_REPLY_CHARS)),
        tuple(
            Turn("user" if role == "customer" else "assistant", masker.mask(_cut(text, MOST_QUESTION_CHARS)))
            for role, text in before[-MOST_TURNS:]
        ),
        len(told),
    )
    reading.masked.update(masker.found)
    return ticket


def _exchange(
    turns: Sequence[tuple[str, str]], which: Which
) -> tuple[Sequence[tuple[str, str]], str, str] | None:
    """Turns before, question and reply: a run of the customer's messages and the run of replies after it."""
    runs: list[tuple[str, int, int]] = []
    for at, (role, _) in enumerate(turns):
        if runs and runs[-1][0] == role:
            runs[-1] = (role, runs[-1][1], at + 1)
        else:
            runs.append((role, at, at + 1))
    pairs = [(a, b) for a, b in pairwise(runs) if a[0] == "customer"]
    if not pairs:
        return None
    (_, start, middle), (_, _, end) = pairs[0] if which == "first" else pairs[-1]
    question = "\n\n".join(text for _, text in turns[start:middle])
    return turns[:start], question, "\n\n".join(text for _, text in turns[middle:end])


def _subject(text: str) -> str:
    text = " ".join(mail.plain(text).split())
    if _SUBJECT_SAYS_NOTHING.fullmatch(text):
        return ""
    return re.sub(r"^(?:(?:re|fwd?|aw|wg|tr|rv)\s*:\s*)+", "", text, flags=re.I)[:300]


def _says(text: str, subject: str) -> bool:
    """Whether the text has all of the subject's words already."""
    words = re.findall(r"\w+", text.lower())
    return set(re.findall(r"\w+", subject.lower())) <= set(words)


def _shown_id(thread: Thread) -> str:
    bare = thread.id.strip()
    ours = re.fullmatch(r"[A-Za-z0-9_.:#-]{1,40}", bare) and not Masker().find(bare) and "@" not in bare
    return bare if ours or re.fullmatch(r"\d{1,6}", bare) else f"line {thread.line}"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return text[:most].rsplit(None, 1)[0] + " …"
