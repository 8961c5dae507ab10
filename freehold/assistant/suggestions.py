"""First questions to offer, made from the documents' own headings.

Headings that ask already are taken as they stand; "Set up a printer", "How to set up a printer" and
"Setting up a printer" become "How do I set up a printer?". Others make no question, and are left out:
nothing is invented. Knows nothing of whether the answer is good.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sqlalchemy import func, select

from freehold.knowledge.store import documents, passages, sources
from freehold.store.database import Database

LIMIT = 4
_SCANNED = 4_000
"""Passages whose headings are looked at; spread over the assistant's documents."""

VERBS = frozenset(
    """accept activate add adjust allow apply approve archive arrange assign attach back book build buy
    calculate cancel change charge check choose clear close combine compare complete configure connect
    contact control convert copy correct create customize define delete deliver deploy disable download
    edit email enable enter exclude export extend file filter find finish fix format generate get give
    handle hide identify implement import include increase insert install integrate invite invoice issue
    keep link list locate log make manage map measure merge migrate modify monitor move open optimize
    order organize pause pay perform personalize place plan post prepare prevent preview print process
    publish purchase rebuild receive reconcile record recover redeem reduce refund register remove
    rename renew reorder repair replace reply report request reset resolve restart restore restrict
    resume return reuse reverse review run save schedule search secure select sell send set share ship
    show sign solve sort split start stop store submit subscribe switch sync synchronize test track
    train transfer translate troubleshoot turn unlock unsubscribe update upgrade upload use validate
    verify view withdraw work write""".split()
)
_NOUNS_TOO = frozenset(
    """back book change charge check contact control copy download email export file filter format import
    increase insert invoice issue link list log map measure order place plan post preview print process
    purchase record refund repair reply report request reset return reuse reverse review run schedule
    search share ship show sort split start stop store switch sync test track train transfer turn update
    upgrade upload use view work""".split()
)
"""Verbs that begin a name as often as an order: "Refund policy", "Order status"."""

_AFTER_VERBS = frozenset(
    """a an the your my our this these all any each every one another multiple several up down in out on
    off over back with for from to into by between""".split()
)
_ASKS = re.compile(
    r"(?:how|what|when|where|which|who|whose|why|can|could|do|does|did|is|are|am|may|must|should|will|would)\b",
    re.I,
)
_HOW_TO = re.compile(r"how to (?P<rest>.+)", re.I)
_STEP = re.compile(r"^(?:(?:step|chapter|section|part)\s+)?(?:\d+[.):]?(?:\d+[.):]?)*|[ivx]+[.)])\s+", re.I)
_MARKUP = re.compile(r"[*_`#]+|\[(?P<label>[^\]]*)\]\([^)]*\)")
_UNFIT = re.compile(r"[<>{}|\\!\[\]]|https?:|\.(?:md|html?|pdf|docx?|py|exe)\b", re.I)


class Suggestions:
    """First questions by assistant; worked out anew when its sources have been read again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made: dict[str, tuple[tuple[int, float | None], tuple[str, ...]]] = {}

    def of(self, assistant_id: str) -> tuple[str, ...]:
        """At most four questions, from different documents where there are as many."""
        with self._database.read() as connection:
            state = connection.execute(
                select(func.count(), func.max(sources.c.synced_at)).where(
                    sources.c.assistant_id == assistant_id
                )
            ).one()
            version = (state[0], state[1])
            made = self._made.get(assistant_id)
            if made is not None and made[0] == version:
                return made[1]
            paths = connection.execute(
                select(documents.c.id, passages.c.heading_path)
                .join(documents, passages.c.document_id == documents.c.id)
                .join(sources, documents.c.source_id == sources.c.id)
                .where(sources.c.assistant_id == assistant_id, passages.c.position < 12)
                .order_by(documents.c.source_id, documents.c.location, passages.c.position)
                .limit(_SCANNED)
            )
            headings = [(document, json.loads(path)) for document, path in paths]
        questions = suggest(headings)
        self._made[assistant_id] = (version, questions)
        return questions


def suggest(headings: Iterable[tuple[int, list[str]]]) -> tuple[str, ...]:
    """The best few questions; `headings` are (document, heading path) in reading order.

    Plain questions go before those we turned round, each document's first before any document's second,
    and among equals they are spread evenly over the documents.
    """
    found: dict[str, tuple[int, int, int]] = {}
    nth: dict[int, int] = {}
    for place, (document, path) in enumerate(headings):
        for heading in path[-1:]:
            if (asked := as_question(heading)) is None or asked[0].casefold() in {
                q.casefold() for q in found
            }:
                continue
            nth[document] = nth.get(document, -1) + 1
            found[asked[0]] = (nth[document], asked[1], place)
    ranked = sorted(found, key=found.__getitem__)
    best = [question for question in ranked if found[question][:2] == found[ranked[0]][:2]]
    if len(best) <= LIMIT:
        return tuple(ranked[:LIMIT])
    step = len(best) / LIMIT
    return tuple(best[int(index * step)] for index in range(LIMIT))


def as_question(heading: str) -> tuple[str, int] | None:
    """A heading as a question, with 0 where it asked already, 1 where it was turned round; or None."""
    text = _MARKUP.sub(lambda match: match["label"] or "", heading)
    text = _STEP.sub("", " ".join(text.split())).rstrip(" .:!")
    words = text.split()
    if not 3 <= len(words) <= 14 or len(text) > 90 or _UNFIT.search(text):
        return None
    if text.endswith("?"):
        return text[0].upper() + text[1:], 0
    if how := _HOW_TO.fullmatch(text):
        return f"How do I {_lowered(how['rest'])}?", 0
    if _ASKS.match(text):
        return None
    first = words[0].lower()
    if first in VERBS and (first not in _NOUNS_TOO or words[1].lower() in _AFTER_VERBS):
        return f"How do I {_lowered(text)}?", 1
    if (verb := _from_gerund(first)) is not None:
        return f"How do I {' '.join([verb, *words[1:]])}?", 1
    return None


def _lowered(text: str) -> str:
    first = text.split()[0]
    return text if first.isupper() and len(first) > 1 else text[0].lower() + text[1:]


def _from_gerund(word: str) -> str | None:
    if not word.endswith("ing"):
        return None
    stem = word[:-3]
    undoubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
    return next((verb for verb in (stem, f"{stem}e", undoubled) if verb in VERBS), None)
