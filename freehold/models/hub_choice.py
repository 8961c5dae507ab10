"""Which of a repository's files are fetched: those that make one model, and none that could hold code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.hub import HubFile, Repository
from freehold.models.licences import TEXT_FILES

SETTINGS = frozenset(
    """config.json generation_config.json adapter_config.json tokenizer.json tokenizer.model
    tokenizer_config.json special_tokens_map.json added_tokens.json vocab.json merges.txt
    chat_template.jinja chat_template.json README.md""".split()
)
MAX_SETTINGS_BYTES = 64 * 2**20
"""Of one file that is no weights; the largest tokenizers have 35 MB."""

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5")
_SHARD = re.compile(r"(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")


def chosen(repository: Repository, wanted: str | None = None) -> tuple[HubFile, ...]:
    """The GGUF file named, or the only one; else the checkpoint or adapter in safetensors at the top.

    Small files come first, so that a fault in them is found before the weights are fetched.

    Raises:
        InvalidInput: there is no such file, or several GGUF files to choose from.
        ModelRejected: the weights are there only in a form that is not read.
    """
    top = [each for each in repository.files if "/" not in each.path]
    ggufs = [each for each in repository.files if each.path.endswith(".gguf")]
    if wanted is not None:
        return _one(repository, ggufs, wanted), *_terms(top)
    weights = [each for each in top if _SHARD.fullmatch(each.path)]
    if any(each.path.endswith(".safetensors") for each in weights):
        settings = [each for each in top if each.path in SETTINGS or TEXT_FILES.fullmatch(each.path)]
        for each in settings:
            if each.size > MAX_SETTINGS_BYTES:
                raise ModelRejected(f"{each.path} of {repository.name} has {each.size:,} bytes.")
        return tuple(sorted([*settings, *weights], key=lambda each: (each in weights, each.path)))
    if len(ggufs) == 1:
        return ggufs[0], *_terms(top)
    if ggufs:
        names = ", ".join(f"{each.path} ({each.size / 1e9:.1f} GB)" for each in ggufs[:40])
        raise InvalidInput(f"{repository.name} has several models: {names}.", hint="Choose one: --file NAME.")
    pickled = [each.path for each in top if each.path.endswith(PICKLES)]
    if pickled:
        raise ModelRejected(
            f"{repository.name} has its weights only as {', '.join(pickled[:3])}: such files can run code"
            " when they are read, and are not.",
            hint="Ask its makers for safetensors, or take a GGUF of the same model.",
        )
    raise ModelRejected(f"{repository.name} has no weights in safetensors or GGUF.")


def _one(repository: Repository, ggufs: Sequence[HubFile], wanted: str) -> HubFile:
    found = [each for each in ggufs if wanted in (each.path, each.path.rpartition("/")[2])]
    if len(found) == 1:
        return found[0]
    if wanted.endswith(PICKLES):
        raise ModelRejected(f"{wanted} can run code when it is read, and is not.")
    names = ", ".join(each.path for each in ggufs[:40])
    raise InvalidInput(
        f"{repository.name} has no GGUF file {wanted}.", hint=f"It has: {names}." if names else None
    )


def _terms(top: Sequence[HubFile]) -> list[HubFile]:
    """Licence, notice and card, of a size that a text has."""
    return [
        each
        for each in top
        if (TEXT_FILES.fullmatch(each.path) or each.path == "README.md") and each.size <= 2**20
    ]
