"""Items of `reading_material.py` as numbers, and pairs of a question and a text drawn of them in batches.

Every text is turned into token ids once; a pair is put together from its parts where the model is, so that a
machine with an accelerator waits for nothing, and a machine without the sets can be sent them as one file.
Each pass over the items draws anew: another answer, another passage that does not answer, another window,
with and without the title. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

if TYPE_CHECKING:  # it reads sets, with what a machine that is sent them packed may not have
    from reading_material import Item

WINDOW, QUESTION, TITLE, TEXT = 320, 64, 40, 400
"""Tokens of a pair, of its question, of its title and of the text that a window is drawn from, at most."""
POOL = 40
"""Batches whose pairs are sorted by length together."""
TITLED, NEAR, FAR = 0.7, 0.9, 0.2
"""Shares of pairs that show the title, and of questions also asked of a near and of a far passage."""

Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class Packed:
    """Items as rows; texts by number. `-1` stands for none."""

    tokens: NDArray[np.uint16]
    """Ids of all texts, one after the other."""
    bounds: Numbers
    """Where each text begins in `tokens`, and where the last ends, shape (texts + 1,)."""
    asked: Numbers
    """Question, passage, title, far passage and edited question of each item, shape (items, 5)."""
    answers: Numbers
    """First and last token of each answer within its passage, shape (answers, 2)."""
    answers_of: Numbers
    """Where each item's answers begin in `answers`, shape (items + 1,)."""
    near: Numbers
    """Near passages of all items."""
    near_of: Numbers
    """Where each item's begin in `near`, shape (items + 1,)."""

    def save(self, file: Path) -> None:
        np.savez_compressed(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, file: Path) -> Packed:
        with np.load(file) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})


def pack(items: Sequence[Item], tokenizer: Tokenizer) -> Packed:
    """Items whose answers stand beyond TEXT tokens are left out."""
    numbers: dict[str, int] = {}
    ids: list[list[int]] = []
    offsets: list[list[tuple[int, int]]] = []

    def number(text: str, most: int) -> int:
        if not text:
            return -1
        if text not in numbers:
            encoding = tokenizer.encode(text, add_special_tokens=False)
            numbers[text] = len(ids)
            ids.append(encoding.ids[:most])
            offsets.append(encoding.offsets[:most])
        return numbers[text]

    asked, answers, answers_of, near, near_of = [], [], [0], [], [0]
    for item in items:
        passage = number(item.passage, TEXT)
        found = [place for one in item.answers if (place := _place(offsets[passage], *one))]
        if item.answers and not found:
            continue
        title = number(f"{item.title}. " if item.title else "", TITLE)
        edited = number(item.edited, QUESTION)
        asked.append((number(item.question, QUESTION), passage, title, number(item.far, TEXT), edited))
        answers += found
        near += [number(text, TEXT) for text in item.near]
        answers_of.append(len(answers))
        near_of.append(len(near))
    return Packed(
        np.concatenate([np.array(one, np.uint16) for one in ids]),
        np.cumsum([0, *map(len, ids)], dtype=np.int32),
        np.array(asked, np.int32),
        np.array(answers, np.int32).reshape(-1, 2),
        np.array(answers_of, np.int32),
        np.array(near, np.int32),
        np.array(near_of, np.int32),
    )


def _place(offsets: Sequence[tuple[int, int]], said: str, at: int) -> tuple[int, int] | None:
    """First and last token of the words that stand at `at`, when all of them are there."""
    inside = [n for n, (start, end) in enumerate(offsets) if end > at and start < at + len(said)]
    whole = inside and offsets[inside[-1]][1] >= at + len(said.rstrip())
    return (inside[0], inside[-1]) if whole else None


@dataclass(frozen=True)
class Batch:
    """Pairs, padded; all of shape (pairs, tokens) but the last."""

    ids: torch.Tensor
    types: torch.Tensor
    mask: torch.Tensor
    outside: torch.Tensor
    """Where no answer may start or end: everything but the text and the first token, which says none."""
    wanted: torch.Tensor
    """First and last token of the answer, 0 where there is none, shape (pairs, 2)."""


