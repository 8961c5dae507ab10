"""Search from ten thousand to a million passages: time, memory, opening, and what the dense index misses.

    python benchmarks/size.py --data FOLDER --cache FOLDER [--sizes N ...] [--build]

The passages are those of the public question sets, embedded for real, as far as they go (about 40,000); the
rest are made of them: the sentences of two passages of a set mixed and shuffled, and the vectors of the first
moved by noise (cosine about .86) and brought to unit length again. Every hundredth passage belongs to source
1, so that a search limited to it keeps 1% of them, scattered over the whole.

Data folders are built once and kept under the cache. Each is measured in a process of its own on one
processor core, by the production `Search`, with questions of the sets and their embedding counted in.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from datasets import BenchPassage, BenchSet, sample
from knowledge import embedded
from machine import machine
from numpy.typing import NDArray
from options import add_model, add_sets, described
from search import READ, asked

from freehold.assistant.assistants import assistants
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge import search as production
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import Search
from freehold.knowledge.store import documents, passages, sources, vectors
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.types import Query

SETS = ("medquad", "helpcentre-made", "dstc11", "bank-made", "squad")
SIZES = (10_000, 40_000, 100_000, 300_000, 1_000_000)
SOURCES = 100
"""Each with as many passages as the others; one of them is the filter that keeps 1%."""
PER_DOCUMENT = 10
NOISE = 0.6
"""Length of the noise beside a vector's 1: the cosine to where it came from is about .86."""
BLOCK = 5_000
EXACT = 100
"""Questions for which the dense index is compared with exact search."""


@dataclass(frozen=True)
class Material:
    """What passages are made of."""

    passages: list[BenchPassage]
    sentences: list[list[str]]
    alike: list[tuple[int, int]]
    """The first and last passage of the same set."""
    vectors: NDArray[np.float32]


def material(names: Sequence[str], data: Path, cache: Path, embedder: OnnxEmbedder) -> Material:
    """The sets' passages, shuffled so that each size holds some of every set."""
    read: list[BenchPassage] = []
    rows, alike = [], []
    for name in names:
        bench = READ[name](data)
        alike += [(len(read), len(read) + len(bench.passages) - 1)] * len(bench.passages)
        read += bench.passages
        rows.append(embedded(bench, embedder, cache))
    sentences = [re.split(r"(?<=[.!?])\s+", passage.text) for passage in read]
    return Material(read, sentences, alike, np.concatenate(rows))


def order(count: int) -> list[int]:
    return random.Random(0).sample(range(count), count)


def made(of: Material, first: int, count: int) -> tuple[list[tuple[str, str]], NDArray[np.float32]]:
    """Titles and texts of passages `first` and on, and their vectors: real ones while there are any."""
    draw, noise = random.Random(first), np.random.default_rng(first)
    shuffled = order(len(of.passages))
    rows = shuffled[first : first + count]
    texts = [(of.passages[row].title, of.passages[row].text) for row in rows]
    vectors = of.vectors[rows]
    if len(rows) < count:
        drawn = [draw.randrange(len(of.passages)) for _ in range(count - len(rows))]
        for row in drawn:
            other = draw.randint(*of.alike[row])
            mixed = of.sentences[row][::2] + of.sentences[other][1::2]
            draw.shuffle(mixed)
            texts.append((of.passages[row].title, " ".join(mixed) or of.passages[row].text))
        dimensions = of.vectors.shape[1] // 4
        moved = of.vectors[drawn].reshape(-1, dimensions)
        step = noise.standard_normal(moved.shape, dtype=np.float32) * (NOISE / dimensions**0.5)
        moved = moved / np.linalg.norm(moved, axis=1, keepdims=True) + step
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        vectors = np.concatenate([vectors, moved.reshape(len(drawn), -1)])
    return texts, vectors


def packed(rows: NDArray[np.float32]) -> Iterator[tuple[float, bytes]]:
    """As `quantise` does, for many at once."""
    scales = np.abs(rows).max(axis=1) / 127
    whole = np.rint(rows / scales[:, None]).astype(np.int8)
    return ((float(scale), row.tobytes()) for scale, row in zip(scales, whole, strict=True))


