"""Search on public question sets: words alone, vectors alone, both.

    python benchmarks/search.py --data FOLDER [--cache FOLDER] [--choose]

Everything goes through the production `Search` over a database in a temporary folder. Weights are chosen on
the questions whose document is in half `a` (`--choose` shows what they would be) and reported on half `b`.
A question counts as answered by any of its gold passages.
"""

from __future__ import annotations

import random
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from datasets import READERS, BenchQuestion, BenchSet, Half, sample
from knowledge import SCOPE, known
from machine import machine
from made_questions import MADE
from numpy.typing import NDArray
from options import add_cache, add_model, add_sets, described

from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge import search as production
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.search import Search, Traits
from freehold.types import Query, Turn

SETS = ("dstc11", "medquad", "squad")
READ = READERS | MADE
WAYS = ("words", "vectors", "both")
CHANGED = 500
"""Questions that change the subject."""


class Timed:
    """An embedder that counts its own time."""

    def __init__(self, inner: OnnxEmbedder) -> None:
        self.inner = inner
        self.name, self.dimensions = inner.name, inner.dimensions
        self.seconds = 0.0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        started = time.perf_counter()
        try:
            return self.inner.embed(texts)
        finally:
            self.seconds += time.perf_counter() - started

    def embed_parts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.inner.embed_parts(texts)


@dataclass
class Score:
    """MRR@10, hit@5, and what each question took."""

    reciprocal: list[float] = field(default_factory=list)
    hit: list[bool] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    embedding: list[float] = field(default_factory=list)

    def add(self, ranked: Sequence[str], gold: Sequence[str]) -> None:
        place = next((i for i, passage in enumerate(ranked[:10], 1) if passage in gold), 0)
        self.reciprocal.append(1 / place if place else 0.0)
        self.hit.append(0 < place <= 5)

    @property
    def mrr(self) -> float:
        return float(np.mean(self.reciprocal))

    @property
    def hit5(self) -> float:
        return float(np.mean(self.hit))


@dataclass(frozen=True)
class Bench:
    """A set in a database, ready to be asked."""

    name: str
    questions: dict[Half, list[BenchQuestion]]
    changed: list[BenchQuestion]
    """Questions of half `b` that change the subject, where the set's answers allow to make some."""
    names: dict[int, str]
    """The set's own id of each passage."""
    words: Search
    both: Search
    dense: DenseIndex
    embedder: Timed

    def rank(self, way: str, query: Query) -> list[str]:
        if way == "vectors":
            vector = self.both._vector(production._asked(query))
            assert vector is not None
            ranked = [passage_id for passage_id, _ in self.dense.search(vector, sources=SCOPE, limit=10)]
        else:
            search = self.words if way == "words" else self.both
            result = search.search(query, sources=SCOPE, limit=10)
            ranked = [each.passage.id for each in result.passages]
        return [self.names[passage_id] for passage_id in ranked]

    def score(self, way: str, questions: Sequence[BenchQuestion]) -> Score:
        score = Score()
        for question in questions:
            before, started = self.embedder.seconds, time.perf_counter()
            ranked = self.rank(way, asked(question))
            took = time.perf_counter() - started
            embedding = self.embedder.seconds - before
            score.milliseconds.append(1000 * (took - embedding))
            score.embedding.append(1000 * embedding)
            score.add(ranked, question.passage_ids)
        return score


def elsewhere(
    questions: Sequence[BenchQuestion], bench: BenchSet, count: int, seed: int = 0
) -> list[BenchQuestion]:
    """Questions asked right after another document's question and the sentence that answers it."""
    draw = random.Random(seed)
    texts = {passage.id: passage.text for passage in bench.passages}
    changed = []
    for question in sample(questions, count, seed):
        before = draw.choice([other for other in questions if other.document != question.document])
        sentences = texts[before.passage_ids[0]].replace("? ", ". ").split(". ")
        told = next((one for one in sentences if before.answers[0] in one), sentences[0])
        changed.append(replace(question, history=(("user", before.text), ("assistant", f"{told}."))))
    return changed


