"""Extractive answers on SQuAD, and what is refused when the answer is left out.

    python benchmarks/answers.py --data FOLDER [--cache FOLDER] [--questions N]

Everything goes through the production `Search` and `Extractor` over all of the set's passages. To leave the
answer out, search is asked for more passages and the gold one (or every passage of its article) is dropped
before the best five are taken. Questions of half `b` are reported; `fit_answers.py` chose on half `a` and on
other data. An answer counts when a gold answer stands in a shown sentence of the gold passage.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import BenchQuestion, BenchSet, banking77, sample, squad
from knowledge import SCOPE, known
from machine import machine
from made_questions import MADE
from numpy.typing import NDArray
from options import add_cache, add_model, add_sets, described

from freehold.assistant import finding
from freehold.assistant.extract import Extractor
from freehold.assistant.sentences import words as length_in_words
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.reader import OnnxReader, Reading
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import Search
from freehold.knowledge.store import fetch_section
from freehold.store.database import Database
from freehold.types import Passage, Query, ScoredPassage, Turn

PASSAGES = 5
"""As `passages_per_answer` has it."""
REFUSED = ("its paragraph", "its article", "banking77", "adversarial")
"""What should be refused: the answer left out in two ways, questions of another world, SQuAD 2.0's traps."""
WRONG = (0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.10)
"""Shares of answerable questions refused, for which the curve is given."""

Tokens = tuple[NDArray[np.float32], list[tuple[int, int]]]


class Kept:
    """The production embedder, remembering what it gave; on disk too when given a folder."""

    def __init__(self, inner: OnnxEmbedder, folder: Path | None = None, name: str = "") -> None:
        self._inner = inner
        self.name, self.dimensions = inner.name, inner.dimensions
        mark = hashlib.sha256(inner.name.encode()).hexdigest()[:8]
        self._path = folder / f"answers-{name}-{mark}.npz" if folder else None
        self._arrays: dict[str, NDArray[Any]] = {}
        self._fresh = 0
        if self._path and self._path.exists():
            with np.load(self._path) as stored:
                self._arrays = dict(stored)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._get("s", text) for text in texts])

    def embed_parts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._inner.embed_parts(texts)

    def embed_tokens(self, text: str) -> Tokens:
        found = self._get("t", text).astype(np.float32)
        return found, [(int(a), int(b)) for a, b in self._arrays[_key("p", text)]]

    def _get(self, kind: str, text: str) -> NDArray[Any]:
        key = _key(kind, text)
        if key not in self._arrays:
            self._fresh += 1
            if kind == "s":
                self._arrays[key] = self._inner.embed([text])[0]
            else:
                rows, places = self._inner.embed_tokens(text)
                self._arrays[key] = rows.astype(np.float16)
                self._arrays[_key("p", text)] = np.array(places, np.int32).reshape(-1, 2)
        return self._arrays[key]

    def save(self) -> None:
        if self._path and self._fresh:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._path, **self._arrays)  # type: ignore[arg-type]  # numpy types the keywords as flags
            self._fresh = 0


def _key(kind: str, text: str) -> str:
    return kind + hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Room:
    """A set's passages, ready to be asked."""

    search: Search
    extractor: Extractor
    embedder: Kept | None
    lexical: LexicalIndex
    database: Database
    names: dict[int, str]
    """The set's own id of each passage."""
    articles: dict[str, list[str]]

    def find(
        self, text: str, without: Collection[str] = (), history: tuple[Turn, ...] = ()
    ) -> tuple[ScoredPassage, ...]:
        """What an answer's path looks for it in, where some passages are left out."""

        def look(query: Query, limit: int) -> list[ScoredPassage]:
            found = self.search.search(query, sources=SCOPE, limit=limit + len(without)).passages
            return [one for one in found if self.names[one.passage.id] not in without][:limit]

        def section(passage: Passage, limit: int) -> list[Passage]:
            its = fetch_section(self.database, passage, limit)
            return [one for one in its if self.names[one.id] not in without]

        wanted = PASSAGES + self.extractor.more
        return finding.find(Query(text, history), look, section, wanted, self.search.rarities)


