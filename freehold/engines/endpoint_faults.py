"""What goes wrong at the endpoint of a remote model, told apart, in our words.

What an endpoint says of itself is untrusted: it is quoted short, printable, and without the key, which some
endpoints repeat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from freehold.errors import (
    EndpointBrokeOff,
    EndpointError,
    EndpointNonsense,
    EndpointRefused,
    EndpointTimedOut,
    EndpointUnreachable,
    FreeholdError,
    InvalidInput,
    Overloaded,
)
from freehold.models.endpoint import Endpoint
from freehold.net.response import retry_after

QUOTED_CHARS = 200
MAX_FAULT_BYTES = 65_536
OVERLOADED = frozenset({429, 503, 529})
UNREACHED = frozenset({502, 504, 521, 522, 523, 524})
"""Statuses by which a proxy says that it does not reach the endpoint behind it."""
_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|maximum context length|exceeds? the available context"
    r"|maximum model length|longer than the (maximum )?(model|context)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as the interface has it."""

    message: str
    kind: str
    """Its `type` and `code`, in whatever words the endpoint has for them."""

    @property
    def too_long(self) -> bool:
        """Whether it says that prompt and answer do not fit the context."""
        return bool(_TOO_LONG.search(f"{self.kind} {self.message}"))


def complaint_in(body: Any) -> Complaint | None:
    """The error in a JSON value, in either of the forms in which endpoints give it.

    `{"error": {"message", "type", "code"}}` (llama-server, newer vLLM), `{"error": "…"}` (Ollama), and
    `{"object": "error", "message", …}` (older vLLM).
    """
    if not isinstance(body, dict):
        return None
    inner = body.get("error", body if body.get("object") == "error" else None)
    if isinstance(inner, str):
        return Complaint(inner, "")
    if not isinstance(inner, dict):
        return None
    return Complaint(str(inner.get("message", "")), f"{inner.get('type')} {inner.get('code')}")


class Faults:
    """Makes the errors of one endpoint."""

    def __init__(self, endpoint: Endpoint, key: str | None = None) -> None:
        self._endpoint = endpoint
        self._key = key
        self._where = f"The endpoint {endpoint.url}"

    def quoted(self, text: str) -> str:
        """What the endpoint says, fit to be shown."""
        if self._key:
            text = text.replace(self._key, "…")
        shown = "".join(each if each.isprintable() else " " for each in text[: QUOTED_CHARS + 1]).strip()
        return f"{shown[:QUOTED_CHARS]}…" if len(shown) > QUOTED_CHARS else shown

    def unreachable(self, why: str, hint: str | None = None) -> EndpointUnreachable:
        return EndpointUnreachable(
            f"{self._where} cannot be reached: {self.quoted(why)}",
            hint=hint or "Look whether it runs, and at its address and the network.",
            retry_after=5,
        )

    def nonsense(self, why: str) -> EndpointNonsense:
        return EndpointNonsense(
            f"{self._where} says what is not the interface: {self.quoted(why).rstrip('.')}.",
            hint="Look at the address: an OpenAI-compatible one usually ends in /v1.",
        )

    def broke_off(self, why: str) -> EndpointBrokeOff:
        return EndpointBrokeOff(
            f"{self._where} broke off its answer: {self.quoted(why).rstrip('.')}.", hint="Ask again."
        )

    def withheld(self) -> EndpointRefused:
        return EndpointRefused(
            f"{self._where} withholds its answer: its filter does not let it through.",
            hint="Ask in other words, or take a model without such a filter.",
        )

    def timed_out(self, what: str, seconds: float) -> EndpointTimedOut:
        return EndpointTimedOut(
            f"{self._where} {what} {seconds:g} seconds.", hint="Ask again, or look at its load."
        )

    def complained(self, complaint: Complaint) -> FreeholdError:
        """An error that came where an answer was due."""
        if complaint.too_long:
            return self._too_long(complaint.message)
        return EndpointError(
            f"{self._where} failed: “{self.quoted(complaint.message)}”.", hint="Look at its log."
        )

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> FreeholdError:
        """What a status that is no success means."""
        complaint = _complaint(body)
        said = f": “{self.quoted(complaint.message)}”" if complaint and complaint.message else ""
        if status in OVERLOADED:
            return Overloaded(
                f"{self._where} is overloaded (status {status}){said}.",
                hint="Ask again in a moment.",
                retry_after=retry_after(headers),
            )
        if 300 <= status < 400:
            return self._refused(status, "redirects elsewhere", "Give the address that it redirects to.")
        if status == 401:
            return self._refused(status, f"does not know us{said}", self._about_key())
        if status == 403:
            return self._refused(status, f"forbids this{said}", self._about_key())
        if status in (404, 405, 410):
            hint = f"Look at its address, and whether it still has the model {self._endpoint.model}."
            return self._refused(status, f"has nothing there, or no such model{said}", hint)
        if complaint is not None and complaint.too_long:
            return self._too_long(complaint.message)
        if 400 <= status < 500:
            return self._refused(status, f"does not take the request{said}", "Look at its log.")
        if status in UNREACHED:
            return self.unreachable(f"a proxy before it answers with status {status}.")
        return EndpointError(f"{self._where} failed (status {status}){said}.", hint="Look at its log.")

    def _refused(self, status: int, what: str, hint: str) -> EndpointRefused:
        return EndpointRefused(f"{self._where} {what} (status {status}).", hint=hint)

    def _about_key(self) -> str:
        variable = self._endpoint.key_variable
        if variable is None:
            return "If it wants a key, add the model again with --key-variable."
        return f"Look at the key in the environment variable {variable} of the server."

    def _too_long(self, said: str) -> InvalidInput:
        where = f"the context of the model at {self._endpoint.url}"
        return InvalidInput(
            f"The prompt does not fit {where}: “{self.quoted(said)}”.",
            hint="Ask a shorter question, or add the model again with the context it really has.",
        )


def _complaint(body: bytes) -> Complaint | None:
    try:
        return complaint_in(json.loads(body))
    except (ValueError, RecursionError):
        return None
