"""From rows of a file to questions with what is known of their answers, and to passages.

Knows nothing of files or folders; what cannot be used is told with the row's place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from freehold.evaluation.tables import Columns, Row, listed
from freehold.types import Query, Turn

LONGEST_QUESTION = 20_000
"""Characters."""

QUESTION_COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("id", "question id", "example id", "uuid"),
    "question": ("question", "query", "utterance", "prompt", "text", "frage"),
    "history": ("history", "conversation", "messages", "turns"),
    "passages": ("passages", "passage ids", "passage id", "gold passages"),
    "documents": ("documents", "document", "gold documents", "document location", "location", "url"),
    "quotes": ("quotes", "quote", "evidence", "gold quotes"),
    "answers": (
        "answers",
        "answer",
        "gold answers",
        "gold answer",
        "expected answer",
        "reference",
        "response",
    ),
    "answerable": ("answerable", "is answerable"),
    "unanswerable": ("unanswerable", "is impossible", "impossible"),
    "kind": ("kind", "category"),
    "context": ("context", "passage", "passage text"),
    "title": ("title", "context title"),
}
"""What a suite's questions may have, and the names of columns under which each is looked for."""

PASSAGE_COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("id", "passage id"),
    "document": ("document", "document id", "article", "page"),
    "title": ("title", "document title", "heading", "name"),
    "text": ("text", "passage", "content", "body", "context"),
}

_ROLES: Mapping[str, Literal["user", "assistant"]] = {
    **dict.fromkeys(("user", "customer", "visitor", "human", "client", "u"), "user"),
    **dict.fromkeys(("assistant", "agent", "bot", "ai", "support", "s"), "assistant"),
}
_SPOKEN = re.compile(r"^\s*(\w+)\s*:\s*(.*)$")
_TRUE = frozenset("true yes y 1 t wahr ja oui si sí".split())
_FALSE = frozenset("false no n 0 f falsch nein non".split())


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what is known of its answer."""

    id: str
    text: str
    history: tuple[Turn, ...] = ()
    passages: tuple[str, ...] = ()
    """Gold passages, by the ids of the suite's own ones. Each gold list may be empty."""
    documents: tuple[str, ...] = ()
    """Gold documents: path within their source, URL or title."""
    quotes: tuple[str, ...] = ()
    """Words that a gold passage holds."""
    answers: tuple[str, ...] = ()
    """Gold answers; any of them will do."""
    answerable: bool = True
    """Whether the documents answer it; if not, a refusal is right."""
    kind: str = ""
    """What sort of question it is; of unanswerable ones, why."""

    @property
    def query(self) -> Query:
        return Query(self.text, self.history)


@dataclass(frozen=True, slots=True)
class OwnPassage:
    """A passage that a suite brings with it, to be found whole."""

    id: str
    document: str
    """The page, article or place that it is from."""
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every row that does not say otherwise."""

    answerable: bool = True
    kind: str = ""
    unanswerable_kind: str = "unanswerable"


@dataclass(frozen=True, slots=True)
class QuestionRows:
    """Reads rows as questions."""

    columns: Columns
    defaults: Defaults = field(default_factory=Defaults)

    def question(self, row: Row) -> Question:
        """
        Raises:
            InvalidInput: the row cannot be read as one, with its place.
        """
        given = self.columns.of(row)
        value = {thing: row.values[column] for thing, column in given.items()}
        history = _turns(row, value.get("history"))
        if "question" in given:
            text = _text(row, "question", value["question"])
        elif history and history[-1].role == "user":
            text, history = history[-1].text.strip(), history[:-1]
        elif "history" in given:
            raise row.wrong("the conversation does not end with the customer, so nothing is asked.")
        else:
            raise row.wrong(
                f"there is no question in it; {listed(tuple(row.values))}.",
                hint="Call the column `question`, or name it: --column question=NAME.",
            )
        if not text:
            raise row.wrong("the question is empty.")
        if len(text) > LONGEST_QUESTION:
            raise row.wrong(f"the question is longer than {LONGEST_QUESTION:,} characters.")
        passages = _texts(row, "passages", value.get("passages"))
        if own := context_of(row, value):
            passages = (own.id, *passages)
        answers = value.get("answers")
        answerable = self._answerable(row, value)
        kind = _text(row, "kind", value.get("kind")) or self.defaults.kind
        return Question(
            id=_text(row, "id", value.get("id")) or f"line-{row.line}",
            text=text,
            history=history,
            passages=tuple(dict.fromkeys(passages)),
            documents=_texts(row, "documents", value.get("documents")),
            quotes=_texts(row, "quotes", value.get("quotes")),
            answers=_texts(row, "answers", answers.get("text") if isinstance(answers, dict) else answers),
            answerable=answerable,
            kind=kind if answerable else kind or self.defaults.unanswerable_kind,
        )

    def _answerable(self, row: Row, value: Mapping[str, Any]) -> bool:
        said = _truth(row, "answerable", value.get("answerable"))
        if said is None and (against := _truth(row, "unanswerable", value.get("unanswerable"))) is not None:
            said = not against
        answers = value.get("answers")
        if said is None and isinstance(answers, dict):  # SQuAD's shape: no text means that nothing answers
            said = bool(answers.get("text"))
        return self.defaults.answerable if said is None else said


def context_of(row: Row, value: Mapping[str, Any]) -> OwnPassage | None:
    """The passage that a question's own row brings with it, if it does; equal texts are one passage."""
    text = _text(row, "context", value.get("context"))
    if not text:
        return None
    title = _text(row, "title", value.get("title"))
    digest = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16]
    return OwnPassage(f"passage-{digest}", title, title, text)


