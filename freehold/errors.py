"""Every error Freehold raises on purpose.

    FreeholdError                 500  internal
    ├── InvalidInput              400  invalid_input        what was given cannot be used as it is
    │   └── UnreadableDocument    422  unreadable_document  one document cannot be read; the others go on
    ├── Unauthorized              401  unauthorized         no key, or one we do not know
    ├── Forbidden                 403  forbidden            a key we know, for something else
    │   └── EgressDenied          403  egress_denied        an outbound connection that nothing allows
    ├── NotFound                  404  not_found
    ├── Conflict                  409  conflict             the state does not allow it now
    │   └── HomeInUse             409  home_in_use          another process holds the data folder
    ├── TooLarge                  413  too_large
    ├── RateLimited               429  rate_limited         this visitor, address or key: wait
    ├── Overloaded                503  overloaded           every place is taken: try again
    ├── Unavailable               503  unavailable          something needed is missing or starting
    ├── FetchFailed               502  fetch_failed         another host did not give what was asked
    ├── NoRoom                    507  no_room              the disk is full
    ├── TrainingFailed            500  training_failed      a run cannot go on; its last checkpoint is kept
    └── EngineError               502  engine_failed        the model's process failed
        ├── EngineCrashed         502  engine_crashed       it died with this request in flight
        ├── ModelRejected         422  model_rejected       a model file that cannot be served
        └── EndpointError         502  endpoint_failed      the remote model's endpoint failed
            ├── EndpointUnreachable 502 endpoint_unreachable  no connection, or nothing was said
            ├── EndpointRefused   502  endpoint_refused     it does not take our key, model or request
            ├── EndpointNonsense  502  endpoint_nonsense    what it says is not the interface
            ├── EndpointBrokeOff  502  endpoint_broke_off   its answer ended before its end
            └── EndpointTimedOut  504  endpoint_timed_out   it took longer than it may

A message says what was wrong; a hint says what to do. Neither holds secrets: both reach users.
"""

from __future__ import annotations


class FreeholdError(Exception):
    """Base of all; `code` is stable and part of the interface."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, hint: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after
        """Seconds until trying again makes sense; becomes the Retry-After header."""

    def as_json(self) -> dict[str, dict[str, str | None]]:
        """The one shape in which an error leaves the process."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class InvalidInput(FreeholdError):
    """What was given cannot be used as it is."""

    code, status = "invalid_input", 400


class UnreadableDocument(InvalidInput):
    """One document cannot be read."""

    code, status = "unreadable_document", 422


class Unauthorized(FreeholdError):
    """No key, or one we do not know."""

    code, status = "unauthorized", 401


class Forbidden(FreeholdError):
    """A key we know, for something else."""

    code, status = "forbidden", 403


class EgressDenied(Forbidden):
    """An outbound connection that nothing allows."""

    code = "egress_denied"


class NotFound(FreeholdError):
    """No such thing, or not yours to know of."""

    code, status = "not_found", 404


class Conflict(FreeholdError):
    """The present state does not allow it."""

    code, status = "conflict", 409


class HomeInUse(Conflict):
    """Another process holds the data folder."""

    code = "home_in_use"


class TooLarge(FreeholdError):
    """More bytes than we take."""

    code, status = "too_large", 413


class RateLimited(FreeholdError):
    """This visitor, address or key has asked too often."""

    code, status = "rate_limited", 429


class Overloaded(FreeholdError):
    """Every place, and every place to wait, is taken."""

    code, status = "overloaded", 503


class Unavailable(FreeholdError):
    """Something needed is missing, stopped or still starting."""

    code, status = "unavailable", 503


class FetchFailed(FreeholdError):
    """Another host did not give what was asked of it."""

    code, status = "fetch_failed", 502


class NoRoom(FreeholdError):
    """The disk is full; nothing was half-written."""

    code, status = "no_room", 507


class TrainingFailed(FreeholdError):
    """A training run cannot go on; its last checkpoint is kept."""

    code, status = "training_failed", 500


class EngineError(FreeholdError):
    """The model's process failed at this request."""

    code, status = "engine_failed", 502


class EngineCrashed(EngineError):
    """The model's process died with this request in flight."""

    code = "engine_crashed"


class ModelRejected(EngineError):
    """A model file that cannot be served."""

    code, status = "model_rejected", 422


class EndpointError(EngineError):
    """The endpoint of a remote model failed at this request."""

    code = "endpoint_failed"


class EndpointUnreachable(EndpointError):
    """The endpoint of a remote model cannot be connected to, or closed without a word."""

    code = "endpoint_unreachable"


class EndpointRefused(EndpointError):
    """The endpoint of a remote model does not take the key, the model's name or the request."""

    code = "endpoint_refused"


class EndpointNonsense(EndpointError):
    """What the endpoint of a remote model says is not what the interface says."""

    code = "endpoint_nonsense"


class EndpointBrokeOff(EndpointError):
    """The endpoint of a remote model began an answer and did not end it."""

    code = "endpoint_broke_off"


class EndpointTimedOut(EndpointError):
    """The endpoint of a remote model took longer than it may."""

    code, status = "endpoint_timed_out", 504
