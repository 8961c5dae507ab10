"""Tables of questions and answers: CSV and TSV, JSON and JSON Lines. Each pair is a section of its own."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse_text import add_text
from freehold.knowledge.parsed import Draft, Parsed, clean, one_line

_QUESTIONS = (
    "question questions q faq prompt query title subject heading name instruction input frage fragen titel "
    "pregunta pergunta domanda vraag pytanie вопрос 質問 问题 問題"
).split()
_ANSWERS = (
    "answer answers a body content text response reply solution completion output description antwort "
    "antworten inhalt réponse reponse respuesta resposta risposta antwoord odpowiedź ответ 回答 答案"
).split()
_CATEGORIES = "category section topic group kategorie thema bereich categoría catégorie categoria".split()
_NOT_TEXT = frozenset("id no nr number date type count url link by at score rating author".split())
"""Last words of columns that tell something about a question or answer but are not its words."""
_DELIMITERS = ",;\t|"
_HTML = re.compile(r"</?(?:p|br|div|ul|ol|li|h[1-6]|table|a|b|strong|em|i|span|pre|code)\b[^>]{0,500}>", re.I)
_MAX_FIELD_CHARS = 1_000_000
_MAX_NAMED = 12

Pair = tuple[str, str, str]
"""Question, answer, category (may be empty)."""


def parse_table(text: str, fallback: str) -> Parsed:
    """CSV: the delimiter is the one of comma, semicolon, tab and bar under which the first line names both
    columns. Formulas are text like any other.

    Raises:
        UnreadableDocument: the columns are not there (those found are named), or quotes are broken.
    """
    text = clean(text)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    delimiter, header, columns = _header(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    pairs: list[Pair] = []
    try:
        next(row for row in rows if any(cell.strip() for cell in row))
        for row in rows:
            if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
                raise UnreadableDocument(
                    f"Line {rows.line_num} has {len(row)} cells, the first line names {len(header)} columns.",
                    hint="Put cells that hold the delimiter in double quotes.",
                )
            question, answer, category = (
                row[n].strip() if n is not None and n < len(row) else "" for n in columns
            )
            _keep(pairs, question, answer, category, f"Line {rows.line_num}")
    except csv.Error as error:
        raise UnreadableDocument(
            f"Line {rows.line_num} is not sound CSV: {error}.", hint="Look for a quote that is not closed."
        ) from None
    return _parsed(pairs, fallback)


def parse_records(text: str, fallback: str) -> Parsed:
    """JSON Lines (one object a line), or one JSON array of objects, or an object that holds one.

    Raises:
        UnreadableDocument: bad JSON (with its line), or no question and answer in an object.
    """
    records, places = _records(text)
    pairs: list[Pair] = []
    for record, place in zip(records, places, strict=True):
        if not isinstance(record, dict):
            raise UnreadableDocument(f"{place} is not an object with a question and an answer.")
        names = [str(name) for name in record]
        question, answer, category = _columns(names)
        if question is None or answer is None:
            raise _no_columns(names, place)
        values = [_string(record[names[n]]) if n is not None else "" for n in (question, answer, category)]
        _keep(pairs, values[0], values[1], values[2], place)
    return _parsed(pairs, fallback)


def _keep(pairs: list[Pair], question: str, answer: str, category: str, place: str) -> None:
    if answer and not one_line(question):
        raise UnreadableDocument(f"{place} has an answer but no question.")
    if answer:
        pairs.append((question, answer, category))


def _header(text: str) -> tuple[str, list[str], tuple[int | None, int | None, int | None]]:
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise UnreadableDocument("It holds no text, only white space.")
    best: list[str] = [first]
    for delimiter in _DELIMITERS:
        try:
            names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
        except csv.Error:
            continue
        columns = _columns(names)
        if columns[0] is not None and columns[1] is not None:
            return delimiter, names, columns
        best = max(best, names, key=len)
    raise _no_columns(best, "Its first line")


def _no_columns(names: Sequence[str], place: str) -> UnreadableDocument:
    shown = ", ".join(f"“{one_line(name)[:40]}”" for name in names[:_MAX_NAMED]) or "none"
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return UnreadableDocument(
        f"{place} names no question and answer columns; found: {shown}{more}.",
        hint="Name the columns “question” and “answer”.",
    )


def _columns(names: Sequence[str]) -> tuple[int | None, int | None, int | None]:
    """Places of the question, the answer and the category; words that stand earlier are surer."""
    keys = [re.sub(r"[\W_]+|(?<=[a-z])(?=[A-Z])", " ", name).strip().lower() for name in names]
    question = _place(keys, _QUESTIONS, None)
    answer = _place(keys, _ANSWERS, question)
    return question, answer, _place(keys, _CATEGORIES, None)


def _place(keys: Sequence[str], words: Iterable[str], taken: int | None) -> int | None:
    words = list(words)
    for word in words:
        for n, key in enumerate(keys):
            if n != taken and key == word:
                return n
    for word in (word for word in words if len(word) > 2):
        for n, key in enumerate(keys):
            if n != taken and word in (parts := key.split()) and parts[-1] not in _NOT_TEXT:
                return n
    return None


def _records(text: str) -> tuple[list[Any], list[str]]:
    """The objects, and where each stands."""
    stripped = text.strip()
    if not stripped:
        raise UnreadableDocument("It holds no text, only white space.")
    if stripped[0] == "[" or (stripped[0] == "{" and not _is_json(stripped.partition("\n")[0])):
        value = _json(stripped, "It")
        found = _list_in(value)
        if found is None:
            raise UnreadableDocument("It holds no list of questions and answers.")
        return found, [f"Entry {n}" for n in range(1, len(found) + 1)]
    records, places = [], []
    for n, line in enumerate(text.split("\n"), 1):
        if line.strip():
            records.append(_json(line, f"Line {n}"))
            places.append(f"Line {n}")
    if len(records) == 1 and isinstance(records[0], dict) and (found := _list_in(records[0])):
        return found, [f"Entry {n}" for n in range(1, len(found) + 1)]
    return records, places


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableDocument(f"{place} is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableDocument(f"{place} is not sound JSON: {error}.") from None


def _list_in(value: Any) -> list[Any] | None:
    """The list itself, or the only list of objects an object holds."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        lists = [
            item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)
        ]
        if len(lists) == 1:
            return lists[0]
    return None


