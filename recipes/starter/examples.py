"""Makes the starter's examples of the three tasks from public sets: `examples/{train,evaluation}.jsonl`.

    python recipes/starter/examples.py --data FOLDER --out FOLDER [--avoid PATH …]

FOLDER holds, as gzipped JSON Lines, `reading/train` (passage, question, answers: SQuAD's training kind, CC
BY-SA 4.0), `banking77/train` (CC BY 4.0) and `clinc150/{train,oos_train}` (CC BY 3.0) (text, label).
Examples that share thirteen words in a row with an evaluation set are dropped and listed. Split by passage
or message, for ever.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freehold.tasks import examples, readings, route
from freehold.tasks.examples import Example
from freehold.training.grams import Words
from freehold.training.overlap import Overlap, texts_in

APART = 0.03
"""Share of passages and messages that are kept to measure on."""
ROUTED = 6_000
"""Messages drawn of all that are labelled: more would drown the other tasks."""
RUN = 13
"""Words in a row."""

Keyed = tuple[str, Example]
"""An example, and the text that decides on which side it stands."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True, help="where the two files go")
    parser.add_argument("--avoid", type=Path, nargs="*", default=[], help="evaluation sets")
    arguments = parser.parse_args()
    words = Words()
    avoid = Overlap(words, RUN)
    for path in arguments.avoid:
        avoid.add(path.name, texts_in(path))
    found = [*read(arguments.data), *routed(arguments.data)]
    random.Random(0).shuffle(found)
    kept: dict[str, list[Example]] = {"train": [], "evaluation": []}
    overlaps: list[dict[str, Any]] = []
    for text, example in found:
        said = "\n".join((text, *(turn.text for turn in example.turns)))
        if (shared := avoid.shared(said, words.numbers(said))) is not None:
            overlaps.append({"task": example.task, "set": shared.set, "words": shared.words})
        else:
            kept[side(text)].append(example)
    facts = {"overlap": {"words": RUN, "sets": avoid.facts, "dropped": len(overlaps), "examples": overlaps}}
    for name, made in kept.items():
        count, digest = examples.write(arguments.out / f"{name}.jsonl", made)
        tasks = {task: sum(each.task == task for each in made) for task in ("answer", "rewrite", "route")}
        facts[name] = {"examples": count, "sha256": digest, **tasks}
        print(f"{name}: {count:,} examples, {tasks}")
    print(f"dropped for what they share with an evaluation set: {len(overlaps):,}")
    (arguments.out / "examples.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n")


def read(folder: Path) -> Iterator[Keyed]:
    """Examples of `answer` and `rewrite`. A passage is seen from one side only, also among others'
    passages."""
    lines = [
        readings.Reading(line["passage"], line["question"], line["answers"])
        for line in rows(folder / "reading" / "train.jsonl.gz")
    ]
    for name in ("train", "evaluation"):
        mine = [each for each in lines if side(each.passage) == name]
        texts = {each.question: each.passage for each in mine}
        for example in (*readings.answers(mine), *readings.rewrites(mine)):
            asked = example.target if example.task == "rewrite" else example.turns[-2].text
            yield texts.get(asked, mine[0].passage), example


def routed(folder: Path) -> list[Keyed]:
    """Examples of `route`."""
    files = ("banking77/train", "clinc150/train", "clinc150/oos_train")
    made = route.examples(
        (line["text"], line["label"]) for name in files for line in rows(folder / f"{name}.jsonl.gz")
    )
    drawn = random.Random(0).sample(made, min(ROUTED, len(made)))
    return [(example.turns[0].text, example) for example in drawn]


def side(text: str) -> str:
    """On which side of the split a text stands."""
    first = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "evaluation" if first < APART * 2**64 else "train"


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
