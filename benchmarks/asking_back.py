"""Questions back where documents branch, and what follow-ups mean.

    python benchmarks/asking_back.py --data FOLDER [--cache FOLDER] [--part back|follow] [--read]

`back` asks the production answer path and counts how often it asked back where it should (questions of
branching.py that parallel sections answer differently) and where it should not (all others, and questions of
`squad` and `dstc11`). After each question back every choice is picked, and the answer must come from that
choice's section alone. `follow` searches with the turns before a question as they are, and with the question
put in full by `history.resolve`. `--read` prints what went wrong.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from branching import documents
from branching_questions import DIALOGUES, QUESTIONS
from datasets import BenchQuestion, BenchSet, dstc11, sample, squad
from knowledge import SCOPE
from machine import machine
from options import add_cache, add_sets, described
from search import Score, asked, figures
from whole_path import WholePath, opened

from freehold.assistant.branches import question_back
from freehold.assistant.history import resolve, without_small_talk
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge.search import Search
from freehold.types import CitationFound, MessageDelta, MessageEnd, Query, Turn


@dataclass(frozen=True)
class Answer:
    """What came back."""

    outcome: str
    choices: tuple[str, ...]
    cited: tuple[str, ...]
    """The sections quoted."""
    titles: frozenset[str]
    """Of their documents."""
    text: str


async def answer(path: WholePath, query: Query) -> Answer:
    cited, titles, text = [], set(), ""
    async for event in path.answerer.answer(query, "bench"):
        if isinstance(event, CitationFound):
            cited.append(path.names[event.citation.passage_id])
            titles.add(event.citation.document.title)
        elif isinstance(event, MessageDelta):
            text += event.claim.text
        elif isinstance(event, MessageEnd):
            ended = event
    return Answer(ended.outcome, ended.choices, tuple(cited), frozenset(titles), text)


async def asked_back(
    path: WholePath, queries: Iterable[tuple[Query, str]]
) -> dict[str, list[tuple[Query, Answer]]]:
    """The answers, by kind of question."""
    found: dict[str, list[tuple[Query, Answer]]] = {}
    for query, kind in queries:
        found.setdefault(kind, []).append((query, await answer(path, query)))
    return found


async def picks(
    path: WholePath, told: Iterable[tuple[Query, Answer]]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """After each question back, each choice picked: question, choice, sections quoted."""
    rows = []
    for query, back in told:
        turns = (Turn("user", query.text), Turn("assistant", question_back(back.choices)))
        for choice in back.choices:
            after = await answer(path, Query(choice, turns))
            rows.append((query.text, choice, after.cited))
    return rows


def back(data: Path, cache: Path | None, embedder: OnnxEmbedder, count: int, to_read: bool) -> None:
    print("| questions | | asked back | |\n| --- | --- | --- | --- |")
    own = BenchSet("branching", tuple(documents()), ())
    should = {kind: wanted for _, kind, wanted in QUESTIONS}
    picked: list[tuple[str, str, tuple[str, ...]]] = []
    with opened(own, embedder, None) as path:
        found = asyncio.run(asked_back(path, ((Query(text), kind) for text, kind, _ in QUESTIONS)))
        for kind, rows in found.items():
            tell(kind, rows, should[kind], to_read)
            if should[kind]:
                picked = asyncio.run(picks(path, rows))
    for bench in (squad(data), dstc11(data)) if count else ():
        questions = sample([each for each in bench.questions if each.answerable], count)
        with opened(bench, embedder, cache) as path:
            rows = asyncio.run(asked_back(path, ((asked(each), bench.name) for each in questions)))
        tell(bench.name, rows[bench.name], False, to_read)
    others = [row for row in picked if any(row[1] not in section for section in row[2])]
    none = [row for row in picked if not row[2]]
    print(
        f"\nAfter a question back {len(picked)} choices were picked: {len(others)} answers quoted another"
        f" section as well, {len(none)} were refused."
    )
    for row in others + none if to_read else ():
        print(row)


def tell(name: str, rows: Sequence[tuple[Query, Answer]], wanted: bool, to_read: bool) -> None:
    count = sum(bool(each.choices) for _, each in rows)
    verdict = "rightly" if wanted else "wrongly"
    print(f"| {name} | {len(rows)} | {count} {verdict} | {count / len(rows):.3f} |", flush=True)
    for query, each in rows if to_read else ():
        if bool(each.choices) != wanted:
            print(f"{query.text!r}: {each.choices}, {each.outcome}, {each.cited}")


def follow(data: Path, cache: Path | None, embedder: OnnxEmbedder, to_read: bool) -> None:
    head = "questions | as it was said: MRR@10 / hit@5 | put in full"
    print(f"| conversations | {head} |\n| --- | --- | --- | --- |")
    bench = dstc11(data)
    turned = [replace(each, history=history(each)) for each in bench.questions if each.history]
    with opened(bench, embedder, cache) as path:
        compare("dstc11", path, turned, to_read)
    own = BenchSet("branching", tuple(documents()), ())
    dialogues = []
    with opened(own, embedder, None) as path:
        for number, (turns, section) in enumerate(DIALOGUES):
            told: tuple[tuple[str, str], ...] = ()
            for turn in turns[:-1]:
                reply = best(path, resolve(asked(BenchQuestion("", turn, (), "", history=told))))
                told += (("user", turn), ("assistant", reply))
            dialogues.append(BenchQuestion(str(number), turns[-1], (section,), "", history=told))
        compare("written dialogues", path, dialogues, to_read)


def best(path: WholePath, query: Query) -> str:
    """The first sentence of what is found, as a reply."""
    found = path.search.search(query, sources=SCOPE, limit=1).passages
    return found[0].passage.text.split(". ")[0] + "."


def history(question: BenchQuestion) -> tuple[tuple[str, str], ...]:
    return tuple((turn.role, turn.text) for turn in without_small_talk(asked(question).history))


def compare(name: str, path: WholePath, questions: Sequence[BenchQuestion], to_read: bool) -> None:
    said, full, said_changed, full_changed = Score(), Score(), Score(), Score()
    for question in questions:
        query = asked(question)
        meant = resolve(query)
        one = ranked(path.search, path, query)
        said.add(one, question.passage_ids)
        other = one if meant == query else ranked(path.search, path, meant)
        full.add(other, question.passage_ids)
        if meant != query:
            said_changed.add(one, question.passage_ids)
            full_changed.add(other, question.passage_ids)
            if to_read:
                print(
                    f"{query.text!r} as {meant.text!r}: {said.reciprocal[-1]:.2f} {full.reciprocal[-1]:.2f}"
                )
    print(f"| {name} | {len(questions)} | {figures(said)} | {figures(full)} |")
    if changed := len(said_changed.hit):
        print(f"| {name}, put otherwise | {changed} | {figures(said_changed)} | {figures(full_changed)} |")


def ranked(search: Search, path: WholePath, query: Query) -> list[str]:
    return [path.names[each.passage.id] for each in search.search(query, sources=SCOPE, limit=10).passages]


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    parser.add_argument("--part", choices=("back", "follow", "all"), default="all", help="what is measured")
    parser.add_argument("--questions", type=int, default=200, help="of each public set, for `back`")
    parser.add_argument("--read", action="store_true", help="print what went wrong")
    given = parser.parse_args()
    embedder = OnnxEmbedder(load().embedder_folder)
    if given.part != "follow":
        back(given.data, given.cache, embedder, given.questions, given.read)
    if given.part != "back":
        follow(given.data, given.cache, embedder, given.read)
    print(f"\n`python {shlex.join(sys.argv)}`, {embedder.name}, {machine()}")


if __name__ == "__main__":
    main()
