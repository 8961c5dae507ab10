"""Training speed and memory beside transformers' `Trainer` and TRL's `SFTTrainer`: same model, same rows.

    python benchmarks/train.py [--steps 6] [--rounds 3] [--works 16k 128k lora] [--peers FOLDER]

`16k` and `128k` are a shape with a body of 14 M parameters (8 layers of 384, embeddings tied) that learns, at
that vocabulary, from rows of 1,024 random tokens, four examples to a row, two rows to a step; `lora` is an
adapter on all projections of Llama 3.2 1B's shape, one row of 256 tokens to a step. `next-token` scores every
token, `supervised` the last quarter of each example. Each run is a process of its own with one thread, and
the runs of one round are interleaved. Told are the median round's tokens a second, by the clock and by
processor time (which other work disturbs less), the most memory that the process held, and how much of that
came after its libraries were there. The first two steps are not counted.

`--peers` is a folder where `trl` and `datasets` are installed (`pip install --target FOLDER --no-deps …`);
without it TRL is left out. `--one` is a single run, as the benchmark starts them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COUNTED_FROM = 2
KINDS = ("next-token", "supervised")
RANK = 16
SMALL = {
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
}
LLAMA_1B = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True)
class Work:
    """What is trained on what."""

    shape: dict[str, Any]
    row: int = 1024
    """Tokens of a row."""
    examples: int = 4
    """Examples of a row, all as long."""
    rows: int = 2
    """Rows of a step, one after the other."""
    lora: bool = False

    @property
    def length(self) -> int:
        return self.row // self.examples


WORKS = {
    "16k": Work({**SMALL, "vocab_size": 16_384}),
    "128k": Work({**SMALL, "vocab_size": 131_072}),
    "lora": Work(LLAMA_1B, row=256, examples=2, rows=1, lora=True),
}


class Times:
    """When each step ended, by the clock and by processor time."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []

    def note(self) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def speeds(self, work: Work) -> dict[str, float]:
        first, last = self.ends[COUNTED_FROM - 1], self.ends[-1]
        tokens = work.row * work.rows * (len(self.ends) - COUNTED_FROM)
        return {"clock": tokens / (last[0] - first[0]), "processor": tokens / (last[1] - first[1])}


def examples(work: Work, kind: str, steps: int) -> list[tuple[list[int], int]]:
    """Tokens, and from which on they are scored."""
    draw = np.random.default_rng(0)
    scored = 1 if kind == "next-token" else work.length * 3 // 4
    count = work.examples * work.rows * steps
    return [(draw.integers(0, work.shape["vocab_size"], work.length).tolist(), scored) for _ in range(count)]


def ours(work: Work, kind: str, steps: int, base: Path | None, times: Times) -> None:
    from freehold.training.checkpoint import Progress
    from freehold.training.data import Dataset
    from freehold.training.loop import fit
    from freehold.training.material import Material
    from freehold.training.model import quiet
    from freehold.training.recipe import Data, Lora, ModelTable, Recipe, Run
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
            model=ModelTable(
                start=base,
                shape=None if base else work.shape,
                tokenizer=folder / "tokenizer",
                lora=Lora(rank=RANK, alpha=2 * RANK) if work.lora else None,
            ),
            data=Data(train=(folder / "train.jsonl",), context=work.row),
            run=Run(steps=steps, batch=work.rows, checkpoint_every=10**6),
        )
        session = prepare(recipe)
        made = [
            laid_out([each], [[at >= scored for at in range(work.length)]], passages=range(0))
            for each, scored in examples(work, kind, steps)
        ]
        session.train = Material(Dataset(made, [work.length] * len(made), digest="", left_out=()))

        def stopping() -> bool:
            times.note()
            return len(times.ends) == steps

        fit(session, folder, Progress("", ""), None, stopping=stopping)


