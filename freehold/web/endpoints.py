"""Remote models: adding one looks at its endpoint first."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter
from pydantic import Field

from freehold.engines.survey import EndpointWish
from freehold.web.dependencies import Admin, TheServices
from freehold.web.render import model_body
from freehold.web.schemas import Answer, Body, ModelBody, Short

router = APIRouter(prefix="/api/v1")


class NewEndpoint(Body):
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    """Base address of its OpenAI-compatible interface, such as https://host/v1."""
    name: Short | None = None
    model: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """What the model is called there; needed where it has several."""
    context_length: Annotated[int, Field(ge=1)] | None = None
    """In tokens; needed where the endpoint does not tell it."""
    key_variable: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The environment variable of the server that holds the key; the key itself is not sent here."""
    price_in: Annotated[float, Field(ge=0)] | None = None
    """US dollars for a million tokens of prompt."""
    price_out: Annotated[float, Field(ge=0)] | None = None
    """US dollars for a million tokens of answer."""


class EndpointAdded(Answer):
    model: ModelBody
    models: list[str] | None
    """Names of the endpoint's models as it says them; null where it does not tell."""
    counts_tokens: bool
    """Whether it counts tokens for us; else they are estimated."""


@router.post("/models/endpoints", status_code=201, tags=["models"], summary="Add a remote model")
async def add_endpoint(services: TheServices, _admin: Admin, wish: NewEndpoint) -> EndpointAdded:
    """Asks the OpenAI-compatible endpoint for its models, then writes it down; no weights are copied."""
    asked = EndpointWish(**wish.model_dump(exclude={"name"}))
    model, found = await services.add_endpoint(asked, wish.name)
    active = await to_thread.run_sync(services.registry.active, "answer")
    return EndpointAdded(
        model=model_body(model, active),
        models=None if found.models is None else list(found.models),
        counts_tokens=found.counts_tokens,
    )
