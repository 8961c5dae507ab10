"""Training speed and memory beside transformers' `Trainer` and TRL's `SFTTrainer`: same model, same rows.

    python benchmarks/train.py [--steps 6] [--rounds 3] [--vocabularies 16384 131072] [--peers FOLDER]

A shape with a body of 14 M parameters (8 layers of 384, embeddings tied) learns from rows of 1,024 random
tokens, four examples to a row, two rows to a step; `next-token` scores every token, `supervised` the last
quarter of each example. Each run is a process of its own with one thread, and the runs of one round are
interleaved. Told are the best round's tokens a second, by the clock and by processor time (which other work
disturbs less), the most memory that the process held, and how much of that came after its libraries were
there. The first two steps are not counted.

`--peers` is a folder where `trl` and `datasets` are installed (`pip install --target FOLDER --no-deps …`);
without it TRL is left out. `--one` is a single run, as the benchmark starts them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ROW, EXAMPLES, ROWS = 1024, 4, 2
LENGTH = ROW // EXAMPLES
COUNTED_FROM = 2
KINDS = ("next-token", "supervised")
SHAPE = {
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "max_position_embeddings": ROW,
    "tie_word_embeddings": True,
}


class Times:
    """When each step ended, by the clock and by processor time."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []

    def note(self) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def speeds(self) -> dict[str, float]:
        first, last = self.ends[COUNTED_FROM - 1], self.ends[-1]
        tokens = ROW * ROWS * (len(self.ends) - COUNTED_FROM)
        return {"clock": tokens / (last[0] - first[0]), "processor": tokens / (last[1] - first[1])}


def examples(vocabulary: int, kind: str, steps: int) -> list[tuple[list[int], int]]:
    """Tokens, and from which on they are scored."""
    draw = np.random.default_rng(0)
    scored = 1 if kind == "next-token" else LENGTH * 3 // 4
    count = EXAMPLES * ROWS * steps
    return [(draw.integers(0, vocabulary, LENGTH).tolist(), scored) for _ in range(count)]


def ours(vocabulary: int, kind: str, steps: int, times: Times) -> None:
    from freehold.training import tokens
    from freehold.training.checkpoint import Progress
    from freehold.training.data import Dataset
    from freehold.training.loop import fit
    from freehold.training.material import Material
    from freehold.training.model import quiet
    from freehold.training.recipe import Data, ModelTable, Recipe, Run
    from freehold.training.sequence import laid_out
    from freehold.training.session import prepare

    quiet()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tokenizer(folder / "tokenizer")
        (folder / "train.jsonl").write_text('{"text": "a row"}\n')
        recipe = Recipe(
            name="speed",
            objective="next-token",
            model=ModelTable(shape={**SHAPE, "vocab_size": vocabulary}, tokenizer=folder / "tokenizer"),
            data=Data(train=(folder / "train.jsonl",), context=ROW),
            run=Run(steps=steps, batch=ROWS, checkpoint_every=10**6),
        )
        session = prepare(recipe)
        made = [
            laid_out([each], [[at >= scored for at in range(LENGTH)]], passages=range(0))
            for each, scored in examples(vocabulary, kind, steps)
        ]
        session.train = Material(Dataset(made, [LENGTH] * len(made), digest="", left_out=()))
        assert tokens.load(recipe.tokenizer).size() <= vocabulary

        def stopping() -> bool:
            times.note()
            return len(times.ends) == steps

        fit(session, folder, Progress("", ""), None, stopping=stopping)


def rows(vocabulary: int, kind: str, steps: int) -> list[dict[str, list[int]]]:
    """The same examples as rows with labels."""
    made = examples(vocabulary, kind, steps)
    found = []
    for at in range(0, len(made), EXAMPLES):
        row: dict[str, list[int]] = {"input_ids": [], "labels": [], "position_ids": []}
        for each, scored in made[at : at + EXAMPLES]:
            row["input_ids"] += each
            row["labels"] += [-100] * scored + each[scored:]
            row["position_ids"] += range(LENGTH)
        found.append(row)
    return found


