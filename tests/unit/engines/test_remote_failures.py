"""What an endpoint does wrong: what is told apart, and what is tried again."""

import asyncio
from collections.abc import Sequence

import pytest
from remote_ends import HTML, KEY, MODEL, QUESTION, both, engine_at, in_turn, said, streams
from replay import BEGUN, CUT, STREAM, Step, chunk, delta, event, head, replay, vllm, whole

from freehold.engines.base import TextDelta
from freehold.engines.endpoint_client import Waits
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

REFUSED_KEY = {"error": {"message": f"Incorrect API key provided: {KEY}", "type": "invalid_request_error"}}
UNKNOWN_MODEL = {"error": {"message": f"The model `{MODEL}` does not exist.", "code": 404}}
TOO_LONG = {
    "object": "error",
    "message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "type": "BadRequestError",
    "code": 400,
}
DEEP = b"[" * 100_000
FAULTS: dict[str, tuple[Sequence[Step], type[FreeholdError], str]] = {
    "no key": ((whole(REFUSED_KEY, "401 Unauthorized"),), EndpointRefused, "does not know us"),
    "forbidden": ((whole({}, "403 Forbidden"),), EndpointRefused, "status 403"),
    "no model": ((whole(UNKNOWN_MODEL, "404 Not Found"),), EndpointRefused, "does not exist"),
    "bad request": ((whole({"error": "x"}, "400 Bad Request"),), EndpointRefused, "does not take"),
    "elsewhere": (
        (whole(b"", "307 Temporary Redirect", extra="location: http://other.test/\r\n"),),
        EndpointRefused,
        "redirects",
    ),
    "too long": ((whole(TOO_LONG, "400 Bad Request"),), InvalidInput, "maximum context length"),
    "overloaded": ((whole({}, "503 Service Unavailable"),), Overloaded, "status 503"),
    "later": (
        (whole({}, "429 Too Many Requests", extra="retry-after: 3600\r\n"),),
        Overloaded,
        "status 429",
    ),
    "failed": ((whole(b"oops", "500 Internal Server Error", "text/plain"),), EndpointError, "status 500"),
    "a proxy": ((whole(b"", "502 Bad Gateway", "text/html"),), EndpointUnreachable, "a proxy"),
    "a page": ((HTML,), EndpointNonsense, "text/html"),
    "not a stream": ((whole({"choices": []}),), EndpointNonsense, "application/json"),
    "no HTTP": ((b"220 mail.test ESMTP\r\n\r\n\r\n", CUT), EndpointNonsense, "HTTP"),
    "a page as a stream": ((BEGUN + chunk(b"<html>\n"),), EndpointNonsense, "known field"),
    "not JSON": ((BEGUN + event("{"),), EndpointNonsense, "not JSON"),
    "half a key": (
        (BEGUN + chunk(b"data: " + b"x" * 48 + KEY.encode() + b"\n\n"),),
        EndpointNonsense,
        "JSON",
    ),
    "too deep": ((BEGUN + chunk(b"data: " + DEEP + b"\n\n"),), EndpointNonsense, "not JSON"),
    "another shape": ((BEGUN + event(["x"]),), EndpointNonsense, "without choices"),
    "no text": ((BEGUN + event(delta("x") | {"choices": [{"delta": 7}]}),), EndpointNonsense, "delta"),
    "a wild usage": ((BEGUN + event(delta("x", usage={"prompt_tokens": -1})),), EndpointNonsense, "usage"),
    "no UTF-8": ((BEGUN + chunk(b"data: \xff\n\n"),), EndpointNonsense, "UTF-8"),
    "a line without end": ((BEGUN, *[chunk(b"x" * 65_536)] * 20), EndpointNonsense, "a line has more"),
    "an answer without end": ((BEGUN, *[event(delta("x" * 60_000))] * 40), EndpointNonsense, "without end"),
    "packed": ((head(extra="content-encoding: gzip\r\n") + b"x", CUT), EndpointBrokeOff, "packs"),
    "cut": ((BEGUN + event(delta("Within ")), CUT), EndpointBrokeOff, "whole HTTP answer"),
    "cut without a word": (
        (head(extra="connection: close\r\n") + b'data: {"choices": []}\n\n', CUT),
        EndpointBrokeOff,
        "ended before",
    ),
    "no reason": ((BEGUN + event("[DONE]") + chunk(b""),), EndpointBrokeOff, "ended before"),
    "given up": ((BEGUN + event(delta("x", "abort")),), EndpointBrokeOff, "abort"),
    "an error in the stream": (
        (BEGUN + event({"error": {"message": "EngineCore died", "code": 500}}),),
        EndpointError,
        "EngineCore died",
    ),
    "silent at first": ((BEGUN, 30.0), EndpointTimedOut, "did not begin"),
    "silent": ((30.0,), EndpointTimedOut, "did not begin"),
    "silent in the middle": ((BEGUN + event(delta("Within ")), 30.0), EndpointTimedOut, "fell silent"),
}


