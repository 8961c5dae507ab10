"""A streamed chat completion, read strictly: the chunks' text, why it ended, and what it took."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from freehold.engines.base import FinishReason
from freehold.engines.endpoint_faults import Faults, complaint_in
from freehold.engines.event_stream import EventStream, NotEvents

DONE = "[DONE]"
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class ChatStream:
    """Fed the bytes of one answer, it gives the pieces of text."""

    def __init__(self, faults: Faults) -> None:
        self.reason: FinishReason | None = None
        """Why the model stopped; None until it has."""
        self.done = False
        """The endpoint has said that nothing more comes."""
        self.chunks = 0
        """Pieces of text so far: about a token each."""
        self.prompt_tokens: int | None = None
        self.cached_tokens = 0
        self.completion_tokens: int | None = None
        self._faults = faults
        self._events = EventStream()

    def feed(self, piece: bytes) -> Iterator[str]:
        """
        Raises:
            EndpointNonsense: these bytes are not the interface's.
            EndpointBrokeOff: the endpoint gives up in the middle.
            EndpointError, InvalidInput: it tells of an error instead.
        """
        try:
            for data in self._events.feed(piece):
                if self.done:
                    return
                if data.strip() == DONE:
                    self.done = True
                elif text := self._chunk(data):
                    self.chunks += 1
                    yield text
        except NotEvents as error:
            raise self._faults.nonsense(str(error)) from None

    def ended(self) -> FinishReason:
        """The bytes are at their end; why the answer is, too.

        Raises:
            EndpointBrokeOff: it is not.
        """
        if self.reason is None:
            raise self._faults.broke_off("it ended before the answer did")
        return self.reason

    def _chunk(self, data: str) -> str:
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise self._faults.nonsense(f"an event that is not JSON, “{self._cut(data)}”") from None
        complaint = complaint_in(chunk)
        if complaint is not None:
            raise self._faults.complained(complaint)
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        if not isinstance(choices, list):
            raise self._faults.nonsense(f"an event without choices, “{self._cut(data)}”")
        self._count(chunk.get("usage"))
        return "".join(map(self._choice, choices))

    def _choice(self, choice: Any) -> str:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        text = delta.get("content") if isinstance(delta, dict) else 0
        if text is not None and not isinstance(text, str):
            raise self._faults.nonsense("a choice without a delta of text")
        reason = choice.get("finish_reason")
        if reason is not None:
            self.reason = self._ended_by(reason)
        return _SURROGATE.sub("\ufffd", text or "")

    def _ended_by(self, reason: Any) -> FinishReason:
        if reason == "stop":
            return "stop"
        if reason == "length":
            return "length"
        if reason == "content_filter":
            raise self._faults.withheld()
        raise self._faults.broke_off(f"it gives {self._cut(str(reason))!r} as its reason")

    def _cut(self, text: str) -> str:
        """The beginning of a text, cut when the key is out of it: half a key is one too."""
        return self._faults.quoted(text)[:60]

    def _count(self, usage: Any) -> None:
        if usage is None:
            return
        if not isinstance(usage, dict):
            raise self._faults.nonsense("a usage that is none")
        self.prompt_tokens = self._number(usage, "prompt_tokens")
        self.completion_tokens = self._number(usage, "completion_tokens")
        details = usage.get("prompt_tokens_details")
        if isinstance(details, dict) and details.get("cached_tokens") is not None:
            self.cached_tokens = self._number(details, "cached_tokens")

    def _number(self, usage: dict[str, Any], name: str) -> int:
        value = usage.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise self._faults.nonsense(f"a usage whose {name} is no number of tokens")
        return value
