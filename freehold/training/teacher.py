"""Asks a teacher, once, for its k most likely tokens at every scored position, and keeps them in a file.

The teacher is a causal model that transformers reads and that has the student's very tokenizer; one whose
attention or head does more than a Llama's is refused. It reads each example by itself, causally, also where
the student will read it in blocks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from freehold.errors import InvalidInput
from freehold.training import head
from freehold.training.attention import PIECES
from freehold.training.batch import packed
from freehold.training.cache import CacheWriter, Header, each_of, fingerprint
from freehold.training.data import Dataset, dataset
from freehold.training.files import room
from freehold.training.licences import licence_of
from freehold.training.model import loaded, quiet
from freehold.training.recipe import Recipe
from freehold.training.sequence import Piece, Sequence
from freehold.training.tokens import load as load_tokenizer

TOKENS_AT_ONCE = 4096


def write_cache(
    recipe: Recipe,
    teacher: Path,
    target: Path,
    *,
    name: str,
    licence: str,
    k: int = 128,
    temperature: float = 1.0,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Header:
    """Writes (or goes on writing) `target` from the recipe's training data; `told` hears positions done and
    in all.

    Raises:
        InvalidInput: the licence forbids it, the teacher has another tokenizer, is no model or one that is
            not computed here, or `target` is something else.
        NoRoom: the disk is full; what is there is gone on from.
    """
    quiet()
    licence_of(licence)
    if k < 1 or not 0.05 <= temperature <= 20:
        raise InvalidInput("k has to be 1 or more, and the temperature between 0.05 and 20.")
    student, theirs = load_tokenizer(recipe.tokenizer), load_tokenizer(teacher)
    if theirs.hash != student.hash:
        raise InvalidInput(
            f"The teacher in {teacher} has another tokenizer than the student.",
            hint="Distil by its answers instead: objective `supervised`, with [teacher].",
        )
    data = dataset(recipe, recipe.data.train, student)
    model = _read(teacher)
    if (tokens := model.lm_head.weight.shape[0]) < student.size():
        raise InvalidInput(
            f"The tokenizer has {student.size():,} tokens, the teacher {tokens:,}.",
            hint="Take the tokenizer that belongs to the teacher.",
        )
    _check_head(model, _causal(data.sequences[0]))
    header = Header(
        k=min(k, student.size()),
        temperature=float(temperature),
        vocabulary=student.size(),
        tokenizer=student.hash,
        dataset=fingerprint(data),
        positions=sum(each.at.size for each in each_of(data)),
        teacher=name,
        licence=licence,
    )
    firsts = np.cumsum([0, *(each.at.size for each in each_of(data))])
    with room(target), contextlib.closing(CacheWriter(target, header)) as writer:
        begin = int(np.searchsorted(firsts, writer.done, side="right")) - 1
        writer.forget_after(int(firsts[begin]))  # a sequence half written is asked again
        for numbers in _together(data, begin):
            _answer(model, [_causal(data.sequences[number]) for number in numbers], header, writer)
            told(writer.done, header.positions)
    return header


def _together(data: Dataset, begin: int) -> Iterator[list[int]]:
    """The sequences from `begin` on, about `TOKENS_AT_ONCE` tokens at a time."""
    waiting: list[int] = []
    held = 0
    for number in range(begin, len(data)):
        waiting.append(number)
        held += data.lengths[number]
        if held >= TOKENS_AT_ONCE:
            yield waiting
            waiting, held = [], 0
    if waiting:
        yield waiting


def _answer(model: Any, sequences: list[Sequence], header: Header, writer: CacheWriter) -> None:
    """Writes the records of these sequences."""
    weight = model.lm_head.weight[: header.vocabulary]
    batch = packed(sequences).to(weight.device)
    with torch.no_grad():
        states = model.model(
            input_ids=batch.tokens, position_ids=batch.positions, pieces=batch.pieces, use_cache=False
        ).last_hidden_state[0, batch.at]
        for where in head.chunks(len(states), weight):
            logits = (states[where] @ weight.T).float() / header.temperature
            best = logits.log_softmax(dim=1).topk(header.k, dim=1)
            writer.add(best.indices.cpu().numpy(), best.values.cpu().numpy())


def _check_head(model: Any, sequence: Sequence) -> None:
    """
    Raises:
        InvalidInput: what the model itself makes of its states is not their product with the head's weights:
            it scales, caps or shifts them.
    """
    batch = packed([sequence]).to(model.lm_head.weight.device)
    read = {"input_ids": batch.tokens, "position_ids": batch.positions, "pieces": batch.pieces}
    with torch.no_grad():
        theirs = model(**read, use_cache=False, logits_to_keep=1).logits[0, -1]
        ours = model.model(**read, use_cache=False).last_hidden_state[0, -1] @ model.lm_head.weight.T
    if theirs.shape != ours.shape or not torch.allclose(theirs.float(), ours.float(), rtol=0.02, atol=0.02):
        raise InvalidInput(
            f"The head of a {type(model).__name__} does more than is computed here.",
            hint="Distil by its answers instead: objective `supervised`, with [teacher].",
        )


def _causal(sequence: Sequence) -> Sequence:
    """The sequence as the teacher reads it; a corpus's row keeps its documents apart."""
    if not any(piece.past != piece.start for piece in sequence.pieces):
        return sequence
    count = len(sequence)
    return replace(sequence, positions=np.arange(count), pieces=(Piece(0, count, 0),))


def _read(folder: Path) -> Any:
    """A teacher, in its own precision, where it can compute."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = loaded(transformers.AutoModelForCausalLM, folder, attn_implementation=PIECES, dtype="auto")
    if not (hasattr(model, "model") and hasattr(model, "lm_head")):
        raise InvalidInput(f"{folder} holds a {type(model).__name__}, whose parts are not known here.")
    placed: Any = model
    return placed.to(device).eval()