def own_passage(row: Row, columns: Columns) -> OwnPassage:
    """
    Raises:
        InvalidInput: the row has no id or no text.
    """
    value = {thing: row.values[column] for thing, column in columns.of(row).items()}
    for thing in ("id", "text"):
        if thing not in value:
            raise row.wrong(f"a passage needs the column {thing}; {listed(tuple(row.values))}.")
        if not _text(row, thing, value[thing]):
            raise row.wrong(f"the passage's {thing} is empty.")
    title = _text(row, "title", value.get("title"))
    return OwnPassage(
        id=_text(row, "id", value["id"]),
        document=_text(row, "document", value.get("document")) or title,
        title=title,
        text=str(value["text"]),
    )


def _turns(row: Row, value: Any) -> tuple[Turn, ...]:
    """A conversation: JSON as most programs write it, or lines that begin with who speaks."""
    if isinstance(value, str):
        value = value.strip()
        if value.startswith("["):
            value = _json(row, "history", value)
        else:
            return _spoken(row, value)
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise row.wrong("the history is not a list of turns.")
    turns = []
    for turn in value:
        if isinstance(turn, dict):
            role, text = turn.get("role", turn.get("speaker")), turn.get("content", turn.get("text"))
        elif isinstance(turn, list) and len(turn) == 2:
            role, text = turn
        else:
            raise row.wrong("a turn of the history is neither {role, text} nor [role, text].")
        if not isinstance(text, str):
            raise row.wrong("a turn of the history has no text.")
        turns.append(Turn(_role(row, role), text))
    return tuple(turns)


def _spoken(row: Row, text: str) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for line in text.splitlines():
        match = _SPOKEN.match(line)
        if match and match[1].lower() in _ROLES:
            turns.append(Turn(_role(row, match[1]), match[2]))
        elif turns:
            turns[-1] = Turn(turns[-1].role, f"{turns[-1].text}\n{line}")
        elif line.strip():
            raise row.wrong(
                "the history does not begin with who speaks.",
                hint='Write `user: …` and `assistant: …` on lines of their own, or JSON: [["user", "…"]].',
            )
    return tuple(turns)


def _role(row: Row, role: Any) -> Literal["user", "assistant"]:
    found = _ROLES.get(str(role).strip().lower())
    if found is None:
        raise row.wrong(f"nobody called {str(role)[:40]!r} is known in a history; write user or assistant.")
    return found


def _texts(row: Row, thing: str, value: Any) -> tuple[str, ...]:
    """Several texts: a JSON list, or one a line."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = _json(row, thing, value) if value.lstrip().startswith("[") else value.splitlines()
    if isinstance(value, (int, float)):
        value = [str(value)]
    if not isinstance(value, list) or not all(isinstance(each, (str, int, float)) for each in value):
        raise row.wrong(f"{thing} is not a text or a list of texts.")
    return tuple(dict.fromkeys(text for each in value if (text := str(each).strip())))


def _text(row: Row, thing: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise row.wrong(f"{thing} is not text.")
    return str(value).strip()


def _truth(row: Row, thing: str, value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said not in _TRUE | _FALSE:
        raise row.wrong(f"{thing} is {said[:40]!r}; write true or false.")
    return said in _TRUE


def _json(row: Row, thing: str, text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise row.wrong(f"{thing} begins like a JSON list and is none.") from None
    return cast(list[Any], value)
