"""Tunes the reader (`freehold/assistant/reader.safetensors`) on the processor.

    python benchmarks/fit_reader.py --data FOLDER --cache FOLDER --out FILE [--minutes N]

Token vectors come from the production embedder and are kept in `--cache`. The schedule is by the clock. What
is written is the mean of the weights over the last steps. Needs torch.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import pickle
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from reader_data import Example, examples
from reader_model import ReaderModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from freehold.assistant.evidence import ask, read
from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.knowledge.words import words
from freehold.types import DocumentRef, Passage, Query

BATCH = 32
RATE = 5e-4
WARM = 0.03
SPAN_WEIGHT = 0.5
KEEP = 0.998
"""Share of itself that the mean of the weights keeps at each step."""
MOST_TOKENS = 320
"""Tokens of a passage that are looked at while tuning."""
SHARES = {
    "squad adversarial": 3.0,
    "squad": 1.5,
    "reading": 1.5,
    "squad other passage": 0.8,
    "reading other passage": 0.8,
    "reading sentence": 0.5,
    "reading sentence edited": 0.7,
    "reading sentence elsewhere": 0.3,
}
"""How often an example of a kind is drawn in a round, beside 1."""

Row = tuple[Any, Any, Any, Any, int, float, list[tuple[int, int]], str]
"""Of an example: the text's vectors, weights, question word; the passage's vectors, headings first, and how
many these are; whether it settles; the spans' first and last tokens; the kind."""


def rows(found: Sequence[Example], embedder: OnnxEmbedder) -> list[Row]:
    """Each example as vectors; texts and passages are embedded once."""
    held: Counter[str] = Counter()
    shelf: dict[tuple[str, str], tuple[NDArray[np.float16], NDArray[np.int64], int]] = {}
    for above, text in dict.fromkeys((one.above, one.passage) for one in found):
        held.update(set(words(f"{above} {text}")))
        reading = read(Passage(1, 1, DocumentRef(1, above, ""), (), text, 0, len(text)), embedder)
        if reading.vectors is None or reading.above is None:
            continue
        shelf[above, text] = (
            np.concatenate([reading.above, reading.vectors]),
            reading.places,
            len(reading.above),
        )
    count = len(shelf)

    def rarity(word: str) -> float:
        return math.log(1 + (count - held[word] + 0.5) / (held[word] + 0.5))

    def rarities(wanted: Iterable[str]) -> dict[str, float]:
        return {word: rarity(word) for word in wanted}

    asked = {text: ask(Query(text), rarities, embedder) for text in dict.fromkeys(one.text for one in found)}
    made: list[Row] = []
    for one in found:
        question = asked[one.text]
        if question.vectors is None or (one.above, one.passage) not in shelf:
            continue
        vectors, places, ahead = shelf[one.above, one.passage]
        spans = []
        for start, end in one.spans:
            inside = np.flatnonzero((places[:, 0] < end) & (places[:, 1] > start))
            if len(inside) and inside[-1] + ahead < MOST_TOKENS:
                spans.append((int(inside[0]) + ahead, int(inside[-1]) + ahead))
        made.append(
            (
                question.vectors.astype(np.float16),
                question.weights / (question.weights.max() or 1.0),
                question.wh,
                vectors[:MOST_TOKENS],
                ahead,
                float(one.settles),
                spans,
                one.kind,
            )
        )
    return made


def batch(some: Sequence[Row]) -> tuple[Tensor, ...]:
    """text, weights, wh, passage, above, settles, first, last: see `ReaderModel.forward` and `losses`."""
    n, m = max(len(r[0]) for r in some), max(len(r[3]) for r in some)
    text, passage = np.zeros((len(some), n, 384), np.float32), np.zeros((len(some), m, 384), np.float32)
    weights, wh = np.zeros((2, len(some), n), np.float32)
    above, first, last = np.zeros((3, len(some), m), np.float32)
    for i, (q, w, asks, p, ahead, _, spans, _) in enumerate(some):
        text[i, : len(q)], weights[i, : len(q)], passage[i, : len(p)] = q, w, p
        above[i, :ahead] = 1
        if asks >= 0:
            wh[i, asks] = 1
        for a, b in spans:
            first[i, a], last[i, b] = 1, 1
    settles = np.array([r[5] for r in some], np.float32)
    given = (text, weights, wh, passage, above, settles, first, last)
    return tuple(torch.from_numpy(one) for one in given)