def asked(question: BenchQuestion) -> Query:
    turns = (Turn("user" if role == "user" else "assistant", text) for role, text in question.history)
    return Query(question.text, tuple(turns))


@contextmanager
def opened(name: str, data: Path, cache: Path | None, embedder: Timed, count: int) -> Iterator[Bench]:
    bench = READ[name](data)
    answerable = [question for question in bench.questions if question.answerable]
    halves: dict[Half, list[BenchQuestion]] = {
        half: sample([question for question in answerable if question.half == half], count)
        for half in ("a", "b")
    }
    changed = elsewhere(halves["b"], bench, CHANGED) if name == "squad" else []
    with known(bench, embedder, cache) as base:
        words = Search(base.database, base.lexical)
        both = Search(base.database, base.lexical, base.dense, embedder)
        yield Bench(name, halves, changed, base.names, words, both, base.dense, embedder)


@dataclass(frozen=True)
class Looks:
    """The traits of all that search chose from for a set's questions: float[questions, passages, traits]."""

    name: str
    traits: NDArray[np.float32]
    gold: NDArray[np.bool_]
    there: NDArray[np.bool_]

    def score(self, weights: NDArray[np.float32]) -> tuple[float, float]:
        """MRR@10 and hit@5."""
        scores = np.where(self.there, self.traits @ weights, -np.inf)
        best = np.where(self.gold, scores, -np.inf).max(axis=1, keepdims=True)
        ties = (self.there & (scores == best)).sum(axis=1) - 1
        place = 1 + (scores > best).sum(axis=1) + np.maximum(ties, 0) / 2
        found = self.gold.any(axis=1)
        return float(((place <= 10) & found) @ (1 / place) / len(place)), float(((place <= 5) & found).mean())


def collected(bench: Bench, search: Search) -> Looks:
    """What search chooses from for the questions of half `a`."""
    looked = []
    for question in bench.questions["a"]:
        found = search.look(asked(question), sources=SCOPE, limit=10)
        gold = [bench.names[each.passage.id] in question.passage_ids for each, _ in found]
        looked.append(([traits for _, traits in found], gold))
    shape = (len(looked), max(len(gold) for _, gold in looked))
    traits = np.zeros((*shape, len(Traits._fields)), dtype=np.float32)
    golden, there = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for number, (rows, gold) in enumerate(looked):
        there[number, : len(gold)] = True
        golden[number, : len(gold)] = gold
        if rows:
            traits[number, : len(gold)] = rows
    return Looks(bench.name, traits, golden, there)


def choose(way: str, looks: Sequence[Looks], start: Traits, steps: int = 400) -> None:
    """Climbs from the weights in use to better ones for the mean MRR@10 plus half the mean hit@5."""

    def value(weights: NDArray[np.float32]) -> float:
        return float(np.mean([mrr + hit5 / 2 for mrr, hit5 in (each.score(weights) for each in looks)]))

    draw = np.random.default_rng(0)
    now = np.array(start, dtype=np.float32)
    for label, weights in (("in use", now), ("climbed to", climbed(now, value, draw, steps))):
        shown = ", ".join(f"{name} {w:.3f}" for name, w in zip(Traits._fields, weights, strict=True))
        scores = "  ".join(
            f"{each.name} {each.score(weights)[0]:.3f}/{each.score(weights)[1]:.3f}" for each in looks
        )
        print(f"{way}, {label}: {shown}\n    {value(weights):.4f}  {scores}", flush=True)


def climbed(
    now: NDArray[np.float32],
    value: Callable[[NDArray[np.float32]], float],
    draw: np.random.Generator,
    steps: int,
) -> NDArray[np.float32]:
    best = value(now)
    for _ in range(steps):
        trial = now.copy()
        at = draw.integers(len(now))
        trial[at] = max(0.0, trial[at] + draw.choice([-0.1, -0.05, -0.02, 0.02, 0.05, 0.1]))
        if trial.sum() and (reached := value(trial / trial.sum())) > best:
            now, best = trial / trial.sum(), reached
    return now


