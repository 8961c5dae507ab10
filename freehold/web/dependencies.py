"""What handlers ask for: the services, a caller's rights, the assistant and the visitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from freehold.assistant.assistants import Assistant
from freehold.assistant.conversations import Visitor
from freehold.errors import NotFound
from freehold.web.callers import Callers
from freehold.web.gate import Gate
from freehold.web.rates import Rates
from freehold.web.services import Services
from freehold.web.telemetry import Meters

_key = HTTPBearer(auto_error=False, scheme_name="key", description="A key: fh_admin_… or fh_chat_….")
_visitor = HTTPBearer(
    auto_error=False, scheme_name="visitor", description="A visitor's token, from starting a conversation."
)
Credentials = HTTPAuthorizationCredentials | None


@dataclass(frozen=True, slots=True)
class Desk:
    """What one server keeps in memory beside the services."""

    gate: Gate
    rates: Rates
    callers: Callers
    meters: Meters
    answering: set[tuple[str, str]]
    """Visitors and conversations to which an answer is being given."""


def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


TheServices = Annotated[Services, Depends(services_of)]
TheDesk = Annotated[Desk, Depends(desk_of)]


def _admin(services: TheServices, given: Annotated[Credentials, Security(_key)]) -> None:
    services.keys.require(given.credentials if given else None, "admin")


def _chat(services: TheServices, given: Annotated[Credentials, Security(_key)]) -> None:
    services.keys.require(given.credentials if given else None, "chat")


def _metrics(
    request: Request, services: TheServices, desk: TheDesk, given: Annotated[Credentials, Security(_key)]
) -> None:
    if given is not None or not desk.callers.local(request.scope):
        services.keys.require(given.credentials if given else None, "admin")


def _local_page(request: Request, services: TheServices, desk: TheDesk) -> None:
    if not services.config.page_public and not desk.callers.local(request.scope):
        raise NotFound(
            "There is nothing at this path.", hint="The page answers callers from this machine only."
        )


def _assistant(request: Request) -> Assistant:
    """The one whose public token stands in the path; found by `OriginCheck`, which runs first."""
    return cast(Assistant, request.state.assistant)


PublicAssistant = Annotated[Assistant, Depends(_assistant)]


def _token(given: Annotated[Credentials, Security(_visitor)]) -> str | None:
    return given.credentials if given else None


VisitorToken = Annotated[str | None, Depends(_token)]


def _known_visitor(services: TheServices, assistant: PublicAssistant, token: VisitorToken) -> Visitor:
    return services.conversations.visitor(assistant.id, token)


TheVisitor = Annotated[Visitor, Depends(_known_visitor)]
Admin = Annotated[None, Depends(_admin)]
Chat = Annotated[None, Depends(_chat)]
MetricsReader = Annotated[None, Depends(_metrics)]
LocalPage = Annotated[None, Depends(_local_page)]
