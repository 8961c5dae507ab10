"""Search beside LlamaIndex's and Haystack's: the same passages, the same embedding model, the same questions.

    python benchmarks/peers.py --data FOLDER --cache FOLDER --peers FOLDER [--sets ...] [--questions N]

Each peer is put together as its documentation has its hybrid search, with the fastest store that it has
within a process (peer_llamaindex.py, peer_haystack.py), and runs in an environment of its own that this makes
in the folder of peers. All get the vectors that Freehold's embedding model made; questions are embedded
beforehand too, so that times are those of the search alone. Of each peer's WAYS and of the two ways to ask in
the middle of a conversation (the last turn, or the last two) the one with the best mean MRR@10 on half `a` is
taken; figures are those of half `b`. Question by question all are asked in turn, each on one thread (set
OMP_NUM_THREADS=1). A first round, not counted, warms all of them up: with the same questions or, with
`--fresh`, with others, for Freehold remembers the passages and words that came up before.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import BenchQuestion, BenchSet, sample
from knowledge import SCOPE, embedded, known
from machine import machine
from numpy.typing import NDArray
from options import add_cache, add_model, add_sets, described
from search import READ, Timed, asked

from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge.search import Search
from freehold.knowledge.words import indexed_text

SETS = ("dstc11", "medquad", "squad", "bank-made", "helpcentre-made")
OURS = "Freehold"
PACKAGES = {
    "llamaindex": (
        "llama-index-core==0.14.25",
        "llama-index-retrievers-bm25==0.8.0",
        "llama-index-vector-stores-faiss==0.7.0",
        "faiss-cpu==1.15.1",
        "bm25s==0.3.16",
        "numba==0.68.1",
    ),
    "haystack": ("haystack-ai==3.4.1", "faiss-haystack==3.0.0", "faiss-cpu==1.15.1"),
}
NAMES = {"llamaindex": "LlamaIndex", "haystack": "Haystack"}
WAYS: dict[str, list[dict[str, Any]]] = {
    "llamaindex": [
        {"depth": depth, "mode": mode, "bm25": "numba"}
        for depth in (10, 50)
        for mode in ("reciprocal_rerank", "relative_score")
    ],
    "haystack": [
        {"depth": depth, "mode": mode, "bm25": bm25, "store": "faiss"}
        for depth, mode, bm25 in (
            (10, "reciprocal_rank_fusion", "BM25L"),
            (50, "reciprocal_rank_fusion", "BM25L"),
            (50, "distribution_based_rank_fusion", "BM25L"),
        )
    ],
}
"""What is tried on half `a`. Haystack's own store for vectors turns lists into an array at each question,
which took five times faiss's time; numba's BM25 is faster than numpy's."""
TRIED = 60
"""Questions of half `a` of each set on which a way is chosen."""


@dataclass
class Score:
    """What one contender found and took, on one set."""

    reciprocal: list[float] = field(default_factory=list)
    hit: list[bool] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, ranked: Sequence[str], gold: Sequence[str], answer: dict[str, Any]) -> None:
        found = [name in gold for name in ranked[:10]]
        place = found.index(True) + 1 if True in found else 0
        self.reciprocal.append(1 / place if place else 0.0)
        self.hit.append(0 < place <= 5)
        ideal = sum(1 / np.log2(2 + at) for at in range(min(len(set(gold)), 10)))
        self.gain.append(sum(1 / np.log2(2 + at) for at, right in enumerate(found) if right) / ideal)
        self.milliseconds.append(answer["ms"])
        self.processor.append(answer["cpu"])

    @property
    def quality(self) -> tuple[float, float, float]:
        """MRR@10, hit@5, nDCG@10."""
        return float(np.mean(self.reciprocal)), float(np.mean(self.hit)), float(np.mean(self.gain))


class Known:
    """The embedder of the questions, whose vectors were all made before."""

    def __init__(self, inner: OnnxEmbedder, vectors: dict[str, NDArray[np.float32]]) -> None:
        self.name, self.dimensions = inner.name, inner.dimensions
        self._vectors = vectors

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vectors[text] for text in texts])


class Ours:
    """The production search, in this process."""

    def __init__(self, search: Search, names: dict[int, str]) -> None:
        self._search, self._names = search, names

    def ask(self, question: BenchQuestion) -> tuple[list[str], dict[str, Any]]:
        query = asked(question)
        started, used = time.perf_counter(), time.process_time()
        found = self._search.search(query, sources=SCOPE, limit=10).passages
        took, cpu = time.perf_counter() - started, time.process_time() - used
        return [self._names[one.passage.id] for one in found], {"ms": 1000 * took, "cpu": 1000 * cpu}