def _string(value: Any) -> str:
    """A value as text: lists by lines, an object by its text (schema.org's `acceptedAnswer`)."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "\n".join(_string(item) for item in value)
    if isinstance(value, dict):
        return _string(value.get("text", value.get("value", "")))
    return "" if value is None else str(value)


def _parsed(pairs: Sequence[Pair], fallback: str) -> Parsed:
    if not pairs:
        raise UnreadableDocument("It holds no question with an answer.")
    draft = Draft()
    shown = ""
    for question, answer, category in pairs:
        category = one_line(category)
        if category and category != shown:
            draft.heading(1, category)
        shown = category
        draft.heading(2 if category else 1, _words(question))
        _add_answer(draft, answer)
    return draft.finish(fallback, fallback)


def _words(question: str) -> str:
    return one_line(re.sub(r"<[^>]{0,500}>", " ", question) if _HTML.search(question) else question)


def _add_answer(draft: Draft, answer: str) -> None:
    """An answer as HTML where it is written so, else as plain text; its own headings become bold lines."""
    if not _HTML.search(answer):
        add_text(draft, answer, headings=False)
        return
    from freehold.knowledge.parse_html import add_html

    inner = Draft()
    add_html(inner, answer)
    for kind, level, text in inner.entries:
        draft.entries.append(("paragraph", 0, f"**{text}**") if kind == "heading" else (kind, level, text))
