"""How often the check of generated sentences is right: on edits of true ones and on naturally written ones.

    python benchmarks/checks.py FOLDER-OF-MARKDOWN… [--data FOLDER] [--faithbench FOLDER]

Edits are made by edits.py of the given Markdown documents, of the documents in benchmarks/checks and, with
`--data`, of public sets. The natural sentences and their labels are in benchmarks/checks: `played` are an
assistant model's, in the manner of small ones, `written` those of small models themselves. FaithBench is read
by faithbench.py. Half `a` (of the documents) was used for fitting; the figures are those of half `b`, and of
both where it says so. Intervals are 95%, by drawing documents.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Half
from edits import edits, markdown, of_set, paraphrases
from faithbench import faithbench
from judged import Judged
from machine import machine
from numpy.typing import NDArray
from options import described

from freehold.assistant.evidence import Array
from freehold.assistant.grounding import Checker
from freehold.assistant.soundness import Mode, Soundness, soundness
from freehold.config import load
from freehold.engines.at_hand import reader_of
from freehold.types import DocumentRef, Passage

HERE = Path(__file__).parent / "checks"
DRAWS = 1_000
NATURAL = {
    "played": ("sentences.jsonl", "labels.jsonl"),
    "written": ("written.jsonl", "written-labels.jsonl"),
}
"""Natural sentences and their labels."""
CURVE = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9)
"""Scores for which the curve is given."""


@dataclass(frozen=True)
class Measured:
    """A judged sentence and what the check measured of it; nothing was measured of one that is ruled out."""

    judged: Judged
    vetoes: tuple[str, ...]
    values: Array | None

    def score(self, model: Soundness) -> float:
        if self.values is None:
            return 0.0
        return model.score(self.values)


def natural(suite: str) -> list[Judged]:
    """The labelled sentences of a suite; those called unclear, or without a claim, are left out."""
    return [one for one, label in _labelled(suite) if label in (True, False)]


def undecided(suite: str) -> list[Judged]:
    """The sentences that are called unclear: most of them claim nothing."""
    return [one for one, label in _labelled(suite) if label == "unclear"]


def _labelled(suite: str) -> Iterator[tuple[Judged, bool | str]]:
    sentences, labels = (HERE / name for name in NATURAL[suite])
    found = {}
    if labels.exists():
        with labels.open(encoding="utf-8") as lines:
            found = {line["id"]: line for line in map(json.loads, lines)}
    with sentences.open(encoding="utf-8") as lines:
        for at, line in enumerate(map(json.loads, lines)):
            if line["id"] not in found:
                continue
            label = found[line["id"]]
            path = HERE / line["document"]
            title = path.read_text("utf-8").split("\n", 1)[0].lstrip("# ")
            document = DocumentRef(at + 1, title, line["document"])
            text = line["passage"]
            passage = Passage(at + 1, 1, document, tuple(line["heading"]), text, 0, len(text))
            holds = label["supported"] is True
            kind = "holds" if holds else label["fault"] or "does not hold"
            yield (
                Judged(line["id"], path.stem, passage, line["sentence"], holds, kind, suite),
                label["supported"],
            )


def gather(folders: Sequence[Path], data: Path | None, most: int) -> list[Judged]:
    """Edits of all documents, at most `most` of a source and kind."""
    made = list(edits("own", markdown([*folders, HERE / "documents"]), per_passage=2))
    if data is not None:
        for name in ("bank", "squad"):
            made += edits(name, of_set(name, data), per_passage=1)
        made += paraphrases(data)
    return _few(made, most)


def not_made(summaries: Path | None) -> list[Judged]:
    """The sentences that no rule made: the natural suites, and FaithBench where it is there."""
    found = [one for suite in NATURAL for one in natural(suite)]
    return found if summaries is None else [*found, *faithbench(summaries)]


def _few(made: Iterable[Judged], most: int) -> list[Judged]:
    groups: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for one in made:
        groups[one.source, one.kind, one.half].append(one)
    rng = np.random.default_rng(0)
    kept = []
    for group in groups.values():
        chosen = rng.permutation(len(group))[:most]
        kept += [group[i] for i in sorted(chosen)]
    return kept


def measure(checker: Checker, judged: Sequence[Judged]) -> list[Measured]:
    found = []
    for at, one in enumerate(judged):
        seen = checker.measure(one.sentence, one.passage)
        found.append(Measured(one, seen.vetoes, seen.measured))
        if at % 1000 == 999:
            print(f"{at + 1:,} of {len(judged):,} sentences measured", file=sys.stderr, flush=True)
    return found


def accuracy(seen: Sequence[Measured], flags: dict[int, bool]) -> tuple[float, float, float]:
    """Balanced accuracy (the mean of the share of right ones shown and of wrong ones not shown), and its 95%
    interval when documents are drawn with replacement."""
    counts: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(4))
    for one in seen:
        of = 0 if one.judged.supported else 2
        counts[f"{one.judged.source} {one.judged.document}"][of : of + 2] += (flags[id(one)], 1)
    rows = np.array(list(counts.values()))
    drawn = rows[np.random.default_rng(0).integers(0, len(rows), (DRAWS, len(rows)))].sum(axis=1)
    sums = np.concatenate([rows.sum(axis=0)[None], drawn])
    sums = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]
    found = (sums[:, 0] / sums[:, 1] + 1 - sums[:, 2] / sums[:, 3]) / 2
    low, high = np.percentile(found[1:], [2.5, 97.5])
    return float(found[0]), float(low), float(high)


def shown(seen: Sequence[Measured], model: Soundness) -> NDArray[np.bool_]:
    return np.array([one.score(model) >= model.show_above for one in seen], bool)


def table(seen: Sequence[Measured], model: Soundness) -> str:
    """Shares shown by kind; balanced accuracy of each wrong kind against all right ones."""
    flags = {id(one): flag for one, flag in zip(seen, shown(seen, model), strict=True)}

    def cell(drawn: Sequence[Measured]) -> str:
        middle, low, high = accuracy(drawn, flags)
        return f"{middle:.3f} ({low:.3f}–{high:.3f})"

    right = [one for one in seen if one.judged.supported]
    lines = ["| | sentences | shown | balanced accuracy |", "| --- | --- | --- | --- |"]
    for wrong, kind in sorted({(not one.judged.supported, one.judged.kind) for one in seen}):
        own = [one for one in seen if (not one.judged.supported, one.judged.kind) == (wrong, kind)]
        share = np.mean([flags[id(one)] for one in own])
        told = f"{'wrong' if wrong else 'right'}: {kind}"
        lines.append(f"| {told} | {len(own):,} | {share:.3f} | {cell([*right, *own]) if wrong else ''} |")
    for supported, name in ((True, "right"), (False, "wrong")):
        part = [one for one in seen if one.judged.supported is supported]
        lines.append(
            f"| **all {name}** | {len(part):,} | {np.mean([flags[id(one)] for one in part]):.3f} | |"
        )
    lines.append(f"| **all** | {len(seen):,} | | **{cell(seen)}** |")
    return "\n".join(lines)


def curve(seen: Sequence[Measured], model: Soundness) -> str:
    """The shares of right and wrong sentences shown, by score; the chosen one marked."""
    right = np.array([one.score(model) for one in seen if one.judged.supported])
    wrong = np.array([one.score(model) for one in seen if not one.judged.supported])
    lines = [
        "| shown from a score of | of right | of wrong | wrong among the shown |",
        "| --- | --- | --- | --- |",
    ]
    for at in sorted({*CURVE, model.show_above}):
        both = [(right >= at).sum(), (wrong >= at).sum()]
        among = f"{both[1]} of {sum(both)}" if sum(both) else "–"
        mark = "**" if at == model.show_above else ""
        lines.append(
            f"| {mark}{at:.2f}{mark} | {(right >= at).mean():.3f} | {(wrong >= at).mean():.3f} | {among} |"
        )
    return "\n".join(lines)


def told(name: str, judged: Sequence[Judged], checker: Checker, model: Soundness) -> str:
    """What is shown of a natural suite: how many, how many of them unsupported, and the coverage."""
    seen = [one.judged for one in measure(checker, judged) if one.score(model) >= model.show_above]
    wrong = sum(not one.supported for one in seen)
    holding = sum(one.supported for one in judged)
    return (
        f"{name}, both halves: {len(seen)} of {len(judged)} sentences shown, {wrong} of them unsupported;"
        f" {len(seen) - wrong} of the {holding} that hold are shown."
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="*", help="folders of Markdown documents to edit")
    parser.add_argument("--data", type=Path, help="folder of the public sets")
    parser.add_argument("--faithbench", type=Path, help="folder of FaithBench's batches")
    parser.add_argument(
        "--most", type=int, default=150, help="most edits of a source, kind and half (seed 0)"
    )


def checkers() -> Iterator[Checker]:
    """With the reader where it has been made, and without."""
    if reader := reader_of(load()):
        yield Checker(reader, keep=50_000)
    yield Checker(keep=50_000)


def prepared(options: argparse.Namespace, half: Half) -> Iterator[tuple[Mode, list[Measured], float]]:
    """The sentences of one half of the documents, measured, with the reader and without, and the milliseconds
    of processor time that each took."""
    judged = [*gather(options.folders, options.data, options.most), *not_made(options.faithbench)]
    own = [one for one in judged if one.half == half]
    for checker in checkers():
        began = time.process_time()
        seen = measure(checker, own)
        yield checker.mode, seen, 1000 * (time.process_time() - began) / len(own)


SOURCES = (
    ("natural sentences, played", ("played",)),
    ("natural sentences, written by small models", ("written",)),
    ("summaries labelled by people (FaithBench)", ("faithbench",)),
    ("edits of own documents", ("own",)),
    ("edits of public sets", ("bank", "squad", "dstc11")),
)


def main() -> None:
    parser = described(__doc__)
    add_arguments(parser)
    options = parser.parse_args()
    for mode, seen, spent in prepared(options, "b"):
        print(f"\n{mode}: {spent:.1f} ms of processor time a sentence, its passage read anew.")
        for name, sources in SOURCES:
            own = [one for one in seen if one.judged.source in sources]
            if own:
                print(f"\n{mode}, {name}, half b\n\n{table(own, soundness(mode))}")
                print(f"\n{curve(own, soundness(mode))}")
    everything = not_made(options.faithbench)
    for checker in checkers():
        model = soundness(checker.mode)
        for name, sources in SOURCES:
            if judged := [one for one in everything if one.source in sources]:
                print(f"\n{checker.mode}: {told(name, judged, checker, model)}")
        for suite in NATURAL:
            empty = undecided(suite)
            count = shown(measure(checker, empty), model).sum()
            print(
                f"\n{checker.mode}: {suite}, both halves: of {len(empty)} that claim nothing or are unclear,"
                f" {count} are shown."
            )
    print(f"\n{machine()}; `{shlex.join(['python', *sys.argv])}`.")


if __name__ == "__main__":
    main()
