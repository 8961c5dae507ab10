"""A conversation as the tokens that a model was trained on, in which nobody's words are commands.

The template's text is read with its control tokens, and must be: they part the turns. What people wrote must
not: a message may spell `<|eot_id|>`. So each such spelling in a message is stood in for by a character of
the last private plane while the template is rendered, and is put back as plain text afterwards. Marks that
the template writes as plain text, which nothing tells from a message's, are parted in messages. A message
without any goes through untouched, whole, so that its tokens are those of training.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from freehold.engines.llama_model import Ids, Model
from freehold.engines.renderer import Renderer
from freehold.errors import InvalidInput
from freehold.models.chat_marks import any_of, parted

FIRST: Final = 0x100000
PRIVATE: Final = "[\U00100000-\U0010ffff]"
MOST_SPELT: Final = 4_096
"""Different spellings in one conversation; no writing has private characters by the thousand."""
KEPT: Final = 16
"""Prompts whose tokens are remembered: a conversation is measured before it is answered."""


class Prompts:
    """Turns conversations into tokens, by one model's template."""

    def __init__(
        self,
        model: Model,
        renderer: Renderer,
        control: Sequence[str],
        *,
        begin: bool,
        marks: Sequence[str] = (),
    ) -> None:
        """`begin` puts the model's beginning token before the text, for templates that do not write it.

        `marks` part turns without being control tokens.
        """
        self._model = model
        self._renderer = renderer
        self._begin = begin
        longest_first = sorted((text for text in control if text), key=len, reverse=True)
        self._commands = re.compile("|".join([*map(re.escape, longest_first), PRIVATE]))
        self._marks = any_of(set(marks) - set(control))
        self._known: OrderedDict[tuple[tuple[str, str], ...], Ids] = OrderedDict()

    def tokens(self, messages: Sequence[Mapping[str, str]]) -> Ids:
        """The prompt for the next turn of a conversation, shape (n,).

        Raises:
            InvalidInput, ModelRejected: as `Renderer.render`.
        """
        name = tuple((message["role"], message["content"]) for message in messages)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._tokens(messages)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known

    def _tokens(self, messages: Sequence[Mapping[str, str]]) -> Ids:
        found: dict[str, str] = {}

        def stand_in(match: re.Match[str]) -> str:
            if match[0] not in found and len(found) >= MOST_SPELT:
                raise InvalidInput(f"The conversation has more than {MOST_SPELT:,} private characters.")
            return found.setdefault(match[0], chr(FIRST + len(found)))

        def plain(content: str) -> str:
            return self._commands.sub(stand_in, parted(content, self._marks))

        text = self._renderer.render(
            [{**message, "content": plain(message["content"])} for message in messages]
        )
        spelt, ids = list(found), []
        for number, part in enumerate(re.split(f"({PRIVATE})", text) if spelt else [text]):
            if number % 2 and ord(part) - FIRST < len(spelt):
                ids.append(self._model.tokenize(spelt[ord(part) - FIRST]))
            elif part or not number:
                ids.append(self._model.tokenize(part, special=True, begin=self._begin and not number))
        return np.concatenate(ids)
