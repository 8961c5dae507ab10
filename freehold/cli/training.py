"""The training process, seen from the command that started it: its lines, its end, its being stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from freehold.cli.client import error_from
from freehold.cli.output import line, note
from freehold.errors import FreeholdError, TrainingFailed

Said = dict[str, Any]
STOPPED = 3
"""Exit status of a run that stopped before its end, with a checkpoint."""
_TAIL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended, when it did not fail."""

    last: Said
    """Its last line."""
    stopped: bool
    by_hand: bool
    """Ctrl-C stopped it."""


def follow(arguments: Sequence[str], hear: Callable[[Said], None]) -> Ended:
    """Runs `python -m freehold.training` with these arguments; `hear` gets each of its lines.

    Ctrl-C asks it to stop after the step at hand; a second one ends it at once.

    Raises:
        FreeholdError: what it said that it failed by.
        TrainingFailed: it died without saying why.
    """
    # out of the terminal's reach, so that a Ctrl-C comes to it once: from here
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "freehold.training", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")},
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        last: Said = {}
        by_hand = False
        while True:
            try:
                for text in process.stdout:
                    last = _read(text) or last
                    hear(last)
                process.wait()
                break
            except KeyboardInterrupt:
                if by_hand:
                    process.kill()
                    raise
                by_hand = True
                note("Stopping after this step; Ctrl-C again ends it at once.")
                process.send_signal(signal.SIGINT)
            except BaseException:
                process.kill()
                raise
        if process.returncode in (0, STOPPED):
            return Ended(last, stopped=process.returncode == STOPPED, by_hand=by_hand)
        raise _failure(last, process.returncode, errors)


def _read(text: bytes) -> Said:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _failure(last: Said, status: int, errors: IO[bytes]) -> FreeholdError:
    if last.get("event") == "failed":
        return error_from(last, 500)
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _TAIL_BYTES))
    lines = [each for each in errors.read().decode(errors="replace").splitlines() if each.strip()]
    if status < 0:
        how = f"was ended by {signal.Signals(-status).name}"
        hint = "The machine may be short of memory. The same command goes on from the last checkpoint."
    else:
        how = f"ended with code {status}"
        hint = line(lines[-1])[:300] if lines else "It did not say why."
    return TrainingFailed(f"The training process {how}.", hint=hint)
