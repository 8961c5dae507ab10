"""The llama.cpp library inside the pinned `xllamacpp` wheel.

The wheel exports llama.cpp's and ggml's symbols but promises nothing about them, so exactly one release is
known here and every other is refused. What is called, and how it is laid out, the callers know.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from freehold.errors import Unavailable

WHEEL: Final = "xllamacpp"
VERSION: Final = "2026.10.11549"


def library(functions: Iterable[str]) -> ctypes.CDLL:
    """The library, when it is of the known release and has these functions.

    Raises:
        Unavailable: it is missing, another, or lacks one of them.
    """
    try:
        found = importlib.metadata.version(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable(f"The package {WHEEL} is not installed.", hint="Install Freehold again.") from None
    if found != VERSION:
        raise unknown(f"{WHEEL} {found} is installed, {VERSION} is known")
    spec = importlib.util.find_spec(WHEEL)
    folders = spec.submodule_search_locations if spec else None
    files = [file for folder in folders or () for file in sorted(Path(folder).glob(f"{WHEEL}*.so"))]
    if not files:
        raise unknown(f"{WHEEL} has no library")
    try:
        loaded = ctypes.CDLL(str(files[0]))
    except OSError as error:  # of another processor or system, or cut short
        raise unknown(f"its library is not loaded ({str(error)[:200]})") from None
    missing = [name for name in functions if not hasattr(loaded, name)]
    if missing:
        raise unknown(f"it lacks {', '.join(missing[:5])}")
    return loaded


def unknown(what: str) -> Unavailable:
    """The error that says how this build differs from the known one."""
    return Unavailable(
        f"This build of llama.cpp is not known: {what}.",
        hint=f"Install {WHEEL}=={VERSION}; without it, models are served by the wheel's own server.",
    )
