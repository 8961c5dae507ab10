"""How-to questions: whether the steps are shown, from the first on.

    python benchmarks/how_to.py --data FOLDER [--cache FOLDER] [--questions N]

Of a business application's help centre as it is, each section that holds numbered steps and whose heading
makes a question that no other makes ("To post a service order": "How do I post a service order?"). `other
words` asks the same with another verb ("How can I book a service order?"). The first quote is compared with
the section: the steps from the first on, another part of it, or something else. Half `b` is reported; the
rules were made on half `a`. That a customer's words stand in a heading is taken for granted here, but for the
verb.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from answers import Room, rooms
from datasets import BenchPassage, half, sample
from machine import machine
from made_questions import helpcentre_as_it_is
from options import add_cache, add_model, add_sets, described
from phrasing import asked_of_heading

from freehold.types import Query

COMES = ("steps", "other of the section", "elsewhere", "refused")
OTHER_VERBS = {
    "create": "make",
    "set up": "configure",
    "change": "modify",
    "delete": "remove",
    "add": "attach",
    "post": "book",
    "view": "see",
    "define": "specify",
    "enter": "record",
    "use": "work with",
    "assign": "give",
    "specify": "choose",
    "import": "load",
    "export": "save",
    "edit": "change",
    "find": "look up",
    "enable": "turn on",
    "configure": "set up",
    "generate": "produce",
}
_FIRST = re.compile(r"^[ \t]*1[.)] ", re.MULTILINE)
_ASKS = "How do I "


@dataclass(frozen=True)
class HowTo:
    """A question and the passages of its section; those that hold the first step."""

    text: str
    document: str
    section: frozenset[str]
    first: frozenset[str]


def questions(passages: tuple[BenchPassage, ...]) -> list[HowTo]:
    sections: dict[tuple[str, tuple[str, ...]], list[BenchPassage]] = {}
    for passage in passages:
        if passage.headings:
            sections.setdefault((passage.document, passage.headings), []).append(passage)
    asked = {place: asked_of_heading(place[1][-1]) for place in sections}
    often = Counter(asked.values())
    found = []
    for place, its in sections.items():
        text = asked[place]
        first = frozenset(one.id for one in its if _FIRST.search(one.text))
        if text is not None and text.startswith(_ASKS) and often[text] == 1 and first:
            found.append(HowTo(text, place[0], frozenset(one.id for one in its), first))
    return found


def in_other_words(text: str) -> Iterator[str]:
    """The question with another verb, where one is known."""
    bare = text.removeprefix(_ASKS)
    for verb, other in OTHER_VERBS.items():
        if bare.startswith(f"{verb} "):
            yield f"How can I {other}{bare.removeprefix(verb)}"
            return


def comes(room: Room, text: str, one: HowTo) -> str:
    """What is quoted first."""
    extract = room.extractor.extract(Query(text), room.find(text))
    if not extract.answers(room.extractor.refuse_below):
        return "refused"
    passage = room.names[extract.spans[0].passage.passage.id]
    if passage in one.first and _FIRST.search(extract.spans[0].text):
        return "steps"
    return "other of the section" if passage in one.section else "elsewhere"


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument("--questions", type=int, default=200, help="most questions of each kind (seed 0)")
    options = parser.parse_args()
    bench = helpcentre_as_it_is(options.data)
    held = [one for one in questions(bench.passages) if half(one.document) == "b"]
    verbs = [(text, one) for one in held for text in in_other_words(one.text)]
    kinds = {
        "as headed": sample([(one.text, one) for one in held], options.questions),
        "other words": sample(verbs, options.questions),
    }
    print(f"| | questions | {' | '.join(COMES)} |\n| --- | --- |{' --- |' * len(COMES)}")
    with rooms(bench, options.cache, options.model, read=True) as found:
        for room in found:
            for kind, asked in kinds.items():
                count = Counter(comes(room, text, one) for text, one in asked)
                cells = " | ".join(f"{count[each] / len(asked):.3f}" for each in COMES)
                print(f"| {room.extractor.mode}, {kind} | {len(asked)} | {cells} |", flush=True)
    print(f"\n`python {shlex.join(sys.argv)}`, {machine()}")


if __name__ == "__main__":
    main()
