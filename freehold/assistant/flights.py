"""One works, the others wait: for questions that are asked again while they are being answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from freehold.assistant.wording import read as wording
from freehold.types import Query

PATIENCE_SECONDS = 30.0
"""How long one waits for another's answer before working it out too."""


class Flights:
    """Who works on what, on one event loop. Knows nothing of answers."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._flying: dict[str, asyncio.Future[bool]] = {}

    @asynccontextmanager
    async def turn(self, key: str | None) -> AsyncIterator[None]:
        """Waits while another works on `key`; the block may then find what it left.

        Whoever has waited does not wait again, unless the other was cancelled: then one of those who wait
        takes its place. None waits for nobody.
        """
        while key is not None and (other := self._flying.get(key)) is not None:
            done, _ = await asyncio.wait({other}, timeout=self._patience)
            if not done or other.result():
                key = None
        if key is None:
            yield
            return
        mine = self._flying[key] = asyncio.get_running_loop().create_future()
        ended = False
        try:
            yield
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            del self._flying[key]
            mine.set_result(ended)


def flight(asked: tuple[Query, ...], assistant_id: str, basis: str | None) -> str | None:
    """Under which key equal questions wait for each other; only what is one question and stands alone."""
    if basis is None or len(asked) != 1 or asked[0].history:
        return None
    return f"{assistant_id} {basis} {wording(asked[0].text).exact}"
