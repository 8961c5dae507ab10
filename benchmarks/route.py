"""Routing on Banking77: linear over MiniLM, a teacher, a student distilled from it, one on labels alone.

    python benchmarks/route.py --data FOLDER --work FOLDER [--preset trial|small|gpu] [--seeds 0 1 2]

The training file is split: a fifth of each label's messages is held out, the rest is learnt from; the test
file is read once, after everything is trained. Teacher and students are Llamas of our own, from new weights,
with one tokenizer trained on the messages; each is tuned by the loop that trains everything else, exported
to GGUF (F16) and asked by llama.cpp on one thread, where it may only write labels. A teacher is next to
certain about the messages it learnt from, so the distilled student is also shown two made from each of them,
which nobody labelled: one with words left out, one that ends as another does (after Tang et al. 2019,
arXiv:1903.12136). Both students take as many steps. What is done in --work already is not done again, so the
study goes on where it was cut off; `--minutes` cuts each run off.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import BenchSet, banking77, clinc150, sample
from machine import machine
from options import add_sets
from safetensors import safe_open

from freehold.config import load
from freehold.engines.embedder import OnnxEmbedder
from freehold.engines.llama_model import Context, Model
from freehold.evaluation.statistics import share_interval
from freehold.models.formats.convert import to_gguf
from freehold.tasks import examples, route
from freehold.tasks.linear_route import held_out
from freehold.tasks.metrics import scope
from freehold.training import linear, tokens
from freehold.training.tokenizer import train as train_tokenizer

Rows = list[tuple[str, str]]

MINILM = 22_713_216
"""Parameters of all-MiniLM-L6-v2."""
K = 64
"""Tokens that the teacher's cache keeps of each position: more than labels have first tokens."""
MADE = 2
"""Messages made from each one for the distilled student."""
LEFT_OUT = 0.2
"""Share of the words that a shortened message lacks."""


