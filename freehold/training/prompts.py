"""Files of conversations that a teacher is to answer: the training format, with or without an answer.

A last turn of the assistant's is left out: the teacher's takes its place. So are a mark `good`, which judged
that turn, and the name of an earlier teacher. All other keys stay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.errors import InvalidInput
from freehold.training.examples import checked_messages, checked_passages, lines

_OF_THE_ANSWER = ("messages", "good", "teacher")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One conversation, ending with the user's words."""

    where: str
    """`file:line`."""
    messages: tuple[Mapping[str, str], ...]
    rest: Mapping[str, Any]
    """The other keys of its line, `passages` among them."""

    @property
    def digest(self) -> str:
        """The same for a prompt and for its answer's line, read as a prompt again."""
        told = json.dumps([self.messages, self.rest], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def answered(self, text: str, teacher: Mapping[str, Any]) -> dict[str, Any]:
        """The example that it becomes. The teacher stands first, so that a torn line can be told for ours."""
        messages = [*self.messages, {"role": "assistant", "content": text}]
        return {"teacher": dict(teacher), "messages": messages, **self.rest}


def prompts(path: Path) -> Iterator[Prompt]:
    """The prompts of a file, one at a time; blank lines are passed over.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line that is not JSON, or not a conversation that can be answered; says file and line.
    """
    for where, value in lines(path):
        yield prompt_of(value, where)


def prompt_of(value: Mapping[str, Any], where: str) -> Prompt:
    """
    Raises:
        InvalidInput: it is not a conversation that can be answered.
    """
    messages = checked_messages(value, where)
    checked_passages(value, messages, where)
    if messages[-1]["role"] == "assistant":
        messages = messages[:-1]
    if not messages or messages[-1]["role"] != "user":
        raise InvalidInput(
            f"{where} asks nothing.", hint="Before the answer stands the user's message, which is answered."
        )
    if any(each["role"] == "system" for each in messages[1:]):
        raise InvalidInput(
            f"{where} has a system message in the middle.", hint="It stands first, or not at all."
        )
    rest = {key: each for key, each in value.items() if key not in _OF_THE_ANSWER}
    return Prompt(where, messages, rest)
