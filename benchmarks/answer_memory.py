"""Answers given again: wrong reuses among near-duplicate questions, true rewordings reused, milliseconds.

    python benchmarks/answer_memory.py --data FOLDER [--cache FOLDER] [--part judge|path] [--read]

The judge is the production `same_question`, alone: in use the passages found must agree too, so what it takes
for the same is an upper bound. Pairs are halved by their first question (`datasets.half`); the threshold is
chosen on `a` and the figures are those of `b`, the exhaustive search for wrong reuses takes both. `--read`
prints every pair that was taken for one though the sets have different answers, to be read.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import banking77, dstc11, half, lines, squad
from machine import machine
from near_questions import REWORDINGS, edits, made
from numpy.typing import NDArray
from options import add_cache, add_sets, described
from whole_path import opened

from freehold.assistant import answer_memory as memory
from freehold.assistant.wording import agree, read
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge.words import words
from freehold.types import MessageEnd, Query

EACH = 300
"""Edits and rewordings of each kind, at most."""
ASKED = 100
"""Questions whose time is taken."""
LOST = 0.01
"""Share of true rewordings in other words that the threshold may lose, on half `a`."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """Pairs of one sort."""

    name: str
    pairs: list[Pair]
    same: bool
    """Whether both ask the same."""


def by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit rows of the texts' stems, rare ones weighing more; rows that share words are near."""
    bags = [Counter(words(text)) for text in texts]
    columns = {word: at for at, word in enumerate(sorted({word for bag in bags for word in bag}))}
    rows = np.zeros((len(texts), len(columns) or 1), np.float32)
    for row, bag in zip(rows, bags, strict=True):
        for word, count in bag.items():
            row[columns[word]] = count
    rows *= np.log1p(len(texts) / np.maximum(1, (rows > 0).sum(axis=0)))
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def near_of_other_labels(data: Path) -> list[Pair]:
    """Each test question of banking77 with the one of another label that shares most words."""
    questions = banking77(data, "test").questions
    texts = [question.text for question in questions]
    labels = np.array([question.document for question in questions])
    rows = by_words(texts)
    pairs = set()
    for at, row in enumerate(rows):
        cosines = rows @ row
        cosines[labels == labels[at]] = -1
        other = int(cosines.argmax())
        pairs.add((min(at, other), max(at, other)))
    return [(texts[a], texts[b]) for a, b in sorted(pairs) if texts[a] != texts[b]]


def near_of_one_passage(data: Path) -> list[Pair]:
    """Each question of a SQuAD passage with the one of another answer (or none) that shares most words."""
    by_passage: dict[str, list[Any]] = defaultdict(list)
    for question in squad(data).questions:
        by_passage[question.passage_ids[0]].append(question)
    pairs: set[Pair] = set()
    for _, group in sorted(by_passage.items()):
        rows = by_words([question.text for question in group])
        for at, question in enumerate(group):
            cosines = rows @ rows[at]
            for to, other in enumerate(group):
                alike = set(map(plain, question.answers)) & set(map(plain, other.answers))
                if to == at or alike or not (question.answerable or other.answerable):
                    cosines[to] = -1
            to = int(cosines.argmax())
            if cosines[to] > 0 and plain(question.text) != plain(group[to].text):
                one, other_text = sorted((question.text.strip(), group[to].text.strip()))
                pairs.add((one, other_text))
    return sorted(pairs)


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def labelled(data: Path) -> list[Kind]:
    """Pairs that people labelled: Quora's questions, and PAWS' sentences of the same words."""
    found: dict[tuple[str, bool], dict[Pair, None]] = defaultdict(dict)
    for line in lines(data / "t0" / "train.jsonl.gz"):
        task, prompt, said = line["task"], line["prompt"], line["completion"].strip().lower()
        if task.startswith("glue_qqp"):
            pair = (
                re.findall(r'"(.*?)"', prompt)
                or re.findall(r"Question [12]: (.*)", prompt)
                or prompt.split("\n")[:2]
            )
            name = "Quora's questions"
        elif task.startswith("paws_labeled"):
            pair, name = re.findall(r"Sentence [12]: (.*)", prompt), "PAWS' sentences"
        else:
            continue
        if len(pair) == 2 and said in ("yes", "no", "duplicates", "not duplicates", "true", "false"):
            found[name, said in ("yes", "duplicates", "true")][pair[0], pair[1]] = None
    return [Kind(name, list(pairs), same) for (name, same), pairs in sorted(found.items())]