@dataclass(frozen=True)
class Shape:
    """A Llama, and how it is tuned."""

    hidden: int
    layers: int
    rate: float
    epochs: float

    def table(self) -> str:
        heads = max(2, self.hidden // 32)
        return (
            f"{{ hidden_size = {self.hidden}, intermediate_size = {self.hidden * 8 // 3 // 16 * 16},"
            f" num_hidden_layers = {self.layers}, num_attention_heads = {heads},"
            f" num_key_value_heads = {heads}, max_position_embeddings = 512, tie_word_embeddings = true }}"
        )


@dataclass(frozen=True)
class Preset:
    vocabulary: int
    teacher: Shape
    student: Shape


PRESETS = {
    "trial": Preset(1024, Shape(64, 2, 4e-3, 3), Shape(24, 1, 1e-2, 6)),
    "small": Preset(2048, Shape(128, 4, 2e-3, 8), Shape(48, 2, 4e-3, 18)),
    "smaller": Preset(2048, Shape(128, 4, 2e-3, 8), Shape(32, 2, 5e-3, 18)),
    "gpu": Preset(4096, Shape(512, 8, 6e-4, 20), Shape(160, 6, 1.5e-3, 40)),
}
RECIPE = """\
name = "{name}"
objective = "{objective}"
seed = {seed}

[model]
shape = {shape}
tokenizer = "tokenizer"

[data]
train = "{train}"
evaluation = "held_out.jsonl"
context = 512

[run]
epochs = {epochs}
batch = 2
rows = 2
evaluate_every = 200
checkpoint_every = 200

[optimiser]
learning_rate = {rate}
weight_decay = 0.1
"""
DISTILLATION = """
[distillation]
cache = "{cache}"
licence = "own"
divergence = "forward"
label_weight = 0.1
"""


@dataclass(frozen=True)
class Transfer:
    """Names of the files that a student is distilled from."""

    examples: str
    cache: str


def made(rows: Rows, seed: int) -> list[str]:
    """Messages that nobody wrote: MADE of each, one with words left out and one that ends as another does."""
    chance = random.Random(seed)
    said = [message.split() for message, _ in rows]
    found = []
    for words in said:
        kept = [word for word in words if chance.random() >= LEFT_OUT]
        other = chance.choice(said)
        spliced = words[: chance.randint(1, len(words))] + other[chance.randrange(len(other)) :]
        found += [" ".join(kept or words), " ".join(spliced)]
    return found


class Study:
    """One folder in which everything is made."""

    def __init__(self, folder: Path, preset: Preset, train: Rows, minutes: float | None) -> None:
        self.folder, self.preset, self.minutes = folder, preset, minutes
        folder.mkdir(parents=True, exist_ok=True)
        apart = held_out(train)
        self.learnt = [row for row, out in zip(train, apart, strict=True) if not out]
        self.chosen = [row for row, out in zip(train, apart, strict=True) if out]
        self.labels = sorted({label for _, label in train})
        if not (folder / "tokenizer").is_dir():
            said = [*(f"{message} {label}" for message, label in self.learnt), route.POLICY * 50]
            train_tokenizer(said, folder / "tokenizer", size=preset.vocabulary, context=512)
        for name, rows in (("train", self.learnt), ("held_out", self.chosen)):
            examples.write(folder / f"{name}.jsonl", route.examples(rows))

    def tuned(self, name: str, shape: Shape, seed: int, transfer: Transfer | None = None) -> Path:
        """Folder of the run's model; goes on with a run that was cut off."""
        recipe = self.folder / f"{name}.toml"
        text = RECIPE.format(
            name=name,
            objective="distillation" if transfer else "supervised",
            seed=seed,
            shape=shape.table(),
            train=transfer.examples if transfer else "train.jsonl",
            epochs=shape.epochs / (1 + MADE) if transfer else shape.epochs,
            rate=shape.rate,
        )
        recipe.write_text(text + (DISTILLATION.format(cache=transfer.cache) if transfer else ""))
        run = self.folder / name
        limit = ["--minutes", str(self.minutes)] if self.minutes is not None else []
        status = self._training("run", recipe, "--folder", run, *limit)
        if status == 3:
            raise SystemExit(f"{name} was stopped after {self.minutes} minutes; the same command goes on.")
        return run / "model"

    def taught(self, teacher: Path, seed: int) -> Transfer:
        """What a student is distilled from: the messages and those made from them, read by the teacher."""
        transfer = Transfer(f"transfer-{seed}.jsonl", f"teacher-{seed}.cache")
        if not (self.folder / transfer.examples).exists():
            asked = Asked(teacher, self.labels)
            labelled = [(message, asked.label(message)) for message in made(self.learnt, seed)]
            asked.close()
            examples.write(self.folder / transfer.examples, route.examples([*self.learnt, *labelled]))
        recipe = self.folder / f"transfer-{seed}.toml"
        recipe.write_text(
            (self.folder / f"teacher-{seed}.toml").read_text().replace("train.jsonl", transfer.examples)
        )
        self._training(
            "teach", recipe, "--teacher", teacher, "--to", self.folder / transfer.cache,
            "--name", f"teacher-{seed}", "--licence", "own", "--k", str(K),
        )  # fmt: skip
        return transfer

    def _training(self, *arguments: object) -> int:
        command = [sys.executable, "-m", "freehold.training", *map(str, arguments)]
        with (self.folder / "training.log").open("a") as log:
            status = subprocess.run(command, stdout=log, check=False).returncode
        if status not in (0, 3):
            raise SystemExit(f"{' '.join(command)} failed; see {self.folder / 'training.log'}.")
        return status


class Asked:
    """A tuned router as it would serve: llama.cpp, one thread, labels only."""

    def __init__(self, model: Path, labels: Sequence[str]) -> None:
        with safe_open(model / "model.safetensors", framework="numpy") as weights:
            self.parameters = sum(
                math.prod(weights.get_slice(name).get_shape())
                for name in weights.keys()  # noqa: SIM118 - the open file itself cannot be iterated
            )
        gguf = model.parent / "model.gguf"
        if not gguf.exists():
            to_gguf(model, gguf, precision="f16")
        self._tokenizer = tokens.load(model)
        self._model = Model(gguf)
        self._context = Context(self._model, tokens=512)
        self._end = int(self._model.tokenize("<|eot_id|>", special=True)[0])
        self._labels = {(*map(int, self._model.tokenize(label)), self._end): label for label in labels}
        system, _ = route.compose("")
        self._before = f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>"
        self._fixed = self._decoded(self._model.tokenize(self._before, special=True), 0)

    def label(self, message: str) -> str:
        """The label that is written greedily, token by token, where only labels may be."""
        system, turns = route.compose(message)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": turns[0].text}]
        text = self._tokenizer.conversation(messages, answer_next=True).removeprefix(self._before)
        self._context.forget(0, self._fixed)
        place = self._decoded(self._model.tokenize(text, special=True), self._fixed)
        left, written = list(self._labels), 0
        while len({each[written:] for each in left}) > 1:
            logits = self._context.logits(self._last)
            best = max({each[written] for each in left}, key=lambda token: logits[token])
            left, written = [each for each in left if each[written] == best], written + 1
            if len(left) > 1:
                place = self._decoded([best], place)
        return self._labels[left[0]]

    def _decoded(self, ids: Any, place: int) -> int:
        """Reads tokens; gives the next place."""
        count = len(ids)
        outputs = np.arange(count) == count - 1
        assert self._context.decode(ids, np.arange(place, place + count), np.zeros(count, int), outputs)
        self._last = count - 1
        return place + count

    def close(self) -> None:
        self._context.close()
        self._model.close()


def measured(asked: Asked, rows: Rows) -> tuple[np.ndarray, float]:
    """Which are right, and the median milliseconds of processor time of one."""
    right, took = [], []
    for message, label in rows:
        began = time.thread_time()
        said = asked.label(message)
        took.append(time.thread_time() - began)
        right.append(float(said == label))
    return np.array(right), 1000 * statistics.median(took)


def linear_row(name: str, rows: Rows, test: Rows) -> dict[str, Any]:
    """The rival: learnt from the whole training file, as `freehold route train` does."""
    embedder = OnnxEmbedder(load().embedder_folder)
    vectors = embedder.embed([message for message, _ in rows])
    router = linear.fit(rows, vectors, embedder.name)
    said, took = [], []
    for message, _ in test:
        began = time.thread_time()
        said.append(router.route(embedder.embed([message])[0]).label)
        took.append(time.thread_time() - began)
    found = scope(said, [label for _, label in test])
    if found.recall is not None:
        print(f"{name}: out of scope {found.recall:.3f} found, {found.false_alarms:.4f} false alarms")
    right = [float(label == given) for (_, label), given in zip(test, said, strict=True)]
    return {
        "name": name,
        "seed": None,
        "parameters": MINILM + router.weights.size,
        "held_out": router.facts["accuracy"],
        "right": right,
        "ms": 1000 * statistics.median(took),
    }


def trained(study: Study, seed: int) -> dict[str, Path]:
    """Teacher, student on labels and distilled student of one seed: their models."""
    preset = study.preset
    teacher = study.tuned(f"teacher-{seed}", preset.teacher, seed)
    return {
        "teacher": teacher,
        "student, labels": study.tuned(f"labels-{seed}", preset.student, seed),
        "student, distilled": study.tuned(
            f"distilled-{seed}", preset.student, seed, study.taught(teacher, seed)
        ),
    }


def tuned_row(study: Study, name: str, seed: int, model: Path, test: Rows) -> dict[str, Any]:
    asked = Asked(model, study.labels)
    apart, _ = measured(asked, study.chosen)
    right, ms = measured(asked, test)
    asked.close()
    return {
        "name": name,
        "seed": seed,
        "parameters": asked.parameters,
        "held_out": float(apart.mean()),
        "right": right.tolist(),
        "ms": ms,
    }


def show(results: list[dict[str, Any]]) -> None:
    """A line for each kind: mean over the seeds, and how far they are apart."""
    print(f"{'':22}{'parameters':>12}{'held out':>10}{'test':>8}{'spread':>8}{'95%':>16}{'ms':>8}")
    for name in dict.fromkeys(each["name"] for each in results):
        same = [each for each in results if each["name"] == name]
        tests = [float(np.mean(each["right"])) for each in same]
        low, high = share_interval(np.array(same[0]["right"]))
        print(
            f"{name:22}{same[0]['parameters']:>12,}{np.mean([each['held_out'] for each in same]):>10.4f}"
            f"{np.mean(tests):>8.4f}{max(tests) - min(tests):>8.4f}{f'{low:.3f} to {high:.3f}':>16}"
            f"{np.mean([each['ms'] for each in same]):>8.2f}"
        )


def labelled(questions: BenchSet) -> Rows:
    return [(each.text, route.label_of(each.document)) for each in questions.questions]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_sets(parser)
    parser.add_argument("--work", type=Path, required=True, help="where everything is made")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[0, 1, 2], help="none: the linear rival alone"
    )
    parser.add_argument("--messages", type=int, help="so many of each file: a trial of the path, no result")
    parser.add_argument("--minutes", type=float, help="stop each run after so long")
    arguments = parser.parse_args()
    rows = labelled(banking77(arguments.data, "train"))
    rows = sample(rows, arguments.messages or len(rows))
    study = Study(arguments.work, PRESETS[arguments.preset], rows, arguments.minutes)
    models = {seed: trained(study, seed) for seed in arguments.seeds}
    test = labelled(banking77(arguments.data))
    test = sample(test, arguments.messages or len(test))
    results = [linear_row("linear over MiniLM", rows, test)]
    if not arguments.seeds:
        learnt, asked = labelled(clinc150(arguments.data, "train")), labelled(clinc150(arguments.data))
        results.append(linear_row("linear, CLINC150", learnt, asked))
    for seed, made in models.items():
        results += [tuned_row(study, name, seed, model, test) for name, model in made.items()]
    (arguments.work / "results.json").write_text(json.dumps(results))
    print(machine())
    show(results)


if __name__ == "__main__":
    main()