class Peer:
    """A peer's pipeline in a process of its own environment."""

    def __init__(self, kind: str, python: Path, folder: Path, way: dict[str, Any]) -> None:
        script = Path(__file__).with_name(f"peer_{kind}.py")
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        env = os.environ | threads | {"HAYSTACK_TELEMETRY_ENABLED": "False"}
        env.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [str(python), str(script), str(folder), json.dumps(way)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.joined = bool(way.get("joined"))
        self._told()

    def ask(self, question: BenchQuestion) -> tuple[list[str], dict[str, Any]]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said(question, self.joined)) + "\n")
        self._process.stdin.flush()
        answer = self._told()
        return answer["ranked"], answer

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A peer ended before it answered; what it said stands above.")
        told: dict[str, Any] = json.loads(line)
        return told


def said(question: BenchQuestion, joined: bool) -> str:
    """What a peer is asked: the last turn, or the last two."""
    return f"{question.history[-1][1]}\n{question.text}" if joined and question.history else question.text


@dataclass(frozen=True)
class Field:
    """A set made ready for all."""

    name: str
    ours: Ours
    folder: Path
    tried: list[BenchQuestion]
    asked: list[BenchQuestion]


@contextmanager
def prepared(name: str, options: argparse.Namespace, embedder: OnnxEmbedder) -> Iterator[Field]:
    bench = READ[name](options.data)
    answerable = [question for question in bench.questions if question.answerable]
    tried = sample([one for one in answerable if one.half == "a"], TRIED)
    reported = sample([one for one in answerable if one.half == "b"], options.questions)
    rows = embedded(bench, embedder, options.cache)
    vectors = question_vectors(bench, [*tried, *reported], embedder, options.cache)
    base_of_set = known(bench, embedder, options.cache)
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as home, base_of_set as base:
        folder = Path(home)
        texts = [[one.id, indexed_text(one.title, one.headings, one.text)] for one in bench.passages]
        (folder / "passages.json").write_text(json.dumps(texts), encoding="utf-8")
        (folder / "questions.json").write_text(json.dumps(list(vectors)), encoding="utf-8")
        whole = rows[:, : embedder.dimensions].astype(np.float32)
        whole /= np.linalg.norm(whole, axis=1, keepdims=True)
        np.savez(folder / "vectors.npz", passages=whole, questions=np.stack(list(vectors.values())))
        search = Search(base.database, base.lexical, base.dense, Known(embedder, vectors))
        yield Field(name, Ours(search, base.names), folder, tried, reported)


def question_vectors(
    bench: BenchSet, questions: Sequence[BenchQuestion], embedder: OnnxEmbedder, cache: Path
) -> dict[str, NDArray[np.float32]]:
    """The vectors of all that is asked, kept between runs."""
    texts = list(dict.fromkeys(said(one, joined) for one in questions for joined in (False, True)))
    kept = cache / f"questions-{bench.name}-{len(texts)}-{embedder.name}.npz"
    if kept.exists():
        with np.load(kept) as stored:
            known = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
            if set(texts) <= set(known):
                return known
    vectors = embedder.embed(texts)
    np.savez(kept, texts=np.array(texts), vectors=vectors)
    return dict(zip(texts, vectors, strict=True))


def environment(kind: str, folder: Path) -> Path:
    """The Python of the peer's own environment, made when it is not there."""
    home = folder / kind
    python = home / "bin" / "python"
    if not (home / "made").exists():
        print(f"Installing {NAMES[kind]} into {home}", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[kind]], check=True)
        (home / "made").touch()
    return python


def choose(kind: str, python: Path, fields: Sequence[Field]) -> dict[str, Any]:
    """The peer's best way, by the mean MRR@10 on the tried questions of half `a`."""
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    for way in [{**way, "joined": joined} for way in WAYS[kind] for joined in (True, False)]:
        means = []
        for place in fields:
            peer, score = Peer(kind, python, place.folder, way), Score()
            for question in place.tried:
                ranked, answer = peer.ask(question)
                score.add(ranked, question.passage_ids, answer)
            peer.close()
            means.append(score.quality[0])
        shown = ", ".join(f"{place.name} {mean:.3f}" for place, mean in zip(fields, means, strict=True))
        print(f"{NAMES[kind]} {json.dumps(way)}: {np.mean(means):.3f} ({shown})", file=sys.stderr, flush=True)
        best = max(best, (float(np.mean(means)), way), key=lambda pair: pair[0])
    return best[1]


