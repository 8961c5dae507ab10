"""A conversation as the tokens that a model was trained on, in which nobody's words are commands.

The template's text is read with its control tokens, and must be: they part the turns. What people wrote must
not: a message may spell `<|eot_id|>`. So each such spelling in a message is stood in for by a character of
the last private plane while the template is rendered, and is put back as plain text afterwards. A message
without them goes through untouched, whole, so that its tokens are those of training.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from freehold.engines.llama_model import Ids, Model
from freehold.engines.renderer import Renderer

FIRST: Final = 0x100000
PRIVATE: Final = "[\U00100000-\U0010ffff]"
KEPT: Final = 16
"""Prompts whose tokens are remembered: a conversation is measured before it is answered."""


class Prompts:
    """Turns conversations into tokens, by one model's template."""

    def __init__(self, model: Model, renderer: Renderer, control: Sequence[str], *, begin: bool) -> None:
        """`begin` puts the model's beginning token before the text, for templates that do not write it."""
        self._model = model
        self._renderer = renderer
        self._begin = begin
        longest_first = sorted((text for text in control if text), key=len, reverse=True)
        self._commands = re.compile("|".join([*map(re.escape, longest_first), PRIVATE]))
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
        spelt: list[str] = []

        def stand_in(found: re.Match[str]) -> str:
            if found[0] not in spelt:
                spelt.append(found[0])
            return chr(FIRST + spelt.index(found[0]))

        text = self._renderer.render(
            [{**message, "content": self._commands.sub(stand_in, message["content"])} for message in messages]
        )
        ids = []
        for number, part in enumerate(re.split(f"({PRIVATE})", text) if spelt else [text]):
            if number % 2 and ord(part) - FIRST < len(spelt):
                ids.append(self._model.tokenize(spelt[ord(part) - FIRST]))
            elif part or not number:
                ids.append(self._model.tokenize(part, special=True, begin=self._begin and not number))
        return np.concatenate(ids)
