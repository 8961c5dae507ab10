"""Quoted answers in the middle of a conversation: whether they are about what it is about.

    python benchmarks/conversations.py --data FOLDER [--cache FOLDER] [--questions N] [--half a]

`dstc11` asks of one of many hotels and restaurants, often without its name, and the documents of all of them
answer; its gold passages are known, not which of their words answer. There the place should be kept to.
SQuAD's questions are asked right after one about another article, and its answer, where it should be left.
Through the production `Search` and `Extractor` over all of a set's passages, with what the conversation names
and without (`subject.py`, `afresh.py`). To take its document away, all passages of the place or article are
dropped from what is found.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from answers import Room, rooms
from datasets import BenchQuestion, BenchSet, dstc11, sample, squad
from machine import machine
from options import add_cache, add_model, add_sets, described
from search import asked, elsewhere

from freehold.assistant import afresh, extract, finding
from freehold.assistant.extract import Extract
from freehold.assistant.history import resolve, without_small_talk
from freehold.types import Query


def meant(question: BenchQuestion) -> Query:
    """The question in its conversation, as the path of an answer puts it."""
    query = asked(question)
    return resolve(Query(query.text, without_small_talk(query.history)))


def answered(room: Room, query: Query, without: Collection[str] = ()) -> Extract:
    """What the path of an answer quotes, without some passages."""

    def seek(asked: Query) -> Extract:
        return room.extractor.extract(asked, room.find(asked.text, without, asked.history))

    return afresh.afresh(query, seek(query), room.extractor.refuse_below, seek)[1]


def observe(room: Room, questions: Sequence[BenchQuestion]) -> list[str]:
    """A row of the table."""
    homes = {passage: home for home, passages in room.articles.items() for passage in passages}
    first, rows, others, quotes = [], [], 0, 0
    out = []
    for question in questions:
        query = meant(question)
        told = answered(room, query)
        cited = [room.names[span.passage.passage.id] for span in told.spans]
        places = {homes[passage] for passage in question.passage_ids}
        shown = told.answers(room.extractor.refuse_below)
        rows.append(shown)
        if shown:
            first.append((cited[0] in question.passage_ids, homes[cited[0]] in places))
            others += sum(homes[passage] not in places for passage in cited)
            quotes += len(cited)
        gone = {passage for place in places for passage in room.articles[place]}
        left = answered(room, query, gone)
        out.append(left.confidence < room.extractor.refuse_below)
    gold, place = np.mean(np.array(first, float).reshape(-1, 2), axis=0)
    figures = (1 - np.mean(rows), gold, place, others / max(1, quotes), np.mean(out))
    return [f"{figure:.3f}" for figure in figures]


@contextmanager
def blind() -> Iterator[None]:
    """What the conversation names does not count."""
    counts, kept, anew = extract.asides, finding.kept_to, afresh.afresh
    extract.asides = lambda query, passages, rarities: np.zeros(len(passages), np.float32)
    finding.kept_to = lambda query, passages, look, rarities: tuple(passages)
    afresh.afresh = lambda query, told, below, seek: (query, told)
    try:
        yield
    finally:
        extract.asides, finding.kept_to, afresh.afresh = counts, kept, anew


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument("--questions", type=int, default=400, help="most questions of a set (seed 0)")
    parser.add_argument("--half", choices=("a", "b"), default="b")
    options = parser.parse_args()
    print(
        "| conversations | questions | what it names | refused | first quote from a gold passage"
        " | of its place | quotes of others | its document out: refused |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for name, bench, questions in conversations(options.data, options.half, options.questions):
        with rooms(bench, options.cache, options.model, read=True) as ready:
            for room in ready:
                label = f"{name}, {room.extractor.mode} | {len(questions)}"
                with blind():
                    print(
                        f"| {label} | does not count | {' | '.join(observe(room, questions))} |", flush=True
                    )
                print(f"| {label} | counts | {' | '.join(observe(room, questions))} |", flush=True)
    print(f"\n{machine()}; `{shlex.join(['python', *sys.argv])}`.")


def conversations(data: Path, half: str, count: int) -> Iterator[tuple[str, BenchSet, list[BenchQuestion]]]:
    bench = dstc11(data)
    yield "dstc11", bench, sample([one for one in bench.questions if one.half == half], count)
    bench = squad(data)
    answerable = [one for one in bench.questions if one.half == half and one.answerable]
    yield "squad, another subject before", bench, elsewhere(answerable, bench, count)


if __name__ == "__main__":
    main()
