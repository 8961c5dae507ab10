"""Has a model answer the questions of benchmarks/checks, and keeps the sentences it writes.

    python benchmarks/write_sentences.py --model FILE.gguf --name "smollm2-135m q4_1" [--most 478]

Each question is put with the one passage it was asked of: half of them by the prompt that serves, decoded
greedily; a quarter by that prompt at a high temperature; a quarter by a bare prompt without rules, at a high
temperature too. Engine and cutting into sentences are those that serve. What is written goes to
benchmarks/checks/written.jsonl, one record a sentence; a call that was broken off goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from options import described

from freehold.assistant.draft import Draft
from freehold.engines.base import Finished, Generation
from freehold.engines.local import Deadlines, LocalEngine
from freehold.tasks import answer as task
from freehold.types import DocumentRef, Passage, Query, Turn

HERE = Path(__file__).parent / "checks"
OUT = HERE / "written.jsonl"
MAX_TOKENS: Final = 70
FEWEST_WORDS: Final = 3
CONTEXT: Final = 2048
PATIENT: Final = Deadlines(load=3600, wait=3600, render=3600, stall=3600, hang=3600)
"""A machine may be busy with something that matters more."""
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Manner:
    """How a model is led."""

    name: str
    temperature: float
    ours: bool
    """With our rules; else it gets the passage and the question, and no more."""


SERVED = Manner("our prompt", 0.0, ours=True)
MANNERS = (
    SERVED,
    Manner("our prompt, temperature 0.8", 0.8, ours=True),
    SERVED,
    Manner("bare prompt, temperature 0.8", 0.8, ours=False),
)
"""Taken in turns. The first is what serves."""


@dataclass(frozen=True)
class Asked:
    """A question and the passage it was asked of."""

    document: str
    heading: tuple[str, ...]
    passage: str
    question: str


def asked() -> list[Asked]:
    """What the sentences of the played suite answer, each once, in an order that mixes the documents."""
    with (HERE / "sentences.jsonl").open(encoding="utf-8") as lines:
        found = dict.fromkeys(
            Asked(each["document"], tuple(each["heading"]), each["passage"], each["question"])
            for each in map(json.loads, lines)
        )
    return random.Random(0).sample(list(found), len(found))


def request(one: Asked, manner: Manner, seed: int) -> Generation:
    """What the model is asked."""
    title = (HERE / one.document).read_text("utf-8").split("\n", 1)[0].lstrip("# ")
    passage = Passage(
        1, 1, DocumentRef(1, title, one.document), one.heading, one.passage, 0, len(one.passage)
    )
    if manner.ours:
        prompt = task.compose(Query(one.question), [passage])
    else:
        prompt = task.Prompt("", (Turn("user", f"{task.shown(passage)}\n\n{one.question}"),))
    return Generation(
        prompt.messages, prompt.system, max_tokens=MAX_TOKENS, temperature=manner.temperature, seed=seed
    )


async def sentences(engine: LocalEngine, asks: Generation) -> list[str]:
    """The whole sentences of the answer, without their marks; one cut off by the length is left out."""
    draft, found = Draft(), []
    async for piece in engine.generate(asks):
        if isinstance(piece, Finished):
            found += list(draft.finish()) if piece.reason == "stop" else []
        else:
            found += draft.add(piece.text)
    return [task.bare(task.cited(sentence)[0]).strip() for _, sentence in found]


def worth(sentence: str, question: str) -> bool:
    """Whether it says enough to be read: no refusal, no fragment, not the question over again."""
    words = _WORDS.findall(sentence.lower())
    return (
        len(words) >= FEWEST_WORDS
        and words != _WORDS.findall(question.lower())
        and not task.refuses(sentence)
    )


def written() -> list[dict[str, Any]]:
    """What there is already; another call may be adding to it."""
    if not OUT.exists():
        return []
    with OUT.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


async def write(model: Path, name: str, most: int) -> None:
    """Asks `most` questions, in turns of `MANNERS`, from the last one on that brought a sentence before."""
    questions = asked()
    mine = [each["id"].split("-")[-2] for each in written() if each["writer"].startswith(f"{name}, ")]
    engine = LocalEngine(model, name, threads=1, context=CONTEXT, slots=1, deadlines=PATIENT)
    try:
        for at in range(1 + max(map(int, mine), default=-1), most):
            one = questions[at % len(questions)]
            manner = MANNERS[(at + at // len(questions)) % len(MANNERS)]
            said = await sentences(engine, request(one, manner, seed=at))
            there = {(each["passage"], each["sentence"]) for each in written()}
            fresh = [each for each in dict.fromkeys(said) if (one.passage, each) not in there]
            with OUT.open("a", encoding="utf-8") as file:
                for number, sentence in enumerate((s for s in fresh if worth(s, one.question)), start=1):
                    record = {
                        "id": f"{name.split()[0]}-{at:04}-{number}",
                        **asdict(one),
                        "sentence": sentence,
                        "writer": f"{name}, {manner.name}",
                    }
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
            print(f"{at + 1} of {most}: {len(said)} sentences", file=sys.stderr, flush=True)
    finally:
        await engine.close()


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of a chat model")
    parser.add_argument("--name", required=True, help="what to call it in the records")
    parser.add_argument("--most", type=int, default=478, help="questions asked; above 478 they come again")
    options = parser.parse_args()
    asyncio.run(write(options.model, options.name, options.most))


if __name__ == "__main__":
    main()