def losses(model: ReaderModel, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Of whether it settles, and of where: both means."""
    *inputs, settles, first, last = given
    odds, ends = model(*inputs)
    whether = functional.binary_cross_entropy_with_logits(odds, settles * 0.96 + 0.02)
    known = first.sum(1) > 0
    where = whether * 0
    if not known.any():
        return whether, where
    hidden = (inputs[3].abs().sum(2) == 0)[known] | (inputs[4][known] > 0)
    for column, gold in ((0, first), (1, last)):
        likely = ends[known][..., column].masked_fill(hidden, -1e4).log_softmax(1)
        where = where - likely.masked_fill(gold[known] == 0, -1e4).logsumexp(1).mean() / 2
    return whether, where


def rounds(found: Sequence[Row], rng: random.Random) -> Iterator[list[Row]]:
    """Batches for ever, of like lengths, drawn anew in each round."""
    while True:
        drawn: list[Row] = []
        for row in found:
            share = SHARES.get(row[7], 1.0)
            drawn += [row] * (int(share) + (rng.random() < share % 1))
        rng.shuffle(drawn)
        for at in range(0, len(drawn), BATCH * 50):
            some = sorted(drawn[at : at + BATCH * 50], key=lambda row: len(row[3]))
            batches = [some[i : i + BATCH] for i in range(0, len(some), BATCH)]
            rng.shuffle(batches)
            yield from batches


def look(model: ReaderModel, held: Sequence[Row]) -> dict[str, float]:
    """How what is held back fares, by kind, at 5% of the answerable questions refused."""
    model.eval()
    odds: dict[str, list[float]] = {}
    right = []
    with torch.no_grad():
        for at in range(0, len(held), BATCH):
            some = held[at : at + BATCH]
            given = batch(some)
            settles, ends = model(*given[:5])
            hidden = (given[3].abs().sum(2) == 0) | (given[4] > 0)
            start = ends[..., 0].masked_fill(hidden, -1e4).argmax(1)
            for i, row in enumerate(some):
                odds.setdefault(f"{row[7]} {bool(row[5])}", []).append(float(settles[i]))
                if row[7] == "squad":
                    right.append(bool(given[6][i, start[i]]))
    model.train()
    answerable = np.array(odds["squad True"])
    bar = float(np.quantile(answerable, 0.05))
    seen = {"start": round(float(np.mean(right)), 3)}
    for kind, values in sorted(odds.items()):
        if kind.endswith("False"):
            true = np.array(odds["squad told True"]) if "told" in kind else answerable
            seen[kind] = round(float(np.mean(np.array(values) < bar)), 3)
            seen[f"{kind}, auc"] = round(float((true[:, None] > np.array(values)[None]).mean()), 3)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the question sets")
    parser.add_argument(
        "--cache", type=Path, required=True, help="folder in which vectors are kept between runs"
    )
    parser.add_argument("--out", type=Path, required=True, help="file for the tuned weights")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--start", type=Path, help="tuned weights to go on from")
    parser.add_argument("--questions-only", action="store_true", help="leave statements and edits out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = random.Random(0)
    kept = options.cache / "reader-rows.pickle"
    if kept.exists():
        tuned, held = pickle.loads(kept.read_bytes())
    else:
        embedder = OnnxEmbedder(load().embedder_folder)
        found, looked = examples(options.data)
        made = rows([*found, *looked], embedder)
        tuned, held = made[: -len(looked)], made[-len(looked) :]
        options.cache.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps((tuned, held), protocol=5))
    held = rng.sample(held, min(1300, len(held)))
    if options.questions_only:
        tuned = [row for row in tuned if not re.search("told|edited|sentence|paws|mrpc", row[7])]
    model = ReaderModel()
    if options.start:
        model.load_state_dict({name: value.float() for name, value in load_file(options.start).items()})
    mean = copy.deepcopy(model)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=RATE
    )
    print(sum(p.numel() for p in model.parameters()), "parameters;", len(tuned), "examples", flush=True)
    began, looked_at, seen, sums = time.monotonic(), 0.0, 0, np.zeros(3)
    for steps, some in enumerate(rounds(tuned, rng), 1):
        share = (time.monotonic() - began) / (60 * options.minutes)
        rate = RATE * min(1.0, share / WARM) * max(0.0, min(1.0, (1 - share) / (1 - WARM)))
        for group in optimizer.param_groups:
            group["lr"] = max(rate, 1e-7)
        whether, where = losses(model, batch(some))
        loss = whether + SPAN_WEIGHT * where
        if not math.isfinite(float(loss.detach())):
            raise SystemExit("The loss is not a number any more.")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        keep = min(KEEP, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for of_mean, now in zip(mean.parameters(), model.parameters(), strict=True):
                of_mean.lerp_(now, 1 - keep)
        seen += len(some)
        sums += (float(whether.detach()), float(where.detach()), 1)
        if share - looked_at > 0.08 or share >= 1:
            looked_at = share
            facts: dict[str, float] = {"minutes": round(share * options.minutes, 1), "examples": seen}
            facts |= {"whether": round(sums[0] / sums[2], 4), "where": round(sums[1] / sums[2], 4)}
            print(json.dumps(facts | look(mean, held)), flush=True)
            sums[:] = 0
            weights = {name: value.detach().half().contiguous() for name, value in mean.state_dict().items()}
            save_file(weights, options.out)
        if share >= 1:
            return


if __name__ == "__main__":
    main()
