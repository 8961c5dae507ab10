"""Adding a remote model over REST: its endpoint is asked, its description kept."""

from __future__ import annotations

from pathlib import Path

import httpx
from replay import replay, vllm
from web_parts import START_TOKEN, bearer, house

VLLM = "meta-llama/Llama-3.1-8B-Instruct"


async def test_an_endpoint_is_asked_and_kept(tmp_path: Path) -> None:
    async with replay(vllm) as there:
        with house(tmp_path, allowed_private=("127.0.0.1",)) as at:
            transport = httpx.ASGITransport(app=at.app, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8642") as client:
                wish = {"url": f"http://127.0.0.1:{there.port}/v1/", "name": "far", "price_out": 0.4}
                added = await client.post("/api/v1/models/endpoints", json=wish, headers=bearer(START_TOKEN))
                assert added.status_code == 201, added.text
                assert (added.json()["models"], added.json()["counts_tokens"]) == ([VLLM], True)
                shown = await client.get("/api/v1/models/far", headers=bearer(START_TOKEN))
                assert shown.json()["facts"] == {
                    "url": f"http://127.0.0.1:{there.port}/v1",
                    "model": VLLM,
                    "context_length": 8192,
                    "key_variable": None,
                    "price_in": None,
                    "price_out": 0.4,
                }
                again = await client.post("/api/v1/models/endpoints", json=wish, headers=bearer(START_TOKEN))
                assert again.json()["model"]["id"] == added.json()["model"]["id"]
                nobody = await client.post("/api/v1/models/endpoints", json=wish)
                assert nobody.status_code == 401
