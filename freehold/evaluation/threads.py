"""The messages of a ticket, out of rows or out of the nested records of help desks' exports.

Knows who wrote a message (customer, agent, or no person) by the words exports use for it; in a thread
whose authors are only names, whoever wrote first is the customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from freehold.evaluation.columns import Columns
from freehold.evaluation.tables import Row

Role = Literal["customer", "agent", "nobody", "unknown"]

_CUSTOMER = re.compile(
    r"customer|end[ _-]?user|user|requester|visitor|contact|client|lead|incoming|inbound|in|received"
    r"|buyer|guest|kunde|0|from customer"
)
_AGENT = re.compile(
    r"agent|admin|staff|support|operator|team(?:mate|[ _-]?member)?|outgoing|outbound|out|sent|assistant"
    r"|employee|representative|rep|owner|reply|1"
)
_NOBODY = re.compile(
    r"bot|system|automation|trigger|workflow|activity|lineitem|line item|note|private|internal|phone|2"
    r"|auto(?:matic)?(?:[ _-]reply)?"
)
_LISTS = (
    "comments conversation_parts conversations messages threads replies parts events turns history".split()
)
_TEXTS = (
    "body_text plain_body text_body content body text message description_text description html_body".split()
)
_OPENINGS = "description_text description body_text body question".split()
_AUTHORS = "author_type sender_type role from_type direction message_type author_role type speaker".split()
_TIMES = "created_at createdAt timestamp time sent_at date".split()
_IDS = "ticket_id conversation_id id display_id number key uuid".split()
_TRUE = re.compile(r"true|yes|1|y|ja|oui|wahr", re.I)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was exported."""

    role: Role
    text: str
    author: str = ""
    """Who, where the export says: an id or a name."""
    when: float | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A ticket before anything was taken out or masked."""

    id: str
    line: int
    subject: str
    messages: tuple[Message, ...]
    names: tuple[str, ...] = ()


def of_row(row: Row, columns: Columns) -> Thread:
    """A ticket that is one row: question and reply."""
    field = row.values
    messages = (
        Message("customer", text_of(field.get(columns.question or ""))),
        Message("agent", text_of(field.get(columns.reply or ""))),
    )
    return Thread(
        text_of(field.get(columns.thread or "")),
        row.line,
        text_of(field.get(columns.subject or "")),
        messages,
        tuple(text_of(field.get(name)) for name in columns.names),
    )


def of_rows(rows: Sequence[Row], columns: Columns) -> Thread:
    """A ticket whose rows are messages, in the order of their times where all have one."""
    messages = []
    for row in rows:
        field = row.values
        author = text_of(field.get(columns.author or ""))
        role = "nobody" if _is_private(field, columns.private) else _role(columns.author or "", author)
        text = text_of(field.get(columns.message or ""))
        messages.append(Message(role, text, author, moment(field.get(columns.time or ""))))
    names = {text_of(row.values.get(name)) for row in rows for name in columns.names}
    names |= {message.author for message in messages if message.role == "unknown"}
    first = rows[0]
    return Thread(
        text_of(first.values.get(columns.thread or "")),
        first.line,
        text_of(first.values.get(columns.subject or "")),
        _told(messages),
        tuple(sorted(names)),
    )


def nested(fields: Mapping[str, Any]) -> bool:
    """Whether an object holds its messages itself."""
    return _parts(fields) is not None


def of_record(row: Row) -> Thread:
    """A ticket as Zendesk, Intercom, Freshdesk, Chatwoot or Help Scout write it in JSON."""
    fields = row.values
    messages = [_part(part, fields) for part in _parts(fields) or ()]
    source = fields.get("source")
    opening = text_of(source.get("body")) if isinstance(source, dict) else ""
    opening = opening or next((text for name in _OPENINGS if (text := text_of(fields.get(name)))), "")
    firsts = [message.text.strip() for message in messages if message.text.strip()]
    if opening.strip() and opening.strip() not in firsts:
        messages.insert(0, Message("customer", opening, when=_when(fields)))
    names = set(_names(fields))
    for part in _parts(fields) or ():
        names |= set(_names(part))
    subject = text_of(fields.get("subject")) or text_of(fields.get("title"))
    if not subject and isinstance(source, dict):
        subject = text_of(source.get("subject"))
    place = next((text_of(fields[name]) for name in _IDS if fields.get(name) not in (None, "")), "")
    return Thread(place, row.line, subject, _told(messages), tuple(sorted(names)))


def text_of(value: Any) -> str:
    """A value as text."""
    if isinstance(value, str):
        return value[1:] if re.match(r"'[=+@-]", value) else value  # exports guard formulas with a quote
    if isinstance(value, dict):
        return next((text for name in _TEXTS if (text := text_of(value.get(name)))), "")
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_of, value)))
    return "" if value is None or isinstance(value, bool) else str(value)


def moment(value: Any) -> float | None:
    """A time as seconds: ISO 8601, a mail's date, or a number of (milli)seconds."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float) or re.fullmatch(r"\d{9,13}(?:\.\d+)?", str(value).strip()):
        seconds = float(value)
        return seconds / 1000 if seconds > 1e11 else seconds
    text = str(value).strip()
    for read in (_iso, parsedate_to_datetime):
        try:
            return read(text).timestamp()
        except (ValueError, TypeError, OverflowError, OSError, IndexError):
            continue
    return None


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", text))


