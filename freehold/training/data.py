"""What a recipe learns from, ready to be batched: every example read, checked and turned into tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from freehold.errors import InvalidInput
from freehold.training.encode import Encoded, encoded, holds_control
from freehold.training.examples import Example, Kind, examples
from freehold.training.licences import licence_of
from freehold.training.recipe import Recipe, Teacher
from freehold.training.rows import Rows
from freehold.training.sequence import Sequence
from freehold.training.shards import Shards
from freehold.training.tokenizer import END_OF_TEXT
from freehold.training.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An example that is not learnt from."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Sequences by number, and what is known of each."""

    sequences: Many[Sequence]
    lengths: Many[int]
    """Tokens of each."""
    digest: str
    """Hash of the files' contents and of the tokenizer."""
    left_out: tuple[LeftOut, ...] = ()
    good: npt.NDArray[np.bool_] | None = None
    """Preference: which answers were good."""
    exchanged: Many[Sequence] = ()
    """Preference: each question with another example's answer."""

    def __len__(self) -> int:
        return len(self.lengths)


def dataset(
    recipe: Recipe,
    files: Many[Path],
    tokenizer: Tokenizer,
    *,
    told: Callable[[int], None] = lambda read: None,
) -> Dataset:
    """Everything in `files` as the recipe's objective needs it; `told` hears how many examples were read.

    Examples longer than the context are counted and named, never cut.

    Raises:
        NotFound: a file is not there.
        InvalidInput: a line is not an example, or written by a teacher that the recipe does not name; shards
            are of another tokenizer, or nothing is left.
    """
    folders = [path for path in files if path.is_dir()]
    if folders and (len(files) > 1 or recipe.objective not in ("next-token", "distillation")):
        raise InvalidInput(
            f"{folders[0]} is a folder of token shards, which stands alone and is learnt by `next-token`.",
            hint="Name files of examples.",
        )
    if folders:
        return _of_shards(Shards.open(folders[0]), recipe.data.context, tokenizer)
    digest = digest_of(files, tokenizer)
    if recipe.objective == "next-token":
        return _of_texts(files, recipe, tokenizer, digest, told)
    return _of_conversations(files, recipe, tokenizer, digest, told)


def _of_shards(shards: Shards, context: int, tokenizer: Tokenizer) -> Dataset:
    if shards.manifest["tokenizer"] != tokenizer.hash:
        raise InvalidInput(
            f"The token shards in {shards.folder} were made by another tokenizer.",
            hint="Make them again with the recipe's, or name the one that they were made by.",
        )
    rows = Rows.of_shards(shards, context)
    if not len(rows):
        raise InvalidInput(f"{shards.folder} holds less than one row of {context} tokens.")
    return Dataset(rows, [context] * len(rows), _digest_of_shards(shards, tokenizer))


def _of_texts(
    files: Many[Path], recipe: Recipe, tokenizer: Tokenizer, digest: str, told: Callable[[int], None]
) -> Dataset:
    end = tokenizer.number(END_OF_TEXT)
    if end is None:
        end = tokenizer.number(tokenizer.eos_token)
    documents, left_out = [], []
    for number, example in enumerate(_all(files, "text", recipe), start=1):
        told(number)
        if (control := holds_control(example, tokenizer)) is not None:
            left_out.append(LeftOut(example.where, f"spells out the control token {control}"))
            continue
        tokens = tokenizer.inner.encode(example.text).ids  # with the token that begins a text
        documents.append(tokens if end is None else [*tokens, end])
    rows = Rows.of_documents(documents, recipe.data.context)
    if not len(rows):
        raise _nothing(files, left_out)
    return Dataset(rows, [rows.context] * len(rows), digest, tuple(left_out))


