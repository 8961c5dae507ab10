"""An example as tokens: exactly those that serving makes of it, and which of them are the assistant's.

Where an answer begins is found by rendering the conversation up to there, and where passages stand by
rendering it once more with marks; text that happens to look like a header or a passage cannot mislead it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass

from freehold.errors import FreeholdError, InvalidInput
from freehold.training.examples import Example
from freehold.training.sequence import Sequence, laid_out
from freehold.training.tokens import Tokenizer

_MARK = "\ue0f8"
"""A character for private use, so no text of ours; an example that has it is left out."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example's parts in order, as tokens."""

    parts: tuple[tuple[int, ...], ...]
    scored: tuple[bool, ...]
    """Which parts the assistant wrote, the mark that ends its turn included."""
    passages: range
    """Which parts are passages; none unless it was encoded for blocks."""

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def sequence(self) -> Sequence:
        """Laid out; scored are the assistant's tokens."""
        scored = [[flag] * len(part) for part, flag in zip(self.parts, self.scored, strict=True)]
        return laid_out(self.parts, scored, passages=self.passages)

    def answered_by(self, other: Encoded) -> Encoded:
        """This example's question with another's answer."""
        return Encoded((*self.parts[:-1], other.parts[-1]), self.scored, self.passages)

    def last_only(self) -> Encoded:
        """Scored only in the last answer."""
        return Encoded(self.parts, (*(False for _ in self.scored[1:]), True), self.passages)


def holds_control(example: Example, tokenizer: Tokenizer) -> str | None:
    """What the example's own text spells out and would be read as: a control token, or a mark of turns.

    Also the character that passages are marked with here.
    """
    pattern = re.compile("|".join(map(re.escape, [*tokenizer.special, *tokenizer.marks, _MARK])))
    texts = [example.text, *(message["content"] for message in example.messages)]
    found = next((match for text in texts if (match := pattern.search(text))), None)
    return None if found is None else found.group()


def encoded(example: Example, tokenizer: Tokenizer, *, blocks: bool) -> Encoded:
    """The example's tokens; with `blocks` its passages are parts of their own.

    Raises:
        InvalidInput: the chat template refuses the conversation, or writes the beginning of one otherwise
            than the whole, so that nobody can say which words are the assistant's.
    """
    texts: list[str] = []
    scored: list[bool] = []
    passages = range(0)
    done = ""
    for number, message in enumerate(example.messages):
        if message["role"] != "assistant":
            continue
        asked = _rendered(example, example.messages[:number], tokenizer, answer_next=True)
        told = _rendered(example, example.messages[: number + 1], tokenizer, answer_next=False)
        if not asked.startswith(done) or not told.startswith(asked):
            raise InvalidInput(
                f"{example.where}: the chat template writes the beginning of a conversation otherwise than "
                "the whole of it, so the assistant's words cannot be told apart.",
                hint="Take one whose text only grows with each message.",
            )
        question = asked[len(done) :]
        if blocks and example.passages and not done:
            cut = _cut(example, number, tokenizer, asked)
            texts.extend(cut)
            scored.extend(False for _ in cut)
            passages = range(1, len(cut) - 1)
        else:
            texts.append(question)
            scored.append(False)
        texts.append(told[len(asked) :])
        scored.append(True)
        done = told
    return Encoded(tuple(tuple(tokenizer.encode(text)) for text in texts), tuple(scored), passages)


def _rendered(
    example: Example, messages: Many[Mapping[str, str]], tokenizer: Tokenizer, *, answer_next: bool
) -> str:
    try:
        return tokenizer.conversation(messages, answer_next=answer_next)
    except FreeholdError as error:
        raise InvalidInput(f"{example.where}: {error.message}", hint=error.hint) from None


def _cut(example: Example, number: int, tokenizer: Tokenizer, asked: str) -> list[str]:
    """The rendered question cut before, between and after the passages of the first message."""
    content = example.messages[0]["content"]
    ends = [example.passages[0][0], *(end for _, end in example.passages)]
    pieces = [content[start:end] for start, end in zip([0, *ends], [*ends, len(content)], strict=True)]
    marked = {**example.messages[0], "content": _MARK.join(pieces)}
    rendered = _rendered(example, [marked, *example.messages[1:number]], tokenizer, answer_next=True)
    cut = rendered.split(_MARK)
    if len(cut) != len(pieces) or "".join(cut) != asked:
        raise InvalidInput(
            f"{example.where}: the chat template changes the passages' text, so they cannot be told apart.",
            hint="Let the first message not begin or end with white space.",
        )
    return cut
