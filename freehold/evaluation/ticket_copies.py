"""Masked tickets written where their owner wants them: as a suite, and, with consent, as examples."""

from __future__ import annotations

import contextlib
import getpass
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from freehold.errors import Conflict, Unavailable
from freehold.evaluation.tickets import Ticket
from freehold.redaction import without_placeholders

Copy = Callable[[Sequence[Ticket]], None]
"""Takes the next tickets."""


@contextlib.contextmanager
def copies(name: str, suite: Path | None, examples: Path | None) -> Iterator[list[Copy]]:
    """What each lot of masked tickets is handed to besides the server; files are whole or not there."""
    kept: list[Copy] = []
    moves: list[tuple[Path, Path]] = []
    with contextlib.ExitStack() as stack:
        if suite is not None:
            if suite.exists() and not (suite.is_dir() and not any(suite.iterdir())):
                raise Conflict(f"{suite} is there already.", hint="Name a folder that is new or empty.")
            make(suite)
            fresh = suite / ".questions.new"
            opened_suite = stack.enter_context(fresh.open("w", encoding="utf-8"))
            kept.append(lambda some: opened_suite.writelines(map(as_question, some)))
            moves.append((fresh, suite / "questions.jsonl"))
            about = f"name = {json.dumps('Tickets of ' + name)}\n"
            (suite / "suite.toml").write_text(about + 'description = "Past tickets, personal data masked"\n')
        if examples is not None:
            make(examples.parent)
            fresh_examples = examples.with_name(f".{examples.name}.new")
            opened_examples = stack.enter_context(fresh_examples.open("w", encoding="utf-8"))
            given = {"given_by": user(), "given_at": time.time(), "words": CONSENT, "file": name}
            kept.append(lambda some: opened_examples.writelines(as_example(each, given) for each in some))
            moves.append((fresh_examples, examples))
        try:
            yield kept
        except BaseException:
            for fresh, _ in moves:
                fresh.unlink(missing_ok=True)
            if suite is not None:
                (suite / "suite.toml").unlink(missing_ok=True)
            raise
    for fresh, place in moves:
        fresh.replace(place)


CONSENT = "I have the right, and the customers' consent, to train on these tickets."


def make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be made: {error.strerror}.") from None


def user() -> str:
    """Who runs this command, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def as_question(ticket: Ticket) -> str:
    """A ticket as a suite's question."""
    value = {
        "id": f"{ticket.id}@{ticket.line}",
        "question": without_placeholders(ticket.question) or ticket.question,
        "history": [{"role": turn.role, "content": turn.text} for turn in ticket.history],
        "answers": [ticket.reply],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def as_example(ticket: Ticket, consent: dict[str, Any]) -> str:
    """A ticket as an example of the task `answer`, its consent beside it."""
    turns = [*({"role": t.role, "content": t.text} for t in ticket.history)]
    messages = [
        *turns,
        {"role": "user", "content": ticket.question},
        {"role": "assistant", "content": ticket.reply},
    ]
    return json.dumps({"task": "answer", "messages": messages, "consent": consent}, ensure_ascii=False) + "\n"