def kinds(data: Path) -> list[Kind]:
    """Everything that is measured."""
    texts = {
        "banking77": [question.text for question in banking77(data, "train").questions],
        "squad": [question.text.strip() for question in squad(data).questions],
        "dstc11": [question.text for question in dstc11(data).questions if len(question.text) < 160],
    }
    names = re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}", " ".join(texts["squad"]))
    everything = [text for each in texts.values() for text in each]
    return [
        Kind("banking77, another label", near_of_other_labels(data), same=False),
        Kind("squad, another answer", near_of_one_passage(data), same=False),
        *(
            Kind(f"edited: {name}", made(everything, edit, EACH, name), same=False)
            for name, edit in edits(names).items()
        ),
        *(Kind(name, made(everything, edit, EACH, name), same=True) for name, edit in REWORDINGS.items()),
        *labelled(data),
    ]


def judged(pair: Pair, embedder: OnnxEmbedder) -> tuple[str, float | None] | None:
    return memory.same_question(read(pair[1]), read(pair[0]), embedder)


def chosen_threshold(all_kinds: Iterable[Kind], embedder: OnnxEmbedder) -> tuple[float, int]:
    """The cosine that loses LOST of half `a`'s rewordings in other words, rounded down to .05."""
    cosines = []
    for kind in all_kinds:
        for one, other in kind.pairs if kind.same else ():
            first, second = read(one), read(other)
            apart = first.frame != second.frame and first.exact != second.exact
            if half(one) == "a" and apart and first.meaning == second.meaning and agree(first, second):
                a, b = embedder.embed([one, other])
                cosines.append(float(a @ b))
    return float(np.floor(np.quantile(cosines, LOST) * 20) / 20), len(cosines)


def one_wording(data: Path) -> tuple[int, int, list[list[tuple[str, str]]]]:
    """Of all questions of banking77: how many groups would share an answer, how many questions are in them,
    and the groups in which labels differ."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for split in ("train", "test"):
        for question in banking77(data, split).questions:  # type: ignore[arg-type]  # both are splits
            groups[read(question.text).meaning].append(question)
    shared = [group for group in groups.values() if len(group) > 1]
    mixed = []
    for group in shared:
        read_ones = [(read(question.text), question) for question in group]
        wrong = {
            (question.text, question.document)
            for wording, question in read_ones
            for other, another in read_ones
            if question.document != another.document and agree(wording, other)
        }
        if wrong:
            mixed.append(sorted(wrong))
    return len(shared), sum(map(len, shared)), mixed


async def timed(
    data: Path, cache: Path | None, embedder: OnnxEmbedder, pairs: Sequence[Pair], count: int
) -> list[str]:
    """The whole path on SQuAD's passages: questions anew, again, reworded; then what is near to them."""
    lines = []
    with opened(squad(data), embedder, cache, remembers=100_000) as path:

        async def asked(text: str) -> tuple[float, str | None]:
            """Milliseconds, and the question whose answer was given again."""
            began = time.perf_counter()
            *_, ended = [event async for event in path.answerer.answer(Query(text), "bench")]
            took = 1000 * (time.perf_counter() - began)
            assert isinstance(ended, MessageEnd)
            reused = path.traces.get(ended.trace_id)["reused"]
            return took, reused[0]["question"] if reused else None

        def politely(text: str) -> str:
            return f"Hi, could you please tell me {text[0].lower()}{text[1:]}"

        wh = re.compile(r"(?:how|what|when|where|who|which|why)\b", re.IGNORECASE)
        texts = list(dict.fromkeys(one for one, _ in pairs if wh.match(one)))[:count]
        for name, change in (
            ("anew", str),
            ("again, the same words", str),
            ("again, more politely", politely),
        ):
            seen = [await asked(change(text)) for text in texts]
            took = [each for each, _ in seen]
            lines.append(
                f"| {name} | {len(seen)} | {sum(source is not None for _, source in seen)}"
                f" | {np.median(took):.1f} | {np.quantile(took, 0.95):.1f} |"
            )
        near = [other for one, other in pairs if one in texts]
        sources = [(await asked(text))[1] for text in near]
        others = [
            (text, source)
            for text, source in zip(near, sources, strict=True)
            if source is not None and plain(source) != plain(text)
        ]
        for text, source in others:
            print(f"{text!r} was answered as {source!r}", file=sys.stderr)
        lines.append(f"| the nearest with another answer | {len(near)} | **{len(others)} of others** | | |")
    return lines


