from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from web_parts import House
from web_parts import house as build


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with build(tmp_path / "home") as parts:
        yield parts


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as client:
        yield client
