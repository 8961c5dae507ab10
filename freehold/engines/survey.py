"""Looks at an endpoint before it becomes a model: which models it has, their context, whether it counts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from freehold.egress import Egress
from freehold.engines.endpoint_client import WAITS, EndpointClient
from freehold.errors import FreeholdError, InvalidInput
from freehold.models.endpoint import Endpoint
from freehold.net.connection import Resolve, resolve

SHOWN = 20


@dataclass(frozen=True, slots=True)
class EndpointWish:
    """What is said of an endpoint by whoever adds it; what is left out, the endpoint is asked for."""

    url: str
    model: str | None = None
    context_length: int | None = None
    key_variable: str | None = None
    price_in: float | None = None
    price_out: float | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found."""

    endpoint: Endpoint
    models: tuple[str, ...] | None
    """Names of its models, as it says them; None where it does not tell."""
    counts_tokens: bool
    """Whether it counts tokens for us; else they are estimated."""


async def survey(
    wish: EndpointWish,
    *,
    egress: Egress,
    environment: Mapping[str, str] = os.environ,
    resolve: Resolve = resolve,
) -> Survey:
    """Asks the endpoint for its models and completes the wish by what it says.

    Raises:
        InvalidInput: it has several models and none is named, or does not tell its context and none is said.
        EndpointError, EgressDenied: it cannot be asked.
    """
    draft = Endpoint(
        url=wish.url,
        model=wish.model or "-",
        context_length=1 if wish.context_length is None else wish.context_length,
        key_variable=wish.key_variable,
        price_in=wish.price_in,
        price_out=wish.price_out,
    )
    client = EndpointClient(draft, egress=egress, waits=WAITS, environment=environment, resolve=resolve)
    try:
        listed = await client.models()
        names = None if listed is None else tuple(client.faults.quoted(each["id"]) for each in listed)
        model = _chosen(wish.model, listed, names)
        told = _context_of(next((each for each in listed or () if each["id"] == model), {}))
        counts = False
        with suppress(FreeholdError):
            counts = await client.count("x") is not None
    finally:
        await client.close()
    endpoint = replace(draft, model=model, context_length=_length(wish.context_length, told, model))
    return Survey(endpoint, names, counts)


def _chosen(wanted: str | None, listed: Sequence[dict[str, Any]] | None, names: Sequence[str] | None) -> str:
    shown = ", ".join((names or ())[:SHOWN])
    if wanted is not None:
        if listed is not None and wanted not in {each["id"] for each in listed}:
            raise InvalidInput(f"The endpoint has no model {wanted}.", hint=f"It has: {shown or 'none'}.")
        return wanted
    if listed is None:
        raise InvalidInput("The endpoint does not tell its models.", hint="Name one with --model.")
    if len(listed) != 1:
        raise InvalidInput(
            f"The endpoint has {len(listed)} models.", hint=f"Name one with --model: {shown or 'none'}."
        )
    return str(listed[0]["id"])


def _context_of(listed: Mapping[str, Any]) -> int | None:
    """A listed model's context in tokens: vLLM says `max_model_len`, llama-server `meta.n_ctx`."""
    meta = listed.get("meta")
    for value in (listed.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None):
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _length(said: int | None, told: int | None, model: str) -> int:
    if said is not None and told is not None and said > told:
        raise InvalidInput(
            f"A context of {said:,} tokens is more than the endpoint has: {told:,}.",
            hint="Say less, or nothing: then it is taken as the endpoint says.",
        )
    length = told if said is None else said
    if length is None:
        raise InvalidInput(
            f"The endpoint does not tell the context of {model}.", hint="Say it in tokens with --context."
        )
    return length