# A busy machine can take half a second over what an idle one does in a thousandth.
PATIENT = Waits(connect=10, first=2, between=2, whole=30)


@pytest.mark.parametrize("fault", FAULTS)
async def test_failures_are_told_apart_and_never_asked_again(fault: str) -> None:
    stream, error, words = FAULTS[fault]
    async with both(streams(*stream), waits=PATIENT) as (there, engine):
        with pytest.raises(error) as caught:
            await said(engine)
        assert type(caught.value) is error
        assert words in caught.value.message
        assert KEY[:8] not in caught.value.message + (caught.value.hint or "")
        assert len(there.asked) == 1
        there.answers = vllm
        assert (await said(engine))[0] == "Within 30 days.", "the engine goes on"


async def test_an_answer_that_drips_for_ever_is_ended() -> None:
    drops: list[Step] = [each for _ in range(40) for each in (event(delta("x")), 0.05)]
    async with both(streams(BEGUN, *drops), waits=Waits(10, 10, 10, whole=0.5)) as (_, engine):
        with pytest.raises(EndpointTimedOut, match="did not end"):
            await said(engine)


async def test_who_asks_to_be_asked_again_is() -> None:
    busy = (whole({}, "503 Service Unavailable", extra="retry-after: 0\r\n"),)
    async with both(in_turn(busy, busy, STREAM)) as (there, engine):
        assert (await said(engine))[0] == "Within 30 days."
    assert len(there.asked) == 3


async def test_but_not_for_ever() -> None:
    busy = (whole({}, "429 Too Many Requests", extra="retry-after: 0\r\n"),)
    async with both(in_turn(busy)) as (there, engine):
        with pytest.raises(Overloaded):
            await said(engine)
    assert len(there.asked) == 3


async def test_a_connection_closed_without_a_word_is_tried_again() -> None:
    async with both(in_turn((CUT,), STREAM)) as (there, engine):
        assert (await said(engine))[0] == "Within 30 days."
    assert (len(there.asked), there.connections) == (2, 2)


async def test_after_the_first_words_nothing_is_tried_again() -> None:
    async with both(streams(BEGUN + event(delta("Within ")), CUT)) as (there, engine):
        heard = []
        with pytest.raises(EndpointBrokeOff):
            async for each in engine.generate(QUESTION):
                heard.append(each)
    assert heard == [TextDelta("Within ")]
    assert len(there.asked) == 1


async def test_nobody_there_is_said() -> None:
    async with replay(vllm) as there:
        url = there.url
    await asyncio.sleep(0)
    engine = engine_at(url)
    with pytest.raises(EndpointUnreachable, match="cannot be connected to"):
        await said(engine)
    with pytest.raises(EndpointUnreachable):
        await engine.start()
    await engine.close()