def report(scores: dict[tuple[str, str, Half], Score], sizes: dict[str, tuple[int, int]]) -> str:
    """The Markdown tables."""
    lines = [
        "| set | passages | questions | words MRR@10 / hit@5 | vectors | **both** | both, half a |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, (held, count) in sizes.items():
        cells = [figures(scores[name, way, "b"]) for way in WAYS]
        lines.append(
            f"| {name} | {held:,} | {count:,} | {cells[0]} | {cells[1]} | **{cells[2]}** |"
            f" {figures(scores[name, 'both', 'a'])} |"
        )
    means, extra = [], []
    for way, half in (("words", "b"), ("vectors", "b"), ("both", "b"), ("both", "a")):
        of = [scores[name, way, half] for name in sizes]  # type: ignore[index]  # names and ways are plain strings here
        means.append(f"{np.mean([s.mrr for s in of]):.3f} / {np.mean([s.hit5 for s in of]):.3f}")
    for name in dict.fromkeys(name for name, _, _ in scores if name not in sizes):
        cells = [figures(scores[name, way, "b"]) for way in WAYS]
        count = len(scores[name, "both", "b"].hit)
        extra.append(f"| {name} | | {count:,} | {cells[0]} | {cells[1]} | **{cells[2]}** | |")
    lines.append(f"| mean | | | {means[0]} | {means[1]} | **{means[2]}** | {means[3]} |")
    lines += extra
    lines += [
        "",
        "| set | words p50 / p95 ms | both p50 / p95 ms | embedding the question p50 / p95 ms |",
        "| --- | --- | --- | --- |",
    ]
    for name in sizes:
        words, both = scores[name, "words", "b"], scores[name, "both", "b"]
        lines.append(
            f"| {name} | {times(words.milliseconds)} | {times(both.milliseconds)} | {times(both.embedding)} |"
        )
    return "\n".join(lines)


def figures(score: Score) -> str:
    return f"{score.mrr:.3f} / {score.hit5:.3f}"


def times(milliseconds: Sequence[float]) -> str:
    return f"{np.percentile(milliseconds, 50):.1f} / {np.percentile(milliseconds, 95):.1f}"


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument(
        "--questions", type=int, default=1500, help="most questions per set and half (seed 0)"
    )
    parser.add_argument("--sets", nargs="+", default=SETS, choices=(*SETS, *MADE))
    parser.add_argument("--choose", action="store_true", help="search for weights on half a instead")
    options = parser.parse_args()
    embedder = Timed(OnnxEmbedder(options.model or load().embedder_folder))
    scores: dict[tuple[str, str, Half], Score] = {}
    sizes: dict[str, tuple[int, int]] = {}
    chosen: dict[str, list[Looks]] = {"words": [], "both": []}
    for name in options.sets:
        with opened(name, options.data, options.cache, embedder, options.questions) as bench:
            if options.choose:
                for way, search in (("words", bench.words), ("both", bench.both)):
                    chosen[way].append(collected(bench, search))
                continue
            for way in WAYS:
                scores[name, way, "b"] = bench.score(way, bench.questions["b"])
                if bench.changed:
                    scores[f"{name}, another subject before", way, "b"] = bench.score(way, bench.changed)
            scores[name, "both", "a"] = bench.score("both", bench.questions["a"])
            sizes[name] = (len(bench.names), len(bench.questions["b"]))
    if options.choose:
        for way, start in (("words", production.WORDS), ("both", production.HYBRID)):
            choose(way, chosen[way], start)
        return
    print(report(scores, sizes))
    print(f"\n{machine()}; {embedder.name}; `{shlex.join(['python', *sys.argv])}`.")


if __name__ == "__main__":
    main()