def build(home: Path, size: int, of: Material, embedder: OnnxEmbedder, start: Path | None) -> dict[str, Any]:
    """The data folder with so many passages, continuing a smaller one's database; what it took."""
    partial = home.with_name(home.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if start is not None:
        shutil.copy2(start / "freehold.db", partial / "freehold.db")
    database = Database(partial / "freehold.db")
    migrate(database)
    with database.read() as connection:
        there = connection.exec_driver_sql("SELECT count(*) FROM passages").scalar_one()
    if not there:
        with database.write() as connection:
            bot = {"id": "bench", "name": "bench", "public_token": "pub_bench", "created_at": 0.0}
            connection.execute(assistants.insert(), bot)
            connection.execute(sources.insert(), [source(number) for number in range(1, SOURCES + 1)])
    for first in range(there, size, BLOCK):
        count = min(BLOCK, size - first)
        texts, rows = made(of, first, count)
        with database.write() as connection:
            connection.execute(documents.insert(), list(document_rows(first, texts)))
            connection.execute(passages.insert(), list(passage_rows(first, texts)))
            connection.execute(
                vectors.insert(),
                [
                    {"passage_id": first + at, "embedder": embedder.name, "scale": scale, "vector": vector}
                    for at, (scale, vector) in enumerate(packed(rows), 1)
                ],
            )
        print(f"{size:,}: {first + count:,} passages written", file=sys.stderr, flush=True)
    started = time.perf_counter()
    lexical = LexicalIndex(partial / "index", database)
    lexical.open()
    indexed = time.perf_counter() - started
    started = time.perf_counter()
    DenseIndex(database, embedder.name, embedder.dimensions).load()
    signed = time.perf_counter() - started
    lexical.close()
    database.close()
    facts = {"words": indexed, "signs": signed}
    (partial / "built.json").write_text(json.dumps(facts), encoding="utf-8")
    shutil.rmtree(home, ignore_errors=True)
    partial.rename(home)
    return facts


def source(number: int) -> dict[str, object]:
    told = {"id": number, "assistant_id": "bench", "kind": "folder", "location": f"/{number}"}
    return {**told, "title": str(number), "state": "ready", "created_at": 0.0}


def source_of(place: int) -> int:
    """Every hundredth passage in turn: no source is one piece of the index."""
    return place % SOURCES + 1


def document_of(place: int) -> int:
    """The documents of a source hold ten of its passages each; their numbers start at 1."""
    return (place // (SOURCES * PER_DOCUMENT)) * SOURCES + place % SOURCES + 1


def document_rows(first: int, texts: Sequence[tuple[str, str]]) -> Iterator[dict[str, object]]:
    for place in range(first, first + len(texts)):
        if place // SOURCES % PER_DOCUMENT == 0:  # its first passage
            title, text = texts[place - first]
            told = {"id": document_of(place), "source_id": source_of(place), "location": f"{place}.md"}
            yield {**told, "title": title, "text": text, "content_hash": "", "size": 0, "synced_at": 0.0}


def passage_rows(first: int, texts: Sequence[tuple[str, str]]) -> Iterator[dict[str, object]]:
    for place, (title, text) in enumerate(texts, first):
        told = {"id": place + 1, "document_id": document_of(place), "source_id": source_of(place)}
        told |= {
            "position": place // SOURCES % PER_DOCUMENT,
            "heading_path": json.dumps([title] * bool(title)),
        }
        yield {**told, "start": 0, "end": len(text), "text": text, "text_hash": ""}


def exact(database: Database, name: str, asked: NDArray[np.float32], limit: int) -> dict[str, Any]:
    """The ids of the nearest by comparing all stored vectors: over everything, and within source 1."""
    dimensions = asked.shape[1]
    best: dict[str, list[tuple[NDArray[np.float32], NDArray[np.int64]]]] = {"all": [], "filtered": []}
    statement = (
        f"SELECT vectors.passage_id, scale, substr(vector, 1, {dimensions}), source_id FROM vectors"
        " JOIN passages ON passages.id = vectors.passage_id WHERE embedder = ?"
    )
    with database.read() as connection:
        result = connection.execution_options(yield_per=20_000).exec_driver_sql(statement, (name,))
        for rows in result.partitions(20_000):
            ids = np.array([row[0] for row in rows])
            matrix = np.frombuffer(b"".join(row[2] for row in rows), np.int8).reshape(len(rows), dimensions)
            scales = np.array([row[1] for row in rows], np.float32)
            cosines = (matrix.astype(np.float32) @ asked.T) * scales[:, None]
            ours = np.array([row[3] == 1 for row in rows])
            for scope, chosen in (("all", slice(None)), ("filtered", ours)):
                some, its = cosines[chosen], ids[chosen]
                top = np.argsort(-some, axis=0)[:limit]
                best[scope].append((np.take_along_axis(some, top, axis=0), its[top]))
    found = {}
    for scope, parts in best.items():
        cosines = np.concatenate([part[0] for part in parts])
        ids = np.concatenate([part[1] for part in parts])
        top = np.argsort(-cosines, axis=0)[:limit]
        found[scope] = np.take_along_axis(ids, top, axis=0).T
    return found


def questions(names: Sequence[str], data: Path, count: int) -> list[Query]:
    """Some of every set, of both halves."""
    sets: list[BenchSet] = [READ[name](data) for name in names]
    each = [sample([one for one in bench.questions if one.answerable], count // len(names)) for bench in sets]
    drawn = [asked(question) for some in each for question in some]
    random.Random(0).shuffle(drawn)
    return drawn


class Counting:
    """The embedder, with what it took."""

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


def measure(home: Path, asking: Sequence[Query], model: Path) -> dict[str, Any]:
    """All figures of one size, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    scopes = {"all": frozenset(range(1, SOURCES + 1)), "filtered": frozenset({1})}
    before = psutil.Process().memory_info().rss
    started, used = time.perf_counter(), time.process_time()
    embedder = Counting(OnnxEmbedder(model))
    database = Database(home / "freehold.db")
    migrate(database)
    lexical = LexicalIndex(home / "index", database)
    lexical.open()
    dense = DenseIndex(database, embedder.name, embedder.dimensions)
    dense.load()
    search = Search(database, lexical, dense, embedder)
    opened, opened_cpu = time.perf_counter() - started, time.process_time() - used
    facts: dict[str, Any] = {"passages": len(dense), "opening": opened, "opening_cpu": opened_cpu}
    facts["opened_mb"] = psutil.Process().memory_info().rss / 1e6
    started, used = time.perf_counter(), time.process_time()
    lexical.hold()  # the server does both beside the start, words where passages are few, vectors where many
    dense.hold()
    facts["holding"], facts["holding_cpu"] = time.perf_counter() - started, time.process_time() - used
    for scope, ids in scopes.items():
        whole, without, processor = [], [], []
        for query in asking:
            embedding, started, used = embedder.seconds, time.perf_counter(), time.process_time()
            search.search(query, sources=ids, limit=10)
            took = time.perf_counter() - started
            processor.append(time.process_time() - used)
            whole.append(took)
            without.append(took - (embedder.seconds - embedding))
        for kind, seconds in (("whole", whole), ("without", without), ("cpu", processor)):
            facts[f"{scope}_{kind}"] = [1000 * float(each) for each in np.percentile(seconds, [50, 95])]
    facts["rss_mb"] = psutil.Process().memory_info().rss / 1e6
    facts["peak_mb"] = peak_mb()
    facts["before_mb"] = before / 1e6
    rows = np.stack([search._vector(production._asked(query)) for query in asking[:EXACT]])
    truth = exact(database, embedder.name, rows, 100)
    for scope, ids in scopes.items():
        for limit in (10, 100):
            shares = []
            for row, wanted in zip(rows, truth[scope], strict=True):
                got = {each for each, _ in dense.search(row, sources=ids, limit=limit)}
                shares.append(len(got & set(wanted[:limit].tolist())) / len(wanted[:limit]))
            facts[f"{scope}_recall_{limit}"] = float(np.mean(shares))
    lexical.close()
    database.close()
    return facts


def peak_mb() -> float:
    """The most memory that this process ever held."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1000


def report(figures: Sequence[dict[str, Any]]) -> str:
    """The Markdown tables."""

    def times(one: dict[str, Any], key: str) -> str:
        return f"{one[key][0]:.1f} / {one[key][1]:.1f}"

    lines = [
        "| passages | whole search, p50 / p95 ms | without embedding | limited to 1%, p50 / p95 ms"
        " | opening s | memory MB, highest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        lines.append(
            f"| {one['passages']:,} | {times(one, 'all_whole')} | {times(one, 'all_without')}"
            f" | {times(one, 'filtered_whole')} | {one['opening']:.1f}"
            f" | {one['rss_mb']:.0f}, {one['peak_mb']:.0f} |"
        )
    lines += [
        "",
        "| passages | recall@10 | recall@100 | limited to 1%: recall@10 | recall@100 | processor ms a search,"
        " p50 / p95 | limited to 1% |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        recalls = [
            f"{one[f'{scope}_recall_{limit}']:.3f}" for scope in ("all", "filtered") for limit in (10, 100)
        ]
        lines.append(
            f"| {one['passages']:,} | {' | '.join(recalls)} | {times(one, 'all_cpu')} |"
            f" {times(one, 'filtered_cpu')} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    parser.add_argument("--cache", type=Path, required=True, help="folder of kept vectors and data folders")
    add_model(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--questions", type=int, default=300, help="questions asked of each size")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, help="what the passages are of")
    parser.add_argument("--build", action="store_true", help="make the data folders and stop")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = options.model or load().embedder_folder
    homes = {size: options.cache / "size" / str(size) for size in sorted(options.sizes)}
    if options.only:
        print(
            json.dumps(
                measure(homes[options.only], questions(options.sets, options.data, options.questions), model)
            )
        )
        return
    of: Material | None = None
    start: Path | None = None
    for size, home in homes.items():
        if not (home / "built.json").exists():
            embedder = OnnxEmbedder(model)
            of = of or material(options.sets, options.data, options.cache, embedder)
            facts = build(home, size, of, embedder, start)
            print(f"{size:,}: words indexed in {facts['words']:.0f} s, signs made in {facts['signs']:.0f} s")
        start = home
    if options.build:
        return
    figures = []
    for size in homes:
        command = [sys.executable, __file__, *sys.argv[1:], "--only", str(size)]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | threads)
        figures.append(json.loads(told.stdout))
        print(json.dumps(figures[-1]), file=sys.stderr, flush=True)
    print(report(figures))
    print(f"\n{machine()}, one of them used; `{shlex.join(['python', *sys.argv])}`.")


if __name__ == "__main__":
    main()
