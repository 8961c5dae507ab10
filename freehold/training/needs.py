"""The packages that a run needs beside our code and Python itself."""

from __future__ import annotations

import importlib.metadata

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "numpy")


def versions() -> dict[str, str | None]:
    """What is installed of them here; None for one that is not."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def requirements() -> str:
    """For pip: each package in the version that is installed here, `+cpu` and the like left off, as indexes
    have it."""
    pinned = {name: version.partition("+")[0] for name, version in versions().items() if version is not None}
    return " ".join(f"{name}=={pinned[name]}" if name in pinned else name for name in LIBRARIES)
