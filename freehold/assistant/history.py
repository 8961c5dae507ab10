"""What is asked, given the turns before: which questions lean on them, and what those mean in full.

By rule, on English small words, without a model: "and for the Pro plan?" after "How much does the Basic plan
cost?" is taken for "How much does the Pro plan cost?". What no rule fits stays as it was said, and search
weighs the turns before by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from freehold.assistant import smalltalk
from freehold.assistant.branches import offered_in, picked
from freehold.types import Query, Turn

_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|there|here|he|him|his|she|her|hers|one"
    r"|ones|same"
    r"|both|either|neither|else|instead|again|another|other|others|then|so|too|also|previous|above"
    r"|latter|former)\b",
    re.IGNORECASE,
)
_STARTS_LEANING = re.compile(
    r"^\W*(?:and|or|but|what about|how about|what if|why not|for|in|on|with|without|to|from)\b", re.IGNORECASE
)
_ASKS = re.compile(
    r"^\W*(?:what|how|when|where|who|whom|whose|which|why|is|are|am|was|were|do|does|did|can|could|will"
    r"|would"
    r"|should|may|must|has|have|had)\b",
    re.IGNORECASE,
)
_LEAST_WORDS = 4
_LEAD = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|so|yes|no|well|thanks|great)[ ,]+)*(?:(?:and|or|but|also)[ ,]+)?"
    r"(?:(?:then|what about|how about|what if it is|what if it's|what of|(?:is it "
    r"|and )?(?:the )?same (?:question |thing )?(?:for|with)"
    r"|(?:and )?also)\b[ ,]*)?",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"(for|in|on|with|without|to|from|at|by|under|during|after|before|via|as)\s+", re.IGNORECASE
)
_BOUNDARY = re.compile(
    r"for|in|on|with|without|to|from|at|by|under|during|after|before|via|as|of|is|are|was|were|do|does"
    r"|did|can|could"
    r"|will|would|should|must|may|i|we|you|it|they|my|your|our|the|a|an|and|or|have|has|get|use|buy|if"
    r"|when",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:the|a|an|my|your|our|this|that)\s+", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_MOST_FRAGMENT_WORDS = 6


def stands_alone(text: str) -> bool:
    """Whether a question can be understood without the turns before it. When in doubt it cannot."""
    words = text.split()
    return (
        len(words) >= _LEAST_WORDS
        and bool(_ASKS.match(text))
        and not _LEANS.search(text)
        and not _STARTS_LEANING.match(text)
    )


def without_small_talk(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns that say something: small talk and our replies to it are left out."""
    told: list[Turn] = []
    idle = False
    for turn in turns:
        if turn.role == "user":
            idle = smalltalk.read(turn.text).reply is not None
        if not idle:
            told.append(turn)
    return tuple(told)


def resolve(query: Query) -> Query:
    """The question as it is meant after the turns before it, where a rule fits; else as it is.

    An answer to a question of ours is put together with what was asked before.
    """
    meant, since = "", 0
    turns = (*query.history, Turn("user", query.text))
    for at, turn in enumerate(turns):
        if turn.role != "user":
            continue
        choice = picked(turn.text, offered) if at and (offered := offered_in(turns[at - 1])) else None
        if choice is not None and meant:
            meant = f"{meant.rstrip(' ?.!')} ({choice})?" if choice else meant
        else:
            meant, since = _in_full(turn.text, meant) if meant else turn.text, at
    if meant == query.text:
        return query
    chose = since < len(turns) - 1
    return Query(meant, turns[:since] if chose and not meant_for_all(turns) else query.history)


def picks(query: Query) -> bool:
    """Whether it chooses from what the turn before offered: what that means is known to the letter."""
    offered = offered_in(query.history[-1]) if query.history else ()
    return bool(offered) and picked(query.text, offered) is not None


def meant_for_all(turns: tuple[Turn, ...]) -> bool:
    """Whether the last turn wants all that was offered: then nothing is asked back again."""
    return len(turns) > 1 and picked(turns[-1].text, offered_in(turns[-2])) == ""


def _in_full(text: str, before: str) -> str:
    """`text`, or `before` with the part exchanged that `text` names anew."""
    lead = _LEAD.match(text)
    fragment = text[lead.end() :].strip(" ?.!,") if lead else text.strip(" ?.!,")
    asks_anew = _ASKS.match(fragment) is not None
    if not fragment or asks_anew or len(fragment.split()) > _MOST_FRAGMENT_WORDS or not _ASKS.match(before):
        return text
    if _LEANS.search(fragment) or not ((lead and lead.end()) or text.rstrip().endswith("?")):
        return text
    preposition = _PREPOSITION.match(fragment)
    bare = fragment[preposition.end() :] if preposition else fragment
    place = (
        _of_head(bare, before)
        or (_after(preposition[1], before) if preposition else None)
        or _only_name(bare, before)
    )
    if place is None:
        return text
    start, end = place
    if not _ARTICLE.match(before[start:end]):
        bare = _ARTICLE.sub("", bare, count=1)
    return before[:start] + bare + before[end:]


def _of_head(fragment: str, before: str) -> tuple[int, int] | None:
    """The words around the fragment's last word in `before`: "Basic plan" for "the Pro plan"."""
    head = fragment.split()[-1].lower().rstrip("s")
    if len(fragment.split()) < 2 or _ARTICLE.sub("", fragment).lower().rstrip("s") == head:
        return None
    words = list(_WORD.finditer(before))
    at = next((i for i in range(len(words) - 1, -1, -1) if words[i][0].lower().rstrip("s") == head), None)
    if at is None:
        return None
    first = at
    while (
        first > 0
        and before[words[first - 1].end() : words[first].start()].isspace()
        and not _BOUNDARY.fullmatch(words[first - 1][0])
        and not _ASKS.match(words[first - 1][0])
    ):
        first -= 1
    if first == at:
        return None  # nothing told it apart before: it is not exchanged but narrowed
    if first > 0 and _ARTICLE.fullmatch(words[first - 1][0] + " "):
        first -= 1
    return words[first].start(), words[at].end()


def _after(preposition: str, before: str) -> tuple[int, int] | None:
    """What the last phrase with this preposition names in `before`."""
    found = list(re.finditer(rf"\b{preposition}\s+", before, re.IGNORECASE))
    if not found:
        return None
    start = found[-1].end()
    rest = re.search(
        r"\s+(?:for|in|on|with|without|to|from|at|by|under|during|after|before|via|as|and|or|if|when)\b"
        r"|[?.!,;]|$",
        before[start:],
    )
    assert rest is not None  # the end of the text matches
    return start, start + rest.start()


def _only_name(fragment: str, before: str) -> tuple[int, int] | None:
    """The one name of `before`, when the fragment is a name as well."""
    bare = _ARTICLE.sub("", fragment)
    if not all(word[0].isupper() or word[0].isdigit() for word in bare.split()):
        return None
    names = list(re.finditer(r"(?<=\s)[A-Z][\w’'-]+(?:\s+[A-Z0-9][\w’'-]*)*", before))
    names = [name for name in names if name[0] not in ("I", "I'm", "I've")]
    return (names[0].start(), names[0].end()) if len(names) == 1 else None
