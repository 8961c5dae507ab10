"""The reader in numpy computes what it was tuned as in torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from reader_inputs import SEEDS, given

from freehold.assistant.reader import Seen, card, shipped
from freehold.models.minilm import identity

PARITY = Path(__file__).parents[2] / "fixtures" / "reader_parity.json"
"""What torch gave; `benchmarks/reader_parity.py` wrote it."""

CLOSE = 2e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_shipped_weights_give_what_torch_gave(seed: int) -> None:
    odds, ends = json.loads(PARITY.read_bytes())[seed]
    found, places = shipped().read(*given(seed))
    assert found == pytest.approx(odds, abs=CLOSE)
    assert np.allclose(places, ends, atol=CLOSE)


def test_parity_would_notice_a_mistake() -> None:
    """Each of these, done wrongly, moves the result by at least four times what is allowed above."""
    seen, above, passage = given(0)
    right, _ = shipped().read(seen, above, passage)
    mistakes = [
        (Seen(seen.vectors, seen.weights[::-1].copy(), seen.wh), above, passage),
        (Seen(seen.vectors, seen.weights, -1), above, passage),
        (seen, above[:0], np.concatenate([above, passage])),
        (Seen(seen.vectors[::-1].copy(), seen.weights, 5), above, passage),
        (seen, above, passage[::-1].copy()),
    ]
    for mistake in mistakes:
        assert abs(shipped().read(*mistake)[0] - right) > 4 * CLOSE


def test_it_reads_what_has_no_headings_and_one_token() -> None:
    seen, above, passage = given(3)
    odds, ends = shipped().read(Seen(seen.vectors[:1], seen.weights[:1], -1), above[:0], passage[:1])
    assert np.isfinite(odds)
    assert ends.shape == (1, 2)


def test_the_card_says_whose_vectors_it_reads_and_of_what_it_is_made() -> None:
    facts = card()
    assert facts["reads"] == identity()
    assert facts["licence"] == "Apache-2.0"
    assert facts["parameters"] == sum(value.size for value in shipped()._weights.values())
    assert all({"name", "licence", "used"} <= one.keys() for one in facts["tuned_on"])
