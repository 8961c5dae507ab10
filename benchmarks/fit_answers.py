"""Fits the coefficients of `freehold/assistant/answers.json`.

    python benchmarks/fit_answers.py --data FOLDER [--cache FOLDER] [--modes reader …] [--write]

Without the reader it is fitted on `reading` (SQuAD-style questions; none of SQuAD's dev articles) and on
SQuAD's half `a`; half `b` is never looked at. What answers nothing: the same questions with their paragraph
left out, with its article left out (in `reading`, which does not name articles: every passage near the gold
one), and questions of another world (`clinc150`). With the reader, which was tuned on the rest, it is fitted
on the articles of half `a` that the reader has not seen (`datasets.HELD`), and also on their questions of
which SQuAD 2.0 says that nothing answers them, and on questions made of a help centre. `refuse_below` is the
confidence under which a share of half `a`'s answerable questions falls (`WRONG`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from answers import Room, rooms
from datasets import HELD, BenchPassage, BenchQuestion, BenchSet, sample, squad
from made_questions import bank_made
from numpy.typing import NDArray
from options import add_cache, add_model, add_sets, described

from freehold.assistant.answerability import (
    OVERALL,
    PIECE_NAMES,
    Mode,
    answer_names,
    confidence,
    from_table,
    standing,
)
from freehold.assistant.evidence import Asked, Read, ask
from freehold.assistant.extract import MOST_SPANS
from freehold.assistant.reading import BY_READING
from freehold.types import Query

Floats = NDArray[np.float64]

NEAR = 0.3
"""Cosine to the gold passage from which a passage of `reading` counts as of the same article."""
WRONG: dict[Mode, float] = {"reader": 0.015, "hybrid": 0.05, "words": 0.05}
"""Share of answerable questions that may be refused. The reader has six articles to tell by, of which between
none and 15% are refused at a share of 5%, so most of that is left as a reserve."""
SHARES: dict[Mode, dict[str, float]] = {
    "reader": {
        "whole": 1.0,
        "near": 0.7,
        "far": 1.0,
        "elsewhere": 0.8,
        "adversarial": 1.0,
        "helped": 0.5,
        "unhelped": 0.25,
    },
    "hybrid": {"whole": 1.0, "near": 0.7, "far": 1.0, "elsewhere": 0.8},
    "words": {"whole": 1.0, "near": 0.7, "far": 1.0, "elsewhere": 0.8},
}
"""Weight of each kind of example, as a share of the answerable ones' weight."""
ANSWERED = ("whole", "helped")
NOT_SHOWN = 0.25
"""Weight of an answerable question whose answer would not be shown, beside 1: refusing it costs least."""
ELSEWHERE, MADE = 300, 120
"""Questions of another world and of a help centre that the reader is fitted on; others have more."""
BY_HAND = {"steps_headed": 4.0, "is_table": -0.3, "is_code": -0.5, "pointer": -1.5}
"""No training set has lists, tables or code; these were set on a help centre."""
ASIDE: dict[Mode, float] = {"reader": -4.0, "hybrid": -2.0, "words": -2.0}
"""None has turns before its questions either: set on conversations (`conversations.py`, half `a`)."""


@dataclass(frozen=True)
class Seen:
    """One question with the passages found for it."""

    asked: Asked
    read: list[Read]
    measured: list[NDArray[np.float32]]
    right: NDArray[np.bool_]
    """For each piece whether it holds a gold answer in the gold passage."""


def look(room: Room, question: BenchQuestion, without: Collection[str] = ()) -> Seen | None:
    asked = ask(Query(question.text), room.lexical.rarities, room.embedder)
    found = room.find(question.text, without)
    read = [room.extractor.read(one.passage) for one in found]
    if not asked.words or not any(one.told for one in read):
        return None
    measured = [
        room.extractor.measured(asked, scored.passage, one, rank)
        for rank, (scored, one) in enumerate(zip(found, read, strict=True))
    ]
    right = [
        room.names[scored.passage.id] in question.passage_ids
        and any(a in told.text for a in question.answers)
        for scored, one in zip(found, read, strict=True)
        for told in one.told
    ]
    return Seen(asked, read, measured, np.array(right, bool))