def rows(work: Work, kind: str, steps: int) -> list[dict[str, list[int]]]:
    """The same examples as rows with labels."""
    made = examples(work, kind, steps)
    found = []
    for at in range(0, len(made), work.examples):
        row: dict[str, list[int]] = {"input_ids": [], "labels": [], "position_ids": []}
        for each, scored in made[at : at + work.examples]:
            row["input_ids"] += each
            row["labels"] += [-100] * scored + each[scored:]
            row["position_ids"] += range(work.length)
        found.append(row)
    return found


def peer(work: Work, kind: str, steps: int, base: Path | None, times: Times, *, trl: bool) -> None:
    import torch
    import transformers

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, *unused: Any, **more: Any) -> None:
            times.note()

    torch.manual_seed(0)
    if base:
        model = transformers.LlamaForCausalLM.from_pretrained(
            base, dtype=torch.float32, attn_implementation="sdpa"
        )
    else:
        config = transformers.LlamaConfig(**work.shape)
        config._attn_implementation = "sdpa"
        model = transformers.LlamaForCausalLM(config)
    if work.lora:
        import peft

        model = peft.get_peft_model(
            model,
            peft.LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=2 * RANK, target_modules="all-linear"),
        )
    made = rows(work, kind, steps)
    with tempfile.TemporaryDirectory() as place:
        settings: dict[str, Any] = {
            "output_dir": place, "use_cpu": True, "max_steps": steps, "report_to": "none",
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": work.rows, "save_strategy": "no",
            "logging_strategy": "no", "disable_tqdm": True, "remove_unused_columns": False, "bf16": False,
        }  # fmt: skip
        if trl:
            import datasets
            from datasets.table import InMemoryTable
            from trl import SFTConfig, SFTTrainer

            tokenizer(Path(place) / "tokenizer")
            for row in made:
                row["seq_lengths"] = [work.length] * work.examples
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


WAYS: dict[str, Callable[[Work, str, int, Path | None, Times], None]] = {
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
    work = WORKS[asked.works[0]]
    WAYS[asked.one](work, asked.kind, asked.steps, asked.base, times)
    print(json.dumps({**times.speeds(work), "memory": peak(), "training": peak() - before}), flush=True)


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def random_model(shape: dict[str, Any], folder: Path) -> Path:
    """A model that an adapter can be put on, in 16 bits on disk."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(**shape)
    transformers.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def started(way: str, work: str, kind: str, base: Path | None, asked: argparse.Namespace) -> dict[str, float]:
    """One run in a process of its own."""
    path = [str(ROOT), *([str(asked.peers.resolve())] if asked.peers else [])]
    ran = subprocess.run(
        [sys.executable, "-P", __file__, "--one", way, "--kind", kind, "--steps", str(asked.steps),
         "--works", work, *(["--base", str(base)] if base else [])],
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
    parser.add_argument("--works", choices=WORKS, nargs="+", default=list(WORKS))
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked)
        return
    print("| work | objective | | tokens/s | per processor second | peak, MB | of training, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as place:
        for work in asked.works:
            base = random_model(WORKS[work].shape, Path(place)) if WORKS[work].lora else None
            for kind in [asked.kind] if asked.kind else KINDS:
                compare(work, kind, base, asked)


def compare(work: str, kind: str, base: Path | None, asked: argparse.Namespace) -> None:
    """The lines of one table: each way, its runs between those of the others."""
    told: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS if way != "SFTTrainer" or asked.peers}
    for _ in range(asked.rounds):
        for way, rounds in told.items():
            rounds.append(started(way, work, kind, base, asked))
    for way, rounds in told.items():
        figures = (
            f"{statistics.median(each[of] for each in rounds):,.{decimals}f}"
            for of, decimals in (("clock", 1), ("processor", 1), ("memory", 0), ("training", 0))
        )
        print("|", " | ".join((work, kind, way, *figures)), "|", flush=True)


if __name__ == "__main__":
    main()
