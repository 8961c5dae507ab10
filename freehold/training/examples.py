"""Files of examples: JSON Lines, one conversation (or text) a line.

{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
{"messages": […], "passages": [[120, 480], [480, 700]]}    characters of the first message, one after another
{"messages": […], "good": true}                            preference: the last answer was good, or was not
{"text": "…"}                                              next-token: a document

A line that a model wrote says so: "teacher": {"name": "…", "licence": "…"}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from freehold.errors import InvalidInput, NotFound
from freehold.training.recipe import Teacher

Kind = Literal["conversation", "marked", "text"]


@dataclass(frozen=True, slots=True)
class Example:
    """One line, checked in form."""

    where: str
    """`file:line`."""
    messages: tuple[Mapping[str, str], ...] = ()
    passages: tuple[tuple[int, int], ...] = ()
    """Characters of the first message's content; they follow one another without a gap."""
    good: bool | None = None
    text: str = ""
    teacher: Teacher | None = None
    """Who wrote it, when a model did."""


def examples(path: Path, kind: Kind) -> Iterator[Example]:
    """The examples of a file, one at a time; blank lines are passed over.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line that is not JSON, or not an example of this kind; says file and line.
    """
    for where, value in lines(path):
        yield _example(value, kind, where)


def lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in a file of JSON Lines, each with `file:line`.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be read, or a line is not a JSON object.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{path.name}:{number}"
                try:
                    value = json.loads(line)
                    if b"\\u" in line:
                        json.dumps(value, ensure_ascii=False).encode()
                except UnicodeEncodeError:
                    raise InvalidInput(
                        f"{where} holds half a character (a lone surrogate), which no text has."
                    ) from None
                except (ValueError, RecursionError) as error:
                    raise InvalidInput(f"{where} is not JSON: {error}.") from None
                if not isinstance(value, dict):
                    raise InvalidInput(f"{where} is not a JSON object.")
                yield where, value


def checked_messages(value: Mapping[str, Any], where: str) -> tuple[Mapping[str, str], ...]:
    """
    Raises:
        InvalidInput: there are none, or one of them is no message.
    """
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidInput(f"{where} has no list `messages`.")
    for message in messages:
        if (
            not isinstance(message, dict)
            or message.get("role") not in ("system", "user", "assistant")
            or not isinstance(message.get("content"), str)
        ):
            raise InvalidInput(
                f"{where} has a message that is none.",
                hint="A message is an object with `role` (system, user or assistant) and `content`.",
            )
    return tuple({"role": each["role"], "content": each["content"]} for each in messages)


def checked_passages(
    value: Mapping[str, Any], messages: tuple[Mapping[str, str], ...], where: str
) -> tuple[tuple[int, int], ...]:
    """
    Raises:
        InvalidInput: they are no passages of the first message.
    """
    return _passages(value.get("passages", []), len(messages[0]["content"]), where)


def _example(value: Mapping[str, Any], kind: Kind, where: str) -> Example:
    teacher = _teacher(value.get("teacher"), where)
    if kind == "text":
        text = value.get("text")
        if not isinstance(text, str):
            raise InvalidInput(f"{where} has no `text`.", hint="The objective `next-token` reads texts.")
        return Example(where, text=text, teacher=teacher)
    messages = checked_messages(value, where)
    if messages[-1]["role"] != "assistant":
        raise InvalidInput(f"{where} does not end with the assistant's message.")
    good = value.get("good")
    if kind == "marked" and not isinstance(good, bool):
        raise InvalidInput(f"{where} does not say whether it is `good` (true or false).")
    return Example(
        where,
        messages=messages,
        passages=checked_passages(value, messages, where),
        good=good if kind == "marked" else None,
        teacher=teacher,
    )


def _teacher(value: Any, where: str) -> Teacher | None:
    if value is None:
        return None
    name, licence = (value.get(key) if isinstance(value, dict) else None for key in ("name", "licence"))
    if not isinstance(name, str) or not isinstance(licence, str) or not licence.strip():
        raise InvalidInput(
            f"{where} was written by a teacher whose name or licence it does not say.",
            hint="`freehold train answers` writes both; nothing is learnt from a teacher without licence.",
        )
    return Teacher(name, licence)


def _passages(value: Any, length: int, where: str) -> tuple[tuple[int, int], ...]:
    sound = isinstance(value, list) and all(
        isinstance(each, list) and len(each) == 2 and all(type(place) is int for place in each)
        for each in value
    )
    if not sound:
        raise InvalidInput(f"{where}: `passages` is a list of pairs of numbers.")
    ends = [place for each in value for place in each]
    if ends and (ends[0] < 0 or ends[-1] > length or any(start >= end for start, end in value)):
        raise InvalidInput(f"{where}: a passage lies outside the first message, or is empty.")
    if ends[1:-1:2] != ends[2::2]:
        raise InvalidInput(
            f"{where}: passages have to follow one another.",
            hint="Count what separates two passages to the first of them.",
        )
    return tuple((start, end) for start, end in value)
