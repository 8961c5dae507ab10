"""Readers of the public question sets that the benchmarks use, given the folder that holds them.

Each set is a sub-folder of gzipped JSON lines; docs/benchmarks.md says where the originals are to be
had and how the lines look. Nothing here knows how passages are searched or answers made.

Parameters are chosen on the questions of half `a` and reported on those of half `b`. The half belongs
to the *document* (article, topic, hotel), never to a question, so that no document is seen by both.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from freehold.evaluation.public_sets import suite
from freehold.evaluation.questions import OwnPassage
from freehold.evaluation.suite import Suite

Half = Literal["a", "b"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BenchPassage:
    """One passage as the set has it."""

    id: str
    document: str
    """What the halves are split by: the article's, topic's or place's name."""
    title: str
    text: str
    headings: tuple[str, ...] = ()
    """Under which headings of its document it stands, where the set says so."""


@dataclass(frozen=True, slots=True)
class BenchQuestion:
    """One question and what answers it."""

    id: str
    text: str
    passage_ids: tuple[str, ...]
    """Gold passages; finding any one of them counts. Empty when nothing answers it."""
    document: str
    """The (first) gold passage's document; the question's own id when nothing answers it."""
    answers: tuple[str, ...] = ()
    """Gold answers, where the set has them: words of the gold passage in `squad`, free text in `dstc11`."""
    history: tuple[tuple[str, str], ...] = ()
    """Turns before the question, oldest first: ("user" | "assistant", text)."""
    answerable: bool = True

    @property
    def half(self) -> Half:
        return half(self.document)


@dataclass(frozen=True, slots=True)
class BenchSet:
    """Passages and the questions asked of them."""

    name: str
    passages: tuple[BenchPassage, ...]
    questions: tuple[BenchQuestion, ...]


HELD = frozenset(
    {"Chloroplast", "Newcastle upon Tyne", "Private school", "Steam engine", "Super Bowl 50", "Teacher"}
)
"""Articles of SQuAD's half `a` that the reader is not tuned on, so that what it is worth can be fitted."""


def half(document: str) -> Half:
    """The half a document belongs to, for ever: the first bit of its name's SHA-256."""
    return "a" if hashlib.sha256(document.strip().lower().encode()).digest()[0] < 128 else "b"


def sample(items: Sequence[T], count: int, seed: int = 0) -> list[T]:
    """At most `count` of `items`, drawn with `seed`, in their own order."""
    if len(items) <= count:
        return list(items)
    return [items[i] for i in sorted(random.Random(seed).sample(range(len(items)), count))]


def squad(folder: Path) -> BenchSet:
    """Wikipedia articles; `answerable` is false for SQuAD 2.0's adversarial questions, whose paragraph
    is near but does not answer: they keep their passage id."""
    return _asked(suite(folder / "squad"))


def medquad(folder: Path) -> BenchSet:
    """Long answers of health institutes by topic; the questions are templated."""
    return _asked(suite(folder / "medquad"))


def dstc11(folder: Path) -> BenchSet:
    """Questions in the middle of a conversation about hotels and restaurants; FAQs and reviews answer.

    Only turns that seek knowledge and have a cited answer are questions. The document is the place:
    `hotel-0` of the passage `hotel-0-faq-3`.
    """
    return _asked(suite(folder / "dstc11"), lambda passage: _place(passage.id))


def _asked(read: Suite, document: Callable[[OwnPassage], str] = lambda passage: passage.document) -> BenchSet:
    """A set as `freehold evaluate` reads it too, its documents named for the halves."""
    own = list(read.passages()) if read.passages is not None else []
    documents = {passage.id: document(passage) for passage in own}
    passages = tuple(BenchPassage(each.id, documents[each.id], each.title, each.text) for each in own)
    questions = tuple(
        BenchQuestion(
            each.id,
            each.text,
            each.passages,
            min(documents[name] for name in each.passages),
            each.answers,
            tuple((turn.role, turn.text) for turn in each.history),
            each.answerable,
        )
        for each in read.questions()
    )
    return BenchSet(read.name, passages, questions)


def bank(folder: Path) -> BenchSet:
    """A bank's help centre, long Markdown documents; it has no questions."""
    passages = tuple(
        BenchPassage(line["id"], line["title"], line["title"], line["text"])
        for line in lines(folder / "bank" / "passages.jsonl.gz")
    )
    return BenchSet("bank", passages, ())


def banking77(folder: Path, split: Literal["train", "test"] = "test") -> BenchSet:
    """What customers ask a bank, by intent; it has no passages, so elsewhere nothing answers these.

    The document is the intent, so that a half has whole intents.
    """
    questions = tuple(
        BenchQuestion(f"banking77-{split}-{number}", line["text"], (), line["label"], answerable=False)
        for number, line in enumerate(lines(folder / "banking77" / f"{split}.jsonl.gz"))
    )
    return BenchSet("banking77", (), questions)


def clinc150(folder: Path, split: Literal["train", "test"] = "test") -> BenchSet:
    """What people ask an assistant, by intent, and what none of them is about (`oos`); it has no passages."""
    read = [
        line for name in (split, f"oos_{split}") for line in lines(folder / "clinc150" / f"{name}.jsonl.gz")
    ]
    questions = tuple(
        BenchQuestion(f"clinc150-{split}-{number}", line["text"], (), line["label"], answerable=False)
        for number, line in enumerate(read)
    )
    return BenchSet("clinc150", (), questions)


READERS: dict[str, Callable[[Path], BenchSet]] = {
    "squad": squad,
    "medquad": medquad,
    "dstc11": dstc11,
    "bank": bank,
    "banking77": banking77,
}


def _place(passage_id: str) -> str:
    return "-".join(passage_id.split("-")[:2])


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
