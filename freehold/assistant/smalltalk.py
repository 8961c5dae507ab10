"""Greetings and thanks, answered in our own words without a search."""

from __future__ import annotations

import re

_REPLIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (
        re.compile(rf"(?:{pattern})(?:\s+(?:there|all|everyone|team|a lot|so much|very much|again))*", re.I),
        reply,
    )
    for pattern, reply in (
        (
            r"hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)",
            "Hello! What would you like to know? I answer from the documents I have been given.",
        ),
        (
            r"thanks|thank you|thx|ty|cheers|many thanks|much appreciated|(?:great|perfect|ok|okay),? thanks",
            "You're welcome. Is there anything else you would like to know?",
        ),
        (r"bye|goodbye|good ?bye|see you|good night|have a nice day", "Goodbye!"),
    )
)
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")


def reply(text: str) -> str | None:
    """Our reply when the whole message is a greeting, thanks or a goodbye; None for everything else."""
    bare = _AROUND.sub("", text)
    return next((answer for pattern, answer in _REPLIES if pattern.fullmatch(bare)), None)
