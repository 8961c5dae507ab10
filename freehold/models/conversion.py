"""Models in another format, made by the workshop's process: started, listened to, and ended with us."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from freehold.errors import EngineError, FreeholdError, ModelRejected, Unavailable
from freehold.models.formats.new_file import Progress

COMMAND = (sys.executable, "-m", "freehold.models.workshop")
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "OMP_NUM_THREADS")
"""All that it sees of the environment: keys and tokens are not for it."""
MAX_LINE = 300


def converted(
    source: Path,
    target: Path,
    *,
    to: Literal["gguf", "hf"] = "gguf",
    base: Path | None = None,
    quantise: str | None = None,
    progress: Progress | None = None,
    command: tuple[str, ...] = COMMAND,
) -> dict[str, Any]:
    """Makes `target` of the weights in `source`; gives what was made of what: `{made, files}`.

    An exception from `progress` ends the work.

    Raises:
        FreeholdError: what the workshop failed with.
        ModelRejected: the chat template takes hours to read.
        Unavailable: it was ended from outside, as the system does when memory is short.
    """
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    options = {"--base": base, "--quantise": quantise}
    given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
    process = subprocess.Popen(
        [*command, to, str(source), str(target), *given],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            result, last = _listen(process, progress)
            process.wait()
        finally:
            process.kill()
    if process.returncode == -signal.SIGKILL and not result:
        raise Unavailable(
            "The conversion was ended from outside, most likely because memory was short.",
            hint="Close other programs, or convert on a larger machine.",
        )
    if process.returncode == -signal.SIGPROF:
        raise ModelRejected(
            "The model's chat template takes too long to read.",
            hint="Take the model in a version with a sound template.",
        )
    if "error" in result:
        raise error_from(result["error"])
    if process.returncode or "made" not in result:
        raise EngineError(
            f"The conversion failed (status {process.returncode}).",
            hint=last or None,
        )
    return result


def _listen(process: subprocess.Popen[str], progress: Progress | None) -> tuple[dict[str, Any], str]:
    """Passes its progress on until it ends; gives the last that it said besides, and its libraries' last."""
    result: dict[str, Any] = {}
    last = ""
    for line in process.stdout or ():
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):  # a library's line, which may be JSON by chance
            last = line.strip()[:MAX_LINE] or last
            continue
        if "total" not in said:
            result = said
        elif progress is not None:
            progress(said["done"], said["total"])
    return result, last


def error_from(fields: dict[str, Any]) -> FreeholdError:
    """The error that another process of ours wrote as JSON."""
    kind = next((kind for kind in _kinds(FreeholdError) if kind.code == fields.get("code")), FreeholdError)
    return kind(str(fields.get("message")), hint=fields.get("hint"))


def _kinds(kind: type[FreeholdError]) -> Iterator[type[FreeholdError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