def reading(data: Path) -> BenchSet:
    """One article per passage; what is near a passage is left out instead of its article."""
    numbers: dict[str, str] = {}
    questions = []
    with gzip.open(data / "reading" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            name = numbers.setdefault(line["passage"], f"reading-{len(numbers)}")
            answers = line["answers"]
            answers = (answers,) if isinstance(answers, str) else tuple(answers)
            questions.append(BenchQuestion(line["id"], line["question"], (name,), name, answers))
    passages = tuple(BenchPassage(name, name, "", text) for text, name in numbers.items())
    return BenchSet("reading", passages, tuple(questions))


def elsewhere(data: Path) -> list[BenchQuestion]:
    with gzip.open(data / "clinc150" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [
            BenchQuestion(f"clinc150-{number}", line["text"], (), "", answerable=False)
            for number, line in enumerate(map(json.loads, lines))
        ]


def near_ones(room: Room, bench: BenchSet) -> dict[str, set[str]]:
    """For each passage the ones near it, at most 60, itself included."""
    assert room.embedder is not None
    ids = [passage.id for passage in bench.passages]
    rows = room.embedder.embed([f"{passage.text}" for passage in bench.passages])
    found = {}
    for at in range(0, len(rows), 500):
        for name, cosines in zip(ids[at : at + 500], rows[at : at + 500] @ rows.T, strict=True):
            best = np.argsort(-cosines)[:60]
            found[name] = {ids[int(one)] for one in best if cosines[one] >= NEAR} | {name}
    return found


@dataclass
class Examples:
    """What is fitted on, by kind."""

    whole: list[Seen]
    near: list[Seen]
    far: list[Seen]
    elsewhere: list[Seen]
    adversarial: list[Seen]
    helped: list[Seen]
    """A help centre's made questions; which piece answers is not known."""
    unhelped: list[Seen]
    """The same with their document left out, which a sister document may answer all the same."""

    def add(
        self,
        room: Room,
        questions: Sequence[BenchQuestion],
        same: dict[str, set[str]],
        others: Sequence[BenchQuestion],
        adversarial: Sequence[BenchQuestion] = (),
    ) -> None:
        for question in questions:
            gold = question.passage_ids[0]
            self.whole += _some(look(room, question))
            self.near += _some(look(room, question, {gold}))
            self.far += _some(look(room, question, same[gold]))
        for question in others:
            self.elsewhere += _some(look(room, question))
        for question in adversarial:
            self.adversarial += _some(look(room, question))

    def add_help(self, room: Room, questions: Sequence[BenchQuestion]) -> None:
        for question in questions:
            self.helped += _some(look(room, question))
            self.unhelped += _some(look(room, question, room.articles[question.document]))


def _some(seen: Seen | None) -> list[Seen]:
    return [] if seen is None else [seen]


def fit_pieces(seen: Sequence[Seen], width: int, steps: int = 300, decay: float = 1e-4) -> Floats:
    """Coefficients that make the pieces with an answer likely among all of a question's (Adam)."""
    used = [one for one in seen if one.right.any()]
    most = max(len(one.right) for one in used)
    x, right, there = np.zeros((len(used), most, width), np.float32), *np.zeros((2, len(used), most), bool)
    for row, one in enumerate(used):
        count = len(one.right)
        x[row, :count], right[row, :count], there[row, :count] = np.concatenate(one.measured), one.right, True
    spread = x[there].std(axis=0) + 1e-6
    x = (x - x[there].mean(axis=0)) / spread * there[..., None]
    w, first, second = np.zeros(width), np.zeros(width), np.zeros(width)
    for step in range(1, steps + 1):
        scores = np.where(there, x @ w.astype(np.float32), -1e9)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        good = likely * right
        gradient = np.einsum("nm,nmf->f", likely - good / (good.sum(axis=1, keepdims=True) + 1e-9), x)
        gradient = gradient / len(x) + decay * w
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        w = w - 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return np.where(spread > 1e-5, w / spread, 0.0)


def fit_answers(x: Floats, y: Floats, weight: Floats, ridge: float = 100.0) -> tuple[Floats, float]:
    """A ridge logistic regression by Newton's steps: coefficients and bias."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    kept = spread > 1e-5
    z = np.concatenate([(x[:, kept] - mean[kept]) / spread[kept], np.ones((len(x), 1))], axis=1)
    w = np.zeros(z.shape[1])
    penalty = np.append(np.full(z.shape[1] - 1, ridge), 0.0)
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(z @ w, -30, 30)))
        gradient = z.T @ (weight * (p - y)) + penalty * w
        w -= np.linalg.solve((z * (weight * p * (1 - p))[:, None]).T @ z + np.diag(penalty + 1e-9), gradient)
    coefficients = np.zeros(x.shape[1])
    coefficients[kept] = w[:-1] / spread[kept]
    return coefficients, float(w[-1] - coefficients @ mean)


def fit(mode: Mode, examples: Examples, held: Sequence[Seen]) -> dict[str, Any]:
    names = PIECE_NAMES[mode]
    piece = fit_pieces(examples.whole, len(names))
    by_hand = {name: value for name, value in BY_HAND.items() if name in names} | {"aside": ASIDE[mode]}
    table: dict[str, Any] = {"piece": _named(names, piece) | by_hand}
    table |= {"answer": {}, "bias": 0.0, "refuse_below": 0.0}
    used = from_table(mode, table).piece
    counts = [at for at, name in enumerate(answer_names(mode)) if counting(mode, name)]
    rows, labels, weights = [], [], []
    answerable = len(examples.whole)
    for kind, share in SHARES[mode].items():
        if not (seen := getattr(examples, kind)):
            continue
        rows += [standing(one.asked, _told(one), _measured(one), used)[counts] for one in seen]
        labels += [float(kind in ANSWERED)] * len(seen)
        each = share * answerable / len(seen)
        weights += [each if kind != "whole" or _shown(one, used) else each * NOT_SHOWN for one in seen]
    coefficients, bias = fit_answers(np.array(rows, float), np.array(labels), np.array(weights))
    answer = _named([answer_names(mode)[at] for at in counts], coefficients)
    # What is aside comes after the others, but is no less sure for that.
    answer["best.aside"] = round(-ASIDE[mode] * answer.get("score", 0.0), 5)
    table |= {"answer": answer, "bias": round(bias, 5)}
    fitted = from_table(mode, table)
    sure = [confidence(fitted, standing(one.asked, _told(one), _measured(one), fitted.piece)) for one in held]
    table["refuse_below"] = round(float(np.quantile(sure, WRONG[mode])), 4)
    return table


def counting(mode: Mode, name: str) -> bool:
    """Whether the confidence is computed from it: with a reader, what it says and how all stands together.

    With all evidence as well questions that share the passage's words but are not answered by it passed
    oftener (`adversarial`), and no other kind was told better.
    """
    return mode != "reader" or name in OVERALL or name.partition(".")[2] in BY_READING


def _shown(seen: Seen, piece: NDArray[np.float32]) -> bool:
    order = np.argsort(-(np.concatenate(seen.measured) @ piece), kind="stable")
    return bool(seen.right[order[:MOST_SPANS]].any())


def _told(seen: Seen) -> list[Read]:
    return [one for one in seen.read if one.told]


def _measured(seen: Seen) -> list[NDArray[np.float32]]:
    return [one for one in seen.measured if len(one)]


def _named(names: Sequence[str], values: Floats) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in zip(names, values, strict=True) if value}


def gathered(
    data: Path, cache: Path | None, model: Path | None, count: int, modes: Sequence[Mode]
) -> Iterator[tuple[Mode, Examples, list[Seen]]]:
    found = {mode: Examples([], [], [], [], [], [], []) for mode in modes}
    held: dict[Mode, list[Seen]] = {mode: [] for mode in modes}
    others = sample(elsewhere(data), 1500)
    bench = squad(data)
    half = [one for one in bench.questions if one.half == "a"]
    with rooms(bench, cache, model, read="reader" in modes) as ready:
        same = {one.id: set(ready[0].articles[one.document]) for one in bench.passages}
        for room in ready:
            mode = room.extractor.mode
            if mode == "reader":
                unseen = [one for one in half if one.document in HELD]
                answered = sample([one for one in unseen if one.answerable], count)
                traps = sample([one for one in unseen if not one.answerable], count)
                found[mode].add(room, answered, same, others[:ELSEWHERE], traps)
            elif mode in modes:
                found[mode].add(room, sample([one for one in half if one.answerable], count), same, ())
            if mode in modes:
                held[mode] = list(found[mode].whole)
    if "reader" in modes:
        bench = bank_made(data)
        with rooms(bench, cache, model, read=True) as ready:
            asked = [one for one in bench.questions if one.half == "a"]
            found["reader"].add_help(ready[0], sample(asked, MADE))
    if set(modes) - {"reader"}:
        bench = reading(data)
        with rooms(bench, cache, model) as ready:
            near = near_ones(ready[0], bench)
            for room in ready:
                if (mode := room.extractor.mode) in modes:
                    found[mode].add(room, sample(bench.questions, count), near, others)
    for mode in modes:
        yield mode, found[mode], held[mode]


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument("--questions", type=int, default=2400, help="most questions per set (seed 0)")
    parser.add_argument("--modes", nargs="*", choices=list(PIECE_NAMES), default=list(PIECE_NAMES))
    parser.add_argument("--write", action="store_true", help="write the package's answers.json")
    options = parser.parse_args()
    shipped = Path(str(files("freehold.assistant").joinpath("answers.json")))
    table = json.loads(shipped.read_text("utf-8"))
    seen = gathered(options.data, options.cache, options.model, options.questions, options.modes)
    table |= {mode: fit(mode, examples, held) for mode, examples, held in seen}
    text = json.dumps(table, indent=1) + "\n"
    if options.write:
        shipped.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