def peer(vocabulary: int, kind: str, steps: int, times: Times, *, trl: bool) -> None:
    import torch
    import transformers

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, *unused: Any, **more: Any) -> None:
            times.note()

    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=vocabulary, **SHAPE)
    config._attn_implementation = "sdpa"
    model = transformers.LlamaForCausalLM(config)
    made = rows(vocabulary, kind, steps)
    with tempfile.TemporaryDirectory() as place:
        settings: dict[str, Any] = {
            "output_dir": place, "use_cpu": True, "max_steps": steps, "report_to": "none",
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": ROWS, "save_strategy": "no",
            "logging_strategy": "no", "disable_tqdm": True, "remove_unused_columns": False, "bf16": False,
        }  # fmt: skip
        if trl:
            import datasets
            from datasets.table import InMemoryTable
            from trl import SFTConfig, SFTTrainer

            tokenizer(Path(place) / "tokenizer")
            for row in made:
                row["seq_lengths"] = [LENGTH] * EXAMPLES
                del row["position_ids"]
            trainer: Any = SFTTrainer(
                model=model,
                args=SFTConfig(
                    **settings, padding_free=True, max_length=None, gradient_checkpointing=False,
                    dataset_kwargs={"skip_prepare_dataset": True},
                ),
                train_dataset=datasets.Dataset(
                    InMemoryTable.from_pydict({name: [row[name] for row in made] for name in made[0]}),
                    fingerprint="rows",
                ),
                processing_class=transformers.AutoTokenizer.from_pretrained(Path(place) / "tokenizer"),
                callbacks=[Watch()],
            )  # fmt: skip
        else:
            trainer = transformers.Trainer(
                model=model,
                args=transformers.TrainingArguments(**settings),
                train_dataset=made,
                data_collator=lambda some: {
                    name: torch.tensor([each[name] for each in some]) for name in some[0]
                },
                callbacks=[Watch()],
            )
        trainer.train()


def tokenizer(folder: Path) -> None:
    """Any tokenizer: libraries want one to be there."""
    from freehold.training.tokenizer import SMALLEST, train

    train(["the same words over and over"] * 9, folder, size=SMALLEST + 5)


WAYS: dict[str, Callable[[int, str, int, Times], None]] = {
    "freehold": ours,
    "Trainer": lambda *asked: peer(*asked, trl=False),
    "SFTTrainer": lambda *asked: peer(*asked, trl=True),
}


def one(asked: argparse.Namespace) -> None:
    """A single run, told as JSON."""
    import torch
    import transformers.trainer  # noqa: F401 - what all of them load

    torch.set_num_threads(1)
    times = Times()
    before = peak()
    WAYS[asked.one](asked.vocabularies[0], asked.kind, asked.steps, times)
    print(json.dumps({**times.speeds(), "memory": peak(), "training": peak() - before}), flush=True)


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def started(way: str, vocabulary: int, kind: str, asked: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own."""
    path = [str(ROOT), *([str(asked.peers.resolve())] if asked.peers else [])]
    ran = subprocess.run(
        [sys.executable, "-P", __file__, "--one", way, "--kind", kind, "--steps", str(asked.steps),
         "--vocabularies", str(vocabulary)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"{way} failed:\n{ran.stderr[-2000:]}")
    told: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[16_384, 131_072])
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--one", choices=WAYS)
    asked = parser.parse_args()
    if asked.one:
        one(asked)
        return
    ways = [way for way in WAYS if way != "SFTTrainer" or asked.peers]
    print("| vocabulary | objective | | tokens/s | per processor second | peak, MB | of training, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for vocabulary in asked.vocabularies:
        for kind in [asked.kind] if asked.kind else KINDS:
            told: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
            for _ in range(asked.rounds):
                for way in ways:
                    told[way].append(started(way, vocabulary, kind, asked))
            for way, rounds in told.items():
                clock, processor = (max(each[by] for each in rounds) for by in ("clock", "processor"))
                memory, training = (min(each[of] for each in rounds) for of in ("memory", "training"))
                figures = (f"{figure:,.0f}" for figure in (clock, processor, memory, training))
                print("|", " | ".join((f"{vocabulary:,}", kind, way, *figures)), "|")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
