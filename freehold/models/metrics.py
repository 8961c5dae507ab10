"""A model's figures as its lineage keeps them, laid out for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(metrics: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """Names and values in the order of the names, `route.accuracy` of what is nested, to six digits; without
    what is not known."""
    for name in sorted(metrics):
        value = metrics[name]
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", float(f"{value:.6g}") if isinstance(value, float) else value
