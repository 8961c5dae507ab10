"""The learning rate, step by step."""

from __future__ import annotations

import pytest

from freehold.training.recipe import Schedule
from freehold.training.schedule import share


def course(steps: int = 100, **settings: object) -> list[float]:
    return [share(Schedule(**settings), step, steps) for step in range(steps)]


def test_cosine_rises_and_falls_to_its_end() -> None:
    found = course(kind="cosine", warmup=0.1, final=0.2)
    assert found[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert found[10] == 1.0
    assert found[10 + 89 // 2] == pytest.approx(0.6, abs=0.02)
    assert found[-1] == pytest.approx(0.2)
    assert found[10:] == sorted(found[10:], reverse=True)


def test_wsd_holds_until_the_end() -> None:
    found = course(kind="wsd", warmup=0.1, decay=0.3, final=0.0)
    assert set(found[10:70]) == {1.0}
    assert found[70:] == sorted(found[70:], reverse=True)
    assert found[-1] == pytest.approx(0.0)


def test_constant_and_very_short_runs() -> None:
    assert course(kind="constant", warmup=0.0) == [1.0] * 100
    assert course(1) == [1.0]
    assert all(0 < each <= 1 for kind in ("cosine", "wsd") for each in course(2, kind=kind, warmup=0.5))
