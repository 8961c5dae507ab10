"""Coefficients by name, and a score that moves the right way."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.assistant.soundness import from_table, soundness
from freehold.assistant.support import NAMES


def test_shipped_coefficients_never_reward_what_is_told_otherwise() -> None:
    shipped = soundness()
    by_name = dict(zip(NAMES, shipped.weights.tolist(), strict=True))
    for name in ("opposites", "exchanged", "turned", "stray_numbers", "missing", "added_only", "denied_not"):
        assert by_name[name] <= 0, name
    assert 0 < shipped.show_above < 1


def test_unknown_names_are_an_error_and_missing_ones_count_nothing() -> None:
    table = {"weights": {"missing": -2.0}, "bias": 1.0, "show_above": 0.5}
    model = from_table(table)
    measured = np.zeros(len(NAMES), np.float32)
    clear = model.score(measured)
    measured[NAMES.index("missing")] = 1.0
    assert model.score(measured) < clear
    with pytest.raises(ValueError, match="flavour"):
        from_table({**table, "weights": {"flavour": 1.0}})
