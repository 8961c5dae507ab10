"""What comes of questions to a bank's help centre, by the production answer path with the reader, counted."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from asking_back import Answer, answer
from datasets import BenchSet
from machine import machine
from made_questions import bank_as_it_is
from options import add_cache, add_sets, described
from whole_path import opened

from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.types import Query

Asked = tuple[str, str, Callable[[Answer], str]]
"""Which kind of question it is, its words, and what says what came of it."""


def counted(
    doc: str | None, columns: Sequence[str], questions: Callable[[BenchSet], Iterable[Asked]]
) -> None:
    """Asks the questions as the command line says, which `doc` explains, and prints how often each of
    `columns` came."""
    parser = described(doc)
    add_sets(parser)
    add_cache(parser)
    parser.add_argument("--read", action="store_true", help="print what came of each question")
    options = parser.parse_args()
    embedder = OnnxEmbedder(load().embedder_folder)
    bench = bank_as_it_is(options.data)
    counts: dict[str, Counter[str]] = {}
    with opened(bench, embedder, options.cache) as path:
        for kind, text, comes in questions(bench):
            told = asyncio.run(answer(path, Query(text)))
            counts.setdefault(kind, Counter())[comes(told)] += 1
            if options.read:
                print(f"## {kind}: {text} ({comes(told)})\n{told.text}\n")
    print(f"| questions | | {' | '.join(columns)} |\n| --- | --- |{' --- |' * len(columns)}")
    for kind, count in counts.items():
        print(f"| {kind} | {count.total()} | {' | '.join(str(count[one]) for one in columns)} |")
    print(f"\n`python {shlex.join(sys.argv)}`, {embedder.name}, {machine()}")