def compete(place: Field, peers: dict[str, Peer], fresh: bool) -> dict[str, Score]:
    """Every question to each in turn; before, uncounted, the first hundred of them, or some of half `a`."""
    contenders: dict[str, Ours | Peer] = {OURS: place.ours, **peers}
    scores = {name: Score() for name in contenders}
    for question in place.tried if fresh else place.asked[:100]:
        for contender in contenders.values():
            contender.ask(question)
    for question in place.asked:
        for name, contender in contenders.items():
            ranked, answer = contender.ask(question)
            scores[name].add(ranked, question.passage_ids, answer)
    return scores


def report(scores: dict[str, dict[str, Score]], embedding: Sequence[float]) -> str:
    """The Markdown tables."""
    names = list(next(iter(scores.values())))
    lines = ["| set | questions | " + " | ".join(f"{name} MRR@10 / hit@5 / nDCG@10" for name in names) + " |"]
    lines.append("| --- | --- |" + " --- |" * len(names))

    def quality(several: Sequence[Score]) -> str:
        return " / ".join(f"{value:.3f}" for value in np.mean([one.quality for one in several], axis=0))

    for place, each in scores.items():
        cells = " | ".join(quality([each[name]]) for name in names)
        lines.append(f"| {place} | {len(each[OURS].hit):,} | {cells} |")
    cells = " | ".join(quality([each[name] for each in scores.values()]) for name in names)
    lines += [f"| mean | | {cells} |", ""]
    lines.append("| set | " + " | ".join(f"{name} p50 / p95 ms" for name in names) + " | times ours |")
    lines.append("| --- |" + " --- |" * (len(names) + 1))
    medians = {
        place: [np.percentile(each[name].milliseconds, [50, 95]) for name in names]
        for place, each in scores.items()
    }
    for place, both in medians.items():
        times = " / ".join(f"{pair[0] / both[0][0]:.1f}" for pair in both[1:])
        lines.append(f"| {place} | {' | '.join(f'{p50:.1f} / {p95:.1f}' for p50, p95 in both)} | {times} |")
    means = np.mean([[pair[0] for pair in both] for both in medians.values()], axis=0)
    times = " / ".join(f"{mean / means[0]:.1f}" for mean in means[1:])
    lines.append(f"| mean of medians | {' | '.join(f'{mean:.1f}' for mean in means)} | {times} |")
    lines += ["", "| set | " + " | ".join(f"{name} processor ms, median" for name in names) + " |"]
    lines.append("| --- |" + " --- |" * len(names))
    for place, each in scores.items():
        used = " | ".join(f"{np.median(each[name].processor):.1f}" for name in names)
        lines.append(f"| {place} | {used} |")
    p50, p95 = np.percentile(embedding, [50, 95])
    lines += ["", f"Embedding a question: {p50:.1f} ms at the median, {p95:.1f} at p95, the same for all."]
    return "\n".join(lines)


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser, required=True)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the peers' environments")
    add_model(parser)
    parser.add_argument("--questions", type=int, default=500, help="most questions per set (seed 0)")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--fresh", action="store_true", help="warm up with other questions than are counted")
    parser.add_argument("--ways", type=json.loads, help="the peers' ways as JSON, instead of choosing them")
    options = parser.parse_args()
    embedder = OnnxEmbedder(options.model or load().embedder_folder)
    pythons = {kind: environment(kind, options.peers) for kind in PACKAGES}
    scores: dict[str, dict[str, Score]] = {}
    with ExitStack() as stack:
        fields = [stack.enter_context(prepared(name, options, embedder)) for name in options.sets]
        ways = options.ways or {kind: choose(kind, pythons[kind], fields) for kind in PACKAGES}
        for place in fields:
            peers = {NAMES[kind]: Peer(kind, pythons[kind], place.folder, ways[kind]) for kind in PACKAGES}
            scores[place.name] = compete(place, peers, options.fresh)
            for peer in peers.values():
                peer.close()
            print(f"{place.name}: done", file=sys.stderr, flush=True)
        timed = Timed(embedder)
        embedding = []
        for question in [one for place in fields for one in place.asked[:50]]:
            before = timed.seconds
            timed.embed([question.text])
            embedding.append(1000 * (timed.seconds - before))
    print(report(scores, embedding))
    print(f"\nThe peers' ways: `{json.dumps(ways)}`. Packages: {json.dumps(PACKAGES)}.")
    print(f"\n{machine()}; {embedder.name}; `{shlex.join(['python', *sys.argv])}`.")


if __name__ == "__main__":
    main()