def judge(data: Path, embedder: OnnxEmbedder, to_read: bool) -> None:
    """What the judge takes for one question, of pairs that are and of pairs that are not."""
    everything = kinds(data)
    threshold, counted = chosen_threshold(everything, embedder)
    print(f"Threshold on half a: {threshold:.2f} (from {counted} pairs); shipped: {memory.NEAR_ENOUGH:.2f}\n")
    print("| pairs that ask something else | both halves | half b | reused wrongly, half b | in both |")
    print("| --- | --- | --- | --- | --- |")
    taken: list[tuple[str, Pair]] = []
    rows = np.zeros(4, int)
    for kind in everything:
        if kind.same:
            continue
        wrong = [pair for pair in kind.pairs if judged(pair, embedder)]
        taken += [(kind.name, pair) for pair in wrong]
        row = np.array([len(kind.pairs), in_b(kind.pairs), in_b(wrong), len(wrong)])
        rows += row
        print(f"| {kind.name} | {' | '.join(f'{each:,}' for each in row)} |")
    print(f"| together | {' | '.join(f'{each:,}' for each in rows)} |\n")
    print("| pairs that ask the same | half b | reused | by the same words | other order | other words |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in everything:
        if not kind.same:
            continue
        pairs = [pair for pair in kind.pairs if half(pair[0]) == "b"]
        tiers = Counter(found[0] for pair in pairs if (found := judged(pair, embedder)))
        shares = [tiers.total(), *(tiers[tier] for tier in ("exact", "words", "meaning"))]
        told = " | ".join(f"{share / max(1, len(pairs)):.2f}" for share in shares)
        print(f"| {kind.name} | {len(pairs):,} | {told} |")
    groups, questions, mixed = one_wording(data)
    print(
        f"\nAll questions of banking77: {groups} groups of {questions:,} questions share an answer;"
        f" in {len(mixed)} of them labels differ.\n"
    )
    if to_read:
        for name, pair in taken:
            print(f"{name}: {pair[0]!r} / {pair[1]!r}")
        for group in mixed:
            print(group)


def in_b(pairs: Sequence[Pair]) -> int:
    return sum(half(pair[0]) == "b" for pair in pairs)


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    parser.add_argument("--read", action="store_true", help="print the pairs to be read")
    parser.add_argument("--part", choices=("judge", "path", "all"), default="all", help="what is measured")
    parser.add_argument(
        "--asked", type=int, default=ASKED, help="questions of the path (default: %(default)s)"
    )
    given = parser.parse_args()
    embedder = OnnxEmbedder(load().embedder_folder)
    if given.part != "path":
        judge(given.data, embedder, given.read)
    if given.part != "judge":
        print("| squad, whole path | questions | reused | p50 ms | p95 ms |\n| --- | --- | --- | --- | --- |")
        lines = timed(given.data, given.cache, embedder, near_of_one_passage(given.data), given.asked)
        print("\n".join(asyncio.run(lines)))
    print(f"\n`python {shlex.join(sys.argv)}`, {embedder.name}, {machine()}")


if __name__ == "__main__":
    main()
