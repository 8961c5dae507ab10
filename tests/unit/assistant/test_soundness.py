"""Coefficients by name, and a score that moves the right way."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.assistant.soundness import NAMES, Mode, from_table, soundness


@pytest.mark.parametrize("mode", ["words", "reader"])
def test_shipped_coefficients_never_reward_what_is_told_otherwise(mode: Mode) -> None:
    shipped = soundness(mode)
    by_name = dict(zip(NAMES[mode], shipped.weights.tolist(), strict=True))
    for name in ("opposites", "exchanged", "turned", "stray_numbers", "missing", "added_only", "denied_not"):
        assert by_name[name] <= 0, name
    assert 0 < shipped.show_above < 1


def test_what_a_reader_finds_counts_for_a_claim() -> None:
    shipped = soundness("reader")
    assert shipped.weights[NAMES["reader"].index("read")] > 0
    assert "read" not in NAMES["words"]


def test_unknown_names_are_an_error_and_missing_ones_count_nothing() -> None:
    table = {"weights": {"missing": -2.0}, "bias": 1.0, "show_above": 0.5}
    model = from_table("words", table)
    measured = np.zeros(len(NAMES["words"]), np.float32)
    clear = model.score(measured)
    measured[NAMES["words"].index("missing")] = 1.0
    assert model.score(measured) < clear
    with pytest.raises(ValueError, match="flavour"):
        from_table("words", {**table, "weights": {"flavour": 1.0}})
    with pytest.raises(ValueError, match="read"):
        from_table("words", {**table, "weights": {"read": 1.0}})