class Pairs:
    """Batches of pairs, on a device."""

    def __init__(
        self, packed: Packed, tokenizer: Tokenizer, device: torch.device, batch: int, seed: int
    ) -> None:
        self.packed, self.device, self.batch = packed, device, batch
        self.draw = np.random.default_rng(seed)
        self.first, self.between = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        self.tokens = torch.from_numpy(packed.tokens.astype(np.int32)).to(device)
        self.begin, self.count = packed.bounds[:-1], np.diff(packed.bounds)

    def forever(self) -> Iterator[Batch]:
        """Batches of pairs of like length, without end."""
        while True:
            drawn = self.drawn()
            for at in range(0, len(drawn), self.batch * POOL):
                pool = drawn[at : at + self.batch * POOL]
                pool = pool[np.argsort(self._tokens_of(pool), kind="stable")]
                starts = np.arange(0, len(pool), self.batch)
                for start in self.draw.permutation(starts):
                    yield self.made(pool[start : start + self.batch])

    def drawn(self) -> Numbers:
        """One pass: question, title, text, first and last token of the answer in it, shape (pairs, 5)."""
        packed, draw = self.packed, self.draw
        question, passage, title, far, edited = packed.asked.T
        count = len(question)
        title = np.where(draw.random(count) < TITLED, title, -1)
        none = np.full(count, -1, np.int32)
        many, near_many = np.diff(packed.answers_of), np.diff(packed.near_of)
        chosen = packed.answers_of[:-1] + (draw.random(count) * many).astype(np.int32)
        first, last = none.copy(), none.copy()
        first[many > 0], last[many > 0] = packed.answers[chosen[many > 0]].T
        other = packed.near_of[:-1] + (draw.random(count) * near_many).astype(np.int32)
        near = none.copy()
        near[near_many > 0] = packed.near[other[near_many > 0]]
        rows = [
            np.stack([question, title, passage, first, last], 1),
            np.stack([question, title, near, none, none], 1)[(near >= 0) & (draw.random(count) < NEAR)],
            np.stack([question, title, far, none, none], 1)[(far >= 0) & (draw.random(count) < FAR)],
            np.stack([edited, title, passage, none, none], 1)[edited >= 0],
        ]
        return draw.permutation(np.concatenate(rows).astype(np.int32))

    def _tokens_of(self, rows: Numbers) -> Numbers:
        return np.minimum(3 + sum(self._count(rows[:, at]) for at in range(3)), WINDOW)

    def _count(self, texts: Numbers) -> Numbers:
        return np.where(texts >= 0, self.count[texts], 0)

    def made(self, rows: Numbers) -> Batch:
        """The window slides over the text, never away from its answer; the title stays."""
        question, title, text, first, last = rows.T
        asked, titled, told = (self._count(one) for one in (question, title, text))
        room = WINDOW - 3 - asked - titled
        over = np.maximum(told - room, 0)
        answered = first >= 0
        least = np.where(answered, np.clip(last - room + 1, 0, over), 0)
        most = np.maximum(np.where(answered, np.minimum(first, over), over), least)
        skipped = least + (self.draw.random(len(rows)) * (most - least + 1)).astype(np.int32)
        told = np.minimum(told, room)
        before = asked + titled + 2
        wanted = np.where(answered[:, None], rows[:, 3:] - skipped[:, None] + before[:, None], 0)
        wanted = np.minimum(wanted, (before + told - 1)[:, None])  # an answer longer than the window is cut
        begin = [np.where(one >= 0, self.begin[one], 0) for one in (question, title, text)]
        numbers = np.stack([asked, titled, told, begin[0], begin[1], begin[2] + skipped, *wanted.T])
        longest = int((before + told).max()) + 1
        columns = torch.from_numpy(numbers.astype(np.int64)).to(self.device)[:, :, None]
        asked_, titled_, told_, at_question, at_title, at_text = columns[:6]
        place = torch.arange(-(-longest // 8) * 8, device=self.device)[None]
        title_from, text_from = asked_ + 2, asked_ + titled_ + 2
        end = text_from + told_
        token = torch.where(place < title_from, at_question + place - 1, at_title + place - title_from)
        token = torch.where(place < text_from, token, at_text + place - text_from)
        ids = self.tokens[token.clamp(0, len(self.tokens) - 1)].long()
        ids = torch.where((place == title_from - 1) | (place == end), self.between, ids)
        ids = torch.where(place == 0, self.first, ids)
        mask = place <= end
        outside = ~((place == 0) | ((place >= title_from) & (place < end)))
        types = (mask & (place >= title_from)).long()
        return Batch(ids * mask, types, mask.long(), outside, columns[6:, :, 0].T)