def _of_conversations(
    files: Many[Path], recipe: Recipe, tokenizer: Tokenizer, digest: str, told: Callable[[int], None]
) -> Dataset:
    marked = recipe.objective == "preference"
    kept: list[Encoded] = []
    good: list[bool] = []
    left_out: list[LeftOut] = []
    for number, example in enumerate(_all(files, "marked" if marked else "conversation", recipe), start=1):
        told(number)
        if (control := holds_control(example, tokenizer)) is not None:
            left_out.append(LeftOut(example.where, f"spells out the control token {control}"))
            continue
        made = encoded(example, tokenizer, blocks=_as_blocks(recipe, number))
        if len(made) > recipe.data.context:
            left_out.append(
                LeftOut(example.where, f"{len(made):,} tokens, more than {recipe.data.context:,}")
            )
            continue
        kept.append(made.last_only() if marked else made)
        good.append(bool(example.good))
    if not kept:
        raise _nothing(files, left_out)
    sequences = [each.sequence() for each in kept]
    return Dataset(
        sequences=sequences,
        lengths=[len(each) for each in sequences],
        digest=digest,
        left_out=tuple(left_out),
        good=np.array(good) if marked else None,
        exchanged=_exchanged(kept, recipe) if marked else (),
    )


def _as_blocks(recipe: Recipe, number: int) -> bool:
    """Whether this example is laid out as blocks; drawn for each once and for all."""
    if recipe.data.attention == "causal":
        return False
    return bool(np.random.default_rng([recipe.seed, number]).random() < recipe.data.blocks_share)


def _exchanged(kept: Many[Encoded], recipe: Recipe) -> list[Sequence]:
    """Each question with the answer of the example behind it in a shuffled ring.

    Raises:
        InvalidInput: there is only one example.
    """
    if len(kept) < 2:
        raise InvalidInput("The objective `preference` needs two examples or more.")
    ring = np.random.default_rng([recipe.seed, len(kept)]).permutation(len(kept))
    other = np.empty_like(ring)
    other[ring] = np.roll(ring, 1)
    return [each.answered_by(kept[other[number]]).sequence() for number, each in enumerate(kept)]


def _all(files: Many[Path], kind: Kind, recipe: Recipe) -> Many[Example]:
    found = []
    for path in files:
        for example in examples(path, kind):
            if example.teacher is not None:
                _check_teacher(example.teacher, recipe.teacher, example.where)
            found.append(example)
    return found


def _check_teacher(wrote: Teacher, named: Teacher | None, where: str) -> None:
    """
    Raises:
        InvalidInput: its licence is unknown or forbids it, or the recipe names no teacher, or another one.
    """
    try:
        licence = licence_of(wrote.licence).name
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}", hint=error.hint) from None
    hint = f'Under [teacher] write name = "{wrote.name}" and licence = "{licence}".'
    if named is None:
        raise InvalidInput(f"{where} was written by a teacher, whom the recipe does not name.", hint=hint)
    if (wrote.name, licence) != (named.name, licence_of(named.licence).name):
        raise InvalidInput(
            f"{where} was written by {wrote.name} ({licence}), and the recipe names {named.name} "
            f"({named.licence}) as its teacher.",
            hint=f"{hint} A run has one teacher.",
        )


def _nothing(files: Many[Path], left_out: Many[LeftOut]) -> InvalidInput:
    names = ", ".join(path.name for path in files)
    if not left_out:
        return InvalidInput(f"There is nothing to learn from in {names}.")
    first = left_out[0]
    return InvalidInput(
        f"All {len(left_out):,} examples of {names} are left out; {first.where}: {first.why}.",
        hint="Raise `context` in [data], or take shorter examples.",
    )


def digest_of(files: Many[Path], tokenizer: Tokenizer) -> str:
    """The `digest` that `dataset` gives these files; their examples are not looked at.

    Raises:
        NotFound, InvalidInput: token shards that cannot be read.
    """
    if len(files) == 1 and files[0].is_dir():
        return _digest_of_shards(Shards.open(files[0]), tokenizer)
    whole = hashlib.sha256(tokenizer.hash.encode())
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _digest_of_shards(shards: Shards, tokenizer: Tokenizer) -> str:
    facts = "".join(each["sha256"] for each in shards.manifest["files"]) + tokenizer.hash
    return hashlib.sha256(facts.encode()).hexdigest()
