"""What the wheel's server says in its stream, and what is kept from it."""

import threading

import pytest

from freehold.engines.wheel_server import Message, Stream


def outcome(
    *chunks: Message, cancel_after: int | None = None, top: int = 0
) -> tuple[Message, list[Message], list[bool]]:
    sent: list[Message] = []
    cancelled = threading.Event()
    stream = Stream(sent.append, cancelled, top=top)
    answers = []
    for number, chunk in enumerate(chunks):
        if number == cancel_after:
            cancelled.set()
        answers.append(stream.on_chunk(chunk))
    return stream.outcome(), sent, answers


def piece(text: str | None, reason: str | None = None) -> Message:
    return {"choices": [{"finish_reason": reason, "delta": {"content": text}}]}


def test_a_stream_ends_with_its_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    ended, sent, _ = outcome(
        piece(None), piece("a"), piece("b"), piece(None, "stop"), {"choices": [], "usage": usage}
    )
    assert [event["text"] for event in sent if event["event"] == "delta"] == ["a", "b"]
    assert ended == {
        "event": "finished",
        "reason": "stop",
        "prompt_tokens": 9,
        "cached_tokens": 4,
        "completion_tokens": 2,
    }


def test_a_cancelled_stream_counts_what_it_saw() -> None:
    progress = {**piece(None), "prompt_progress": {"total": 9, "cache": 3, "processed": 9}}
    ended, _, answers = outcome(progress, piece("a"), piece("b"), cancel_after=2)
    assert answers == [False, False, True]
    assert ended["reason"] == "cancelled"
    assert (ended["prompt_tokens"], ended["cached_tokens"], ended["completion_tokens"]) == (9, 3, 2)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "exceed_context_size_error", "message": "too long"}, "invalid_input"),
        ({"type": "server_error", "message": "Context size has been exceeded."}, "engine_failed"),
        ({"odd": "shape"}, "engine_failed"),
    ],
)
def test_an_error_in_the_stream_is_a_failure(error: Message, kind: str) -> None:
    ended, _, answers = outcome(piece("a"), {"error": error})
    assert (ended["event"], ended["kind"]) == ("failed", kind)
    assert answers[-1]


def test_a_stream_that_breaks_off_is_a_failure() -> None:
    assert outcome(piece("a"))[0]["event"] == "failed"


def test_log_probabilities_are_passed_on() -> None:
    top = [{"id": 5, "token": "a", "logprob": -0.5}, {"id": 6, "token": "b", "logprob": -1.5}]
    chunk = piece("a")
    chunk["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    _, sent, _ = outcome(chunk, piece(None, "stop"), top=2)
    named = [{"token": each["id"], "text": each["token"], "logprob": each["logprob"]} for each in top]
    assert sent[0]["logprobs"] == [{**named[0], "top": named}]
