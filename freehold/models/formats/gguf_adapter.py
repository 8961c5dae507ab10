"""Adapters in GGUF: what the header of a LoRA says, and which models it can be put on.

As llama.cpp reads them: pairs of tensors `NAME.lora_a` and `NAME.lora_b` for the base's tensor NAME. A base
fits when it is of the same architecture and has each of these tensors in the shape that the pair has; whether
the adapter was trained on these very weights, no shape can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.models.formats.gguf import Header, check_size, header

A, B = ".lora_a", ".lora_b"
EMBEDDING = "token_embd.weight"
"""Looked up by row, so its pair is laid the other way round."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What the header of a GGUF adapter says."""

    file_size: int
    name: str
    architecture: str
    rank: int
    """The largest of its pairs'."""
    alpha: float
    """At scale 1 a pair's product counts alpha / rank; 0 stands for its rank."""
    parameters: int
    quantisation: str
    tensors: int
    tensor_bytes: int
    expected_size: int
    """Bytes up to the last tensor's end; a shorter file is truncated."""
    bases: tuple[str, ...]
    """Names and addresses of the models that it says it was trained on; often none."""
    shapes: dict[str, Shape]
    """By the base's tensor: the shape that it must have, contiguous dimension first."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a database or an interface; without the shapes."""
        names = ("name", "architecture", "rank", "alpha", "parameters", "quantisation", "tensors")
        sizes = ("tensor_bytes", "file_size")
        return {name: getattr(self, name) for name in (*names, *sizes)} | {"bases": list(self.bases)}


def read_adapter(path: Path) -> AdapterFacts:
    """The header of a LoRA, of a file that also holds all the data its header speaks of.

    Raises:
        ModelRejected: it is no such file; the message says why.
    """
    with header(path) as found:
        facts = _facts(found, path.stem)
    check_size(path, facts.file_size, facts.expected_size)
    return facts


def misfit(adapter: AdapterFacts, base: Path) -> str | None:
    """Why the model in `base` cannot be the adapter's; None when it can.

    Raises:
        ModelRejected: `base` is no sound GGUF.
    """
    with header(base) as found:
        if found.values.get("general.architecture") != adapter.architecture:
            return f"it is a {found.values.get('general.architecture')}, not a {adapter.architecture}"
        for name, wanted in adapter.shapes.items():
            there = found.shapes.get(name)
            if there is None:
                return f"it has no tensor {name}"
            if there != wanted:
                return f"its tensor {name} is {_times(there)}, not {_times(wanted)}"
    return None


def _facts(found: Header, stem: str) -> AdapterFacts:
    values = found.values
    if found.kind != "adapter":
        raise found.wrong(f"it holds a {found.kind}, not an adapter")
    if (kind := values.get("adapter.type")) != "lora":
        raise found.wrong(f"an adapter of the type {str(kind)[:40]} is not served", "LoRA adapters are.")
    architecture, alpha = values.get("general.architecture"), values.get("adapter.lora.alpha")
    if not isinstance(architecture, str) or not architecture:
        raise found.wrong("general.architecture is missing")
    if not isinstance(alpha, float) or not abs(alpha) < 1e6:
        raise found.wrong(f"adapter.lora.alpha is {str(alpha)[:40]}")
    shapes, rank = _pairs(found)
    name = values.get("general.name")
    return AdapterFacts(
        file_size=found.cursor.size,
        name=name if isinstance(name, str) and name.strip() else stem,
        architecture=architecture,
        rank=rank,
        alpha=alpha,
        parameters=found.parameters,
        quantisation=found.usual_type(),
        tensors=len(found.shapes),
        tensor_bytes=sum(found.bytes_by_type.values()),
        expected_size=found.end,
        bases=_bases(values),
        shapes=shapes,
    )


def _pairs(found: Header) -> tuple[dict[str, Shape], int]:
    """What shapes the pairs stand for, and the largest rank among them."""
    shapes: dict[str, Shape] = {}
    ranks = set()
    for name in found.shapes:
        base, part = name[: -len(A)], name[-len(A) :]
        other = base + (B if part == A else A)
        if part not in (A, B) or other not in found.shapes:
            raise found.wrong(f"the tensor {name} is no half of a LoRA's pair")
        a, b = found.shapes[base + A], found.shapes[base + B]
        if len(a) != 2 or len(b) != 2:
            raise found.wrong(f"the pair of {base} has no two dimensions each")
        rank, same = (a[0], b[0]) if base == EMBEDDING else (a[1], b[0])
        if rank != same:
            raise found.wrong(f"the pair of {base} has the ranks {rank} and {same}")
        shapes[base] = (b[1], a[1]) if base == EMBEDDING else (a[0], b[1])
        ranks.add(rank)
    return shapes, max(ranks)


def _bases(values: dict[str, Any]) -> tuple[str, ...]:
    count = values.get("general.base_model.count", 0)
    keys = (
        f"general.base_model.{number}.{what}"
        for number in range(count if isinstance(count, int) and 0 <= count <= 16 else 0)
        for what in ("name", "repo_url")
    )
    return tuple(value for key in keys if isinstance(value := values.get(key), str) and value)


def _times(shape: Shape) -> str:
    return " × ".join(map(str, shape))