class KeptReader:
    """The production reader, remembering what it read: what is left out leaves the other passages there."""

    def __init__(self, inner: OnnxReader) -> None:
        self._inner, self.name = inner, inner.name
        self._read: dict[tuple[str, str], Reading] = {}

    def read(self, question: str, text: str) -> Reading:
        key = (question, text)
        if key not in self._read:
            self._read[key] = self._inner.read(question, text)
        return self._read[key]


@contextmanager
def rooms(
    bench: BenchSet, cache: Path | None, model: Path | None, *, read: bool = False
) -> Iterator[tuple[Room, ...]]:
    """The set with the embedding model, and on words alone; before them, when asked, with the reader too."""
    kept = Kept(OnnxEmbedder(model or load().embedder_folder), cache, bench.name)
    reader = KeptReader(OnnxReader(load().reader_folder)) if read else None
    articles: dict[str, list[str]] = {}
    for passage in bench.passages:
        articles.setdefault(passage.document, []).append(passage.id)
    with known(bench, kept, cache) as base:
        lexical, names, keep = base.lexical, base.names, len(bench.passages)
        both = Search(base.database, lexical, base.dense, kept)
        alone = Search(base.database, lexical)
        shared = (lexical, base.database, names, articles)
        found = (
            Room(both, Extractor(kept, lexical.rarities, keep=keep), kept, *shared),
            Room(alone, Extractor(None, lexical.rarities, keep=keep), None, *shared),
        )
        if reader is not None:
            reading = Extractor(kept, lexical.rarities, reader=reader, keep=keep)
            found = (Room(both, reading, kept, *shared), *found)
        yield found
        kept.save()


@dataclass(frozen=True)
class Figures:
    """What was seen of the questions of one half."""

    confidence: dict[str, NDArray[np.float64]]
    """By what was left out (`nothing`, or one of REFUSED)."""
    place: NDArray[np.int64]
    """Of the first shown sentence with the answer, from 1; 0 for none."""
    milliseconds: NDArray[np.float64]
    longest: int
    """Words of the longest shown sentence."""

    def refused(self, name: str, threshold: float) -> float:
        return float((self.confidence[name] < threshold).mean())

    def shown(self, at_most: int, threshold: float) -> float:
        """Share of questions answered within so many sentences; a refusal is a miss."""
        right = (self.place > 0) & (self.place <= at_most) & (self.confidence["nothing"] >= threshold)
        return float(right.mean())


def observe_help(room: Room, questions: Sequence[BenchQuestion]) -> dict[str, NDArray[np.float64]]:
    """A help centre's own questions, their document there and taken away: the confidence."""
    seen: dict[str, list[float]] = {"nothing": [], "its document": []}
    for question in questions:
        for name, without in (("nothing", ()), ("its document", room.articles[question.document])):
            found = room.find(question.text, without=set(without))
            seen[name].append(room.extractor.extract(Query(question.text), found).confidence)
    return {name: np.array(values) for name, values in seen.items()}


def observe(
    room: Room, questions: Sequence[BenchQuestion], without_answer: dict[str, Sequence[BenchQuestion]]
) -> Figures:
    confidence: dict[str, list[float]] = {name: [] for name in ("nothing", *REFUSED)}
    places, times, longest = [], [], 0
    for question in questions:
        gold = question.passage_ids[0]
        whole = room.find(question.text)
        started = time.perf_counter()
        extract = room.extractor.extract(Query(question.text), whole)
        times.append(1000 * (time.perf_counter() - started))
        confidence["nothing"].append(extract.confidence)
        hits = [
            room.names[span.passage.passage.id] == gold and any(a in span.text for a in question.answers)
            for span in extract.spans
        ]
        places.append(hits.index(True) + 1 if True in hits else 0)
        longest = max([longest, *(length_in_words(span.text) for span in extract.spans)])
        near = room.find(question.text, without={gold})
        far = room.find(question.text, without=set(room.articles[question.document]))
        for name, found in (("its paragraph", near), ("its article", far)):
            confidence[name].append(room.extractor.extract(Query(question.text), found).confidence)
    for name, others in without_answer.items():
        for question in others:
            extract = room.extractor.extract(Query(question.text), room.find(question.text))
            confidence[name].append(extract.confidence)
    return Figures(
        {name: np.array(values) for name, values in confidence.items()},
        np.array(places),
        np.array(times),
        longest,
    )


