"""Which column of a file of tickets is what: named by option, else found by its usual names.

The usual names are those of Zendesk's, Intercom's, Freshdesk's, Chatwoot's and Help Scout's exports, and
of spreadsheets people write. Knows nothing of what stands in a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from freehold.errors import InvalidInput

_USUAL: Mapping[str, str] = {
    "thread": "ticket id|ticket number|ticket no|conversation id|thread id|case id|case number|issue id"
    "|chat id"
    "|dialog id|dialogue id|session id|display id|ticket|conversation|thread|case|ticket #|id|number|key",
    "subject": "subject|ticket subject|title|summary|topic|betreff|asunto|objet",
    "question": "question|customer question|customer message|customer email|customer text|user message"
    "|inquiry|enquiry"
    "|description|description text|initial message|first message|ticket description|request|problem|query"
    "|incoming"
    "|frage|anfrage|pregunta",
    "reply": "reply|answer|agent reply|agent message|agent response|support reply|first reply|first"
    " response|response"
    "|resolution|solution|public reply|outgoing|agent answer|antwort|respuesta|réponse|reponse",
    "message": "message|body|body text|plain body|text body|comment|comment body|content|message body"
    "|message text|text"
    "|html body|comment text|nachricht|mensaje",
    "author": "author type|author role|sender type|sender role|role|from type|direction|message type"
    "|incoming|is agent"
    "|author|sender|speaker|from|created by|author name|sender name|user type|type",
    "time": "created at|time|timestamp|sent at|datetime|message time|comment created at|date|created"
    "|created on|sent",
    "private": "private|is private|internal|is internal|note|is note|public|is public",
}
_NAMES = re.compile(
    r"(?:requester|customer|contact|user|client|visitor|agent|assignee|author|sender|submitter|recipient"
    r"|assigned to|first|last|full|sur|given"
    r"|family|account|owner|person|participant)(?: (?:first|last|full))? ?name|name|requester|assignee"
    r"|agent|assigned to|contact|customer"
    r"|submitter|from|to|sender|author|recipient|created by|closed by|first name|last name|vorname"
    r"|nachname|kunde"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns as the file has them; None where there is none."""

    thread: str | None = None
    """What the messages of a ticket have in common; without it each row is a ticket."""
    subject: str | None = None
    question: str | None = None
    reply: str | None = None
    message: str | None = None
    author: str | None = None
    time: str | None = None
    private: str | None = None
    names: tuple[str, ...] = ()
    """Columns that hold people's names, masked wherever they stand in the ticket."""

    @property
    def threaded(self) -> bool:
        """Whether a row is one message, and not a whole ticket."""
        return self.message is not None


def find_columns(columns: Sequence[str], named: Mapping[str, str | None] | None = None) -> Columns:
    """The columns of a table, those in `named` (by field of `Columns`) as they are given.

    Raises:
        InvalidInput: a column that was named is not there; the message lists those that are.
        InvalidInput: there is neither question and reply nor message and author.
    """
    given = {role: _given(role, name, columns) for role, name in (named or {}).items() if name is not None}
    taken = set(given.values())
    found: dict[str, str] = dict(given)
    rows = "question" in given or "reply" in given
    threads = "message" in given or "author" in given
    question = found.get("question") or _usual("question", columns, taken)
    reply = found.get("reply") or _usual("reply", columns, taken | {question})
    if threads or not (rows or (question and reply)):
        message = found.get("message") or _usual("message", columns, taken)
        author = found.get("author") or _usual("author", columns, taken | {message})
        thread = found.get("thread") or _usual("thread", columns, taken | {message, author})
        lacking = [n for n, c in (("message", message), ("author", author), ("thread", thread)) if c is None]
        if lacking:
            raise _lacking(columns, question, reply)
        found |= {"message": str(message), "author": str(author), "thread": str(thread)}
        others: Iterable[str] = ("subject", "time", "private")
    else:
        if question is None or reply is None:
            raise _lacking(columns, question, reply)
        found |= {"question": question, "reply": reply}
        others = ("thread", "subject", "private")
    for role in others:
        if role not in found and (name := _usual(role, columns, set(found.values()))) is not None:
            found[role] = name
    used = {found[role] for role in found if role != "author"}
    names = tuple(name for name in columns if name not in used and _NAMES.fullmatch(_key(name)))
    return Columns(**found, names=names)


def _key(name: str) -> str:
    return re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", " ", name).strip().lower()


def _usual(role: str, columns: Sequence[str], taken: set[str | None] | set[str]) -> str | None:
    keys = {name: _key(name) for name in columns if name not in taken}
    for usual in _USUAL[role].split("|"):
        for name, key in keys.items():
            if key == usual:
                return name
    return None


def _given(role: str, name: str, columns: Sequence[str]) -> str:
    for column in columns:
        if column == name:
            return column
    for column in columns:
        if _key(column) == _key(name):
            return column
    raise InvalidInput(
        f"There is no column “{name}” for --{role}; there are: {_shown(columns)}.",
        hint="Name it as the first line of the file does.",
    )


def _lacking(columns: Sequence[str], question: str | None, reply: str | None) -> InvalidInput:
    what = (
        "no column with the replies of people"
        if question
        else "no column with the questions of customers"
        if reply
        else "neither columns with question and reply, nor with message, author and thread"
    )
    return InvalidInput(
        f"Line 1 names {what}; it names: {_shown(columns)}.",
        hint="Name them: --question and --reply where a row is a ticket,"
        " --message, --author and --thread where it is a message.",
    )


def _shown(columns: Sequence[str]) -> str:
    shown = ", ".join(f"“{name[:40]}”" for name in columns[:20])
    return shown + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
