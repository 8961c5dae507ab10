"""Several questions in one message, taken apart.

Only where each part asks by itself; "Can I bring my cat and my dog?" is one question. When in doubt the
message stays whole. Knows English's question words only.
"""

from __future__ import annotations

import re

from freehold.assistant.marks import headed, plain

MOST_PARTS = 4
"""Questions answered in one message; with more, the message is taken as one."""

_OPENING = (
    r"(?:how (?:do|does|did|can|could|should|would|much|many|long|often|far|soon|is|are|to)\b"
    r"|what(?:'s|’s| is| are| was| were| do| does| did| if| happens| kind| time| about)\b|where(?:'s|’s"
    r"| is| are| do| does| can| was)\b"
    r"|when(?:'s|’s| is| are| do| does| did| will| can| was)\b|who(?:'s|’s| is| are| do| does| can| was)\b"
    r"|why (?:is|are|was|were|do|does|did|can|has|have)\b|which\b"
    r"|(?:can|could|may|must|should|will|would|do|does|did|is|are|was|am)"
    r" (?:i|we|you|it|they|there|he|she|this|that|these|the|my|our|your|a|an|any)\b)"
)
_ASKS = re.compile(rf"\W*(?:(?:and|also|plus|or|so|but|then|please)[ ,]+)*{_OPENING}", re.IGNORECASE)
_JOINT = re.compile(
    rf"\s*,?\s+(?:and|also|plus|and also|and then)\s+(?:also\s+)?(?={_OPENING})", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[?!])\s+(?=\S)|\n+")
_MARKER = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_MIGHT_ASK = re.compile(
    r"\W*(?:what|how|when|where|who|which|why|can|could|may|must|should|will|would|do|does|did|is|are"
    r"|was|am)\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(
    r"\b(?:know|tell|show|explain|understand|see|find out|figure out|sure|learn|ask|wonder\w*|depends?"
    r"|between|clear"
    r"|idea|decide|choose|if|because|that|whether|while|unless)\b",
    re.IGNORECASE,
)
"""After one of these a question word may belong to what was begun."""
_LEAST_WORDS = 3


def split(text: str) -> tuple[str, ...]:
    """The questions of a message, in order; the whole message alone where it is not clearly several."""
    sentences = [_MARKER.sub("", each).strip() for each in _SENTENCE.split(text.strip())]
    sentences = [each for each in sentences if each]
    parts = [part for sentence in sentences for part in _joined(sentence)]
    clear = all(len(part.split()) >= _LEAST_WORDS and _MIGHT_ASK.match(part) for part in parts[:1])
    clear = clear and all(len(part.split()) >= _LEAST_WORDS and _ASKS.match(part) for part in parts[1:])
    if not clear or not 1 < len(parts) <= MOST_PARTS or len({part.lower() for part in parts}) < len(parts):
        return (text,)
    return tuple(parts)


def lead_in(part: str, first: bool) -> str:
    """What stands above the answer to a part: the visitor's own words, in bold."""
    said = plain(part)
    said = said[:1].upper() + said[1:]
    return ("" if first else "\n\n") + headed(said if said.endswith("?") else said.rstrip(".,;: ") + "?")


def _joined(sentence: str) -> list[str]:
    """A sentence cut before "and" where a question stands on either side of it."""
    parts, rest = [], sentence
    for match in _JOINT.finditer(sentence):
        before = sentence[len(sentence) - len(rest) : match.start()]
        if not _MIGHT_ASK.match(before) or len(before.split()) < _LEAST_WORDS or _REPORTS.search(before):
            continue
        parts.append(before.strip())
        rest = sentence[match.end() :]
    return [*parts, rest.strip()]