def report(figures: dict[str, Figures], thresholds: dict[str, float]) -> str:
    """The Markdown tables: what is shown and refused as shipped, then the curve."""
    lines = [
        "| | questions | wrongly refused | answer first | within two | within three | refused: paragraph out"
        " | article out | banking77 | adversarial |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for mode, seen in figures.items():
        at = thresholds[mode]
        cells = [f"{seen.shown(n, at):.3f}" for n in (1, 2, 3)]
        cells += [f"{seen.refused(name, at):.3f}" for name in REFUSED]
        wrong = f"{len(seen.place):,} | {seen.refused('nothing', at):.3f}"
        lines.append(f"| {mode} | {wrong} | {' | '.join(cells)} |")
    for mode in thresholds:
        seen = figures[mode]
        lines += [
            "",
            f"| {mode}: wrongly refused | confidence under | answer first | within three"
            " | refused: paragraph out | article out | banking77 | adversarial |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for wrong_share in WRONG:
            at = float(np.quantile(seen.confidence["nothing"], wrong_share))
            cells = [f"{seen.shown(n, at):.3f}" for n in (1, 3)]
            cells += [f"{seen.refused(name, at):.3f}" for name in REFUSED]
            lines.append(f"| {wrong_share:.1%} | {at:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report_help(options: argparse.Namespace, thresholds: dict[str, float]) -> str:
    """Two help centres' made questions: wrongly refused, and refused when their document is taken away."""
    lines = [
        "| help centre | questions | wrongly refused | document out, refused | at 5% wrongly refused |",
        "| --- | --- | --- | --- | --- |",
    ]
    for make in MADE.values():
        bench = make(options.data)
        questions = sample([one for one in bench.questions if one.half == "b"], options.questions // 3)
        with rooms(bench, options.cache, options.model, read=True) as found:
            for room in found:
                mode = room.extractor.mode
                seen = observe_help(room, questions)
                wrong = (seen["nothing"] < thresholds[mode]).mean()
                right = (seen["its document"] < thresholds[mode]).mean()
                at = (seen["its document"] < np.quantile(seen["nothing"], 0.05)).mean()
                lines.append(
                    f"| {bench.name}, {mode} | {len(questions)} | {wrong:.3f} | {right:.3f} | {at:.3f} |"
                )
                print(f"{bench.name}, {mode}: done", file=sys.stderr, flush=True)
    return "\n".join(lines)


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument("--questions", type=int, default=1500, help="most questions of each kind (seed 0)")
    options = parser.parse_args()
    bench = squad(options.data)
    held_out = [question for question in bench.questions if question.half == "b"]
    answerable = sample([one for one in held_out if one.answerable], options.questions)
    without_answer = {
        "banking77": sample(banking77(options.data).questions, options.questions),
        "adversarial": sample([one for one in held_out if not one.answerable], options.questions),
    }
    figures: dict[str, Figures] = {}
    thresholds = {}
    with rooms(bench, options.cache, options.model, read=True) as found:
        for room in found:
            mode = room.extractor.mode
            thresholds[mode] = room.extractor.refuse_below
            figures[mode] = observe(room, answerable, without_answer)
            print(f"{mode}: done", file=sys.stderr, flush=True)
    print(report(figures, thresholds))
    print(f"\n{report_help(options, thresholds)}")
    for mode, seen in figures.items():
        p50, p95 = np.percentile(seen.milliseconds, [50, 95])
        print(
            f"\n{mode}: longest shown sentence {seen.longest} words; with every"
            f" vector at hand {p50:.1f} ms median, {p95:.1f} ms at p95."
        )
    print(f"\n{machine()}; `{shlex.join(['python', *sys.argv])}`.")


if __name__ == "__main__":
    main()
