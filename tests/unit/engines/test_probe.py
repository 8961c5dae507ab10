"""Measuring this machine: real workers, on models small enough for a test."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from freehold.engines import probe


def test_each_type_gets_a_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(probe.WIDE, width=256, inner_width=512, heads=4, kv_heads=2)
    monkeypatch.setattr(probe, "WIDE", small)
    monkeypatch.setattr(probe, "MANY", 8)
    monkeypatch.setattr(probe, "LAYERS", {"F16": 2, "Q4_K": 2})
    found = asyncio.run(probe.found(1, tmp_path))
    assert found.threads == 1
    assert set(found.written) == set(found.read) == {"F16", "Q4_K"}
    assert all(speed > 1e6 for speed in (*found.written.values(), *found.read.values()))
    assert 0 <= found.layer_seconds < 0.1
    assert 0 <= found.token_seconds < 1
    assert list(tmp_path.iterdir()) == [], "nothing is left of the models"
