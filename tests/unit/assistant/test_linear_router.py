"""The linear router in service: changed without a restart, and left out when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freehold.assistant.linear_router import LinearRouter
from freehold.tasks.linear_route import LinearRoute, write
from freehold.testing import FakeEmbedder

EMBEDDER = FakeEmbedder()


def learnt(*texts: str, embedder: str = EMBEDDER.name) -> LinearRoute:
    """A router whose labels are the texts that it knows."""
    weights = 20 * EMBEDDER.embed(texts)
    return LinearRoute(
        weights, np.zeros(len(texts), np.float32), texts, 1.0, dict.fromkeys(texts, 0.5), embedder, {}
    )


def test_another_file_is_taken_up_and_none_routes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "router.safetensors"
    router = LinearRouter(path, EMBEDDER)
    assert router("where is my card") is None
    write(learnt("where is my card", "close my account"), path)
    assert (found := router("where is my card")) is not None and found.label == "where is my card"
    write(learnt("refund an order", "where is my card", "change a loan"), path)
    assert (found := router("refund an order")) is not None and found.label == "refund an order"
    path.unlink()
    assert router("refund an order") is None


def test_a_router_of_another_embedding_model_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "router.safetensors"
    write(learnt("a card", "a loan", embedder="another"), path)
    router = LinearRouter(path, EMBEDDER)
    assert router("a card") is None and router("a loan") is None
    assert [each.getMessage() for each in caplog.records if "another" in each.getMessage()] == [
        "Messages are not routed: the router was learnt from the embedding model another, which is not the"
        f" one in service ({EMBEDDER.name}). Train it anew."
    ]


def test_a_damaged_file_is_said_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "router.safetensors"
    path.write_bytes(b"nothing")
    assert LinearRouter(path, EMBEDDER)("a card") is None
    assert "is not a router" in caplog.text
    assert LinearRouter(path, None)("a card") is None
