"""Shows how far a job is: a bar on a terminal, a line now and then elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from freehold.cli.output import line, note

PLAIN_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


class Bar:
    """One bar, for one piece of work."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._said_at = clock()
        self._rich: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._rich = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[current]}", markup=False, style="dim"),
                console=Console(stderr=True, highlight=False, markup=False),
                transient=True,
            )
            self._rich.start()
            self._task = self._rich.add_task(self._title, total=None, current="")
        return self

    def update(self, done: int, total: int, current: str) -> None:
        """`total` 0: not known yet. Without a terminal nothing is said while nothing is known."""
        if self._rich is not None:
            shown = line(current)
            if len(shown) > 40:
                shown = "…" + shown[-39:]
            self._rich.update(self._task, completed=done, total=total or None, current=shown)
        elif self._clock() - self._said_at >= PLAIN_EVERY and (done or total or current):
            self._said_at = self._clock()
            far = f"{done:,}/{total:,}" if total else f"{done:,}" if done else ""
            note(" ".join(part for part in (self._title, far, line(current)) if part))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()
