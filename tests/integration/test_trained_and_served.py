"""What is trained here answers in the worker as it does in PyTorch: prompts of each task, to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_llama
import tiny_runs
import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from freehold.engines.base import Finished, Generation, TextDelta
from freehold.engines.local import LocalEngine
from freehold.models.conversion import converted
from freehold.tasks import answer, examples, rewrite, route
from freehold.tasks.examples import Example
from freehold.training.recipe import load
from freehold.training.run import run
from freehold.training.tokenizer import SMALLEST, train
from freehold.types import DocumentRef, Passage, Query, Turn

CONTEXT = 2048
LONGEST = 24
THINGS = ("parcel", "refund", "invoice", "card", "password", "thermostat", "voucher", "address", "receipt")
VERBS = ("track", "cancel", "change", "find", "renew", "print")


class Trained(NamedTuple):
    """A run's folder, and prompts that it has not seen."""

    folder: Path
    prompts: list[Example]


def material() -> Iterator[Example]:
    """Examples of the three tasks, about every thing and verb."""
    for number, thing in enumerate(THINGS):
        text = f"Every {thing} is kept for {number + 2} days. Ask at the desk for a new {thing}."
        passage = Passage(
            number, 1, DocumentRef(number, f"The {thing}", f"{thing}.md"), ("Terms",), text, 0, len(text)
        )
        for verb in VERBS:
            question = f"How do I {verb} my {thing}?"
            yield route.example(question, f"{verb}_{thing}")
            asked = Turn("user", question)
            yield rewrite.example(Query(f"And for the {thing}?", (asked,)), question)
            said = f"Ask at the desk for a new {thing} [1]." if verb == "renew" else None
            yield answer.example(Query(question), [passage], said)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    every = list(material())
    learnt, prompts = every[: len(every) // 3], every[-100:]
    texts = [text for each in every for text in (each.system, *(turn.text for turn in each.turns))]
    train(texts, folder / "tokenizer", size=SMALLEST + 200, context=CONTEXT)
    examples.write(folder / "train.jsonl", learnt)
    recipe = tiny_runs.recipe(
        folder,
        data={"context": 768},
        model={"start": None, "tokenizer": "tokenizer"},
        run={"steps": 20, "batch": 4},
        optimiser={"learning_rate": 0.005},
        **{"model.shape": tiny_llama.SHAPE | {"max_position_embeddings": CONTEXT, "hidden_size": 64}},
    )
    assert run(load(recipe), folder / "run") == "done"
    return Trained(folder / "run" / "model", prompts)


def in_pytorch(folder: Path, prompts: list[Example]) -> list[tuple[str, int]]:
    """What transformers writes greedily, and in how many tokens, the end token aside."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    written = []
    for each in prompts:
        ids = tokenizer.apply_chat_template(
            each.as_json()["messages"][:-1],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        with torch.inference_mode():
            whole = model.generate(**ids, max_new_tokens=LONGEST, do_sample=False)
        new = whole[0, ids["input_ids"].shape[1] :]
        said = new[new != tokenizer.eos_token_id]
        written.append((tokenizer.decode(said), len(said)))
    return written


async def test_the_worker_writes_what_pytorch_writes(trained: Trained, tmp_path: Path) -> None:
    made = converted(trained.folder, tmp_path / "trained.gguf")
    assert made["made"] == {"how": "convert", "to": "f32"}
    engine = LocalEngine(tmp_path / "trained.gguf", "trained", context=CONTEXT)
    served = []
    try:
        for each in trained.prompts:
            request = Generation(each.turns[:-1], system=each.system, max_tokens=LONGEST)
            events = [event async for event in engine.generate(request)]
            assert isinstance(events[-1], Finished)
            text = "".join(event.text for event in events if isinstance(event, TextDelta))
            served.append((text, events[-1].usage.completion_tokens))
    finally:
        await engine.close()
    wanted = in_pytorch(trained.folder, trained.prompts)
    assert len({text for text, _ in wanted}) > 10, "a model that always says the same would agree too easily"
    assert served == wanted