def _parts(fields: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    for name in _LISTS:
        value = fields.get(name)
        if isinstance(value, dict):  # Intercom's {conversation_parts: {conversation_parts: […]}}
            value = value.get(name)
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            return value
    for name in ("_embedded", "ticket", "conversation"):
        inner = fields.get(name)
        if isinstance(inner, dict) and (found := _parts(inner)) is not None:
            return found
    return None


def _part(part: Mapping[str, Any], ticket: Mapping[str, Any]) -> Message:
    text = next((text for name in _TEXTS if (text := text_of(part.get(name)))), "")
    author, role = _author(part, ticket)
    hidden = part.get("private") is True or part.get("public") is False
    if hidden or str(part.get("part_type", "comment")) not in ("comment", "open", "close", "assignment"):
        role = "nobody"
    return Message(role, text, author, _when(part))


def _author(part: Mapping[str, Any], ticket: Mapping[str, Any]) -> tuple[str, Role]:
    if isinstance(part.get("incoming"), bool):
        return "", "customer" if part["incoming"] else "agent"
    if str(part.get("type", "")).lower() in ("note", "lineitem", "phone"):
        return "", "nobody"
    for name in ("author", "sender", "createdBy", "created_by", "from"):
        person = part.get(name)
        if isinstance(person, dict):
            kind = text_of(person.get("type")) or text_of(person.get("role"))
            role = _role("createdBy" if name == "createdBy" else name, kind)
            if role != "unknown":
                return text_of(person.get("id")), role
        elif isinstance(person, str) and person:
            return person, _role(name, person)
    asker = ticket.get("requester_id", ticket.get("submitter_id"))
    if "author_id" in part and asker is not None:
        return str(part["author_id"]), "customer" if part["author_id"] == asker else "agent"
    for name in _AUTHORS:
        if part.get(name) not in (None, ""):
            return "", _role(name, str(part[name]))
    return str(part.get("author_id") or part.get("user_id") or ""), "unknown"


def _role(column: str, value: str) -> Role:
    word = " ".join(value.lower().split())
    key = re.sub(r"[\W_]+", " ", column).lower().strip()
    if key == "createdBy".lower():  # Help Scout calls its own people users
        return "agent" if word in ("user", "team") else "customer" if word == "customer" else "unknown"
    if key in ("incoming", "is customer", "is agent", "is staff", "outgoing"):
        yes = _TRUE.fullmatch(word) is not None
        return "customer" if yes == (key in ("incoming", "is customer")) else "agent"
    for pattern, role in ((_NOBODY, "nobody"), (_CUSTOMER, "customer"), (_AGENT, "agent")):
        if pattern.fullmatch(word):
            return role  # type: ignore[return-value]  # the tuple's words are roles
    return "unknown"


def _is_private(fields: Mapping[str, Any], column: str | None) -> bool:
    if column is None:
        return False
    yes = fields.get(column) is True or _TRUE.fullmatch(text_of(fields.get(column)).strip()) is not None
    no = fields.get(column) is False or not yes
    return no if "public" in column.lower() else yes


def _told(messages: Iterable[Message]) -> tuple[Message, ...]:
    """In order of time where every message has one, authors without a role told apart."""
    ordered = [message for message in messages if message.text.strip()]
    if all(message.when is not None for message in ordered):
        ordered.sort(key=lambda message: message.when or 0.0)
    firsts = [message.author for message in ordered if message.role == "unknown"]
    if not firsts:
        return tuple(ordered)
    asker = firsts[0] if not any(message.role == "customer" for message in ordered) else None
    return tuple(
        replace(message, role="customer" if message.author == asker else "agent")
        if message.role == "unknown"
        else message
        for message in ordered
    )


def _when(fields: Mapping[str, Any]) -> float | None:
    return next((when for name in _TIMES if (when := moment(fields.get(name))) is not None), None)


def _names(fields: Mapping[str, Any]) -> Iterator[str]:
    """What stands as a name anywhere in a ticket's people."""
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from _names(value)
        elif isinstance(value, list) and key in ("contacts", "customers", "participants"):
            yield from (name for each in value if isinstance(each, dict) for name in _names(each))
        elif isinstance(value, str) and re.fullmatch(
            r"(?:\w+_)?name|first|last|(?:first|last|full)Name|requester|assignee|agent", key
        ):
            yield value
