"""What operators see: Prometheus metrics and an access log without secrets.

Labels take few values: routes by their template, never by what was filled in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import quote

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freehold.knowledge.store import Counts
from freehold.web.gate import Gate

access_log = logging.getLogger("freehold.access")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_WATCHING = frozenset({"/health", "/ready", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})


class Meters:
    """The metrics of one server."""

    def __init__(self, gate: Gate, *, held: Callable[[], Counts], memory: Callable[[], int]) -> None:
        self._held = held
        self._memory = memory
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "freehold_answers",
            "Answers by how they ended: an outcome, or an error's code, or cancelled.",
            ["outcome"],
            registry=self.registry,
        )
        self.answer_seconds = Histogram(
            "freehold_answer_seconds",
            "From admission to the end of an answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.first_seconds = Histogram(
            "freehold_first_claim_seconds",
            "From admission to the first shown claim.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.requests = Counter(
            "freehold_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        in_flight = Gauge("freehold_answers_in_flight", "Answers being made.", registry=self.registry)
        in_flight.set_function(lambda: gate.inside - gate.waiting)
        waiting = Gauge("freehold_answers_waiting", "Answers waiting for a place.", registry=self.registry)
        waiting.set_function(lambda: gate.waiting)
        self._passages = Gauge("freehold_passages", "Passages in the store.", registry=self.registry)
        self._with_vector = Gauge("freehold_vectors", "Passages with a vector.", registry=self.registry)
        self._resident = Gauge(
            "freehold_memory_bytes", "Resident memory of the server and its children.", registry=self.registry
        )

    def page(self) -> bytes:
        """All of them in Prometheus' text format. Reads the database: call it in a thread."""
        held = self._held()
        self._passages.set(held.passages)
        self._with_vector.set(held.vectors)
        self._resident.set(self._memory())
        return generate_latest(self.registry)


class Telemetry:
    """Counts and logs every request; the outermost layer."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = getattr(scope.get("route"), "path", "other")
            self._meters.requests.labels(method, route, str(status or "none")).inc()
            milliseconds = (time.perf_counter() - began) * 1000
            level = logging.DEBUG if route in _WATCHING else logging.INFO
            access_log.log(
                level, "%s %s %s %.0f ms", method, quote(scope["path"]), status or "-", milliseconds
            )
