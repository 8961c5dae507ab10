"""The shipped coefficients weigh what is measured, and confidence follows the evidence."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from freehold.assistant.answerability import answer_names, confidence, from_table, standing, weights
from freehold.assistant.evidence import COMMON, NAMES, ask, measure, read
from freehold.types import DocumentRef, Passage, Query


def passage(number: int, text: str) -> Passage:
    return Passage(number, 1, DocumentRef(1, "Shop", "shop.md"), (), text, 0, len(text))


def stands(question: str, *texts: str) -> dict[str, float]:
    asked = ask(Query(question), None, None)
    readings = [read(passage(number, text), None) for number, text in enumerate(texts)]
    measured = [measure(asked, reading, rank) for rank, reading in enumerate(readings)]
    found = standing(asked, readings, measured, np.eye(len(COMMON), dtype=np.float32)[COMMON.index("cov")])
    return dict(zip(answer_names("words"), map(float, found), strict=True))


@pytest.mark.parametrize("mode", ["hybrid", "words"])
def test_shipped_coefficients(mode: str) -> None:
    assert mode in ("hybrid", "words")
    shipped = weights(mode)
    assert shipped.piece.shape == (len(NAMES if mode == "hybrid" else COMMON),)
    assert shipped.answer.shape == (len(answer_names(mode)),)
    assert shipped.piece.any()
    assert shipped.answer.any()
    assert 0 < shipped.refuse_below < 0.6


def test_a_coefficient_of_what_is_not_measured_is_refused() -> None:
    table = json.loads(files("freehold.assistant").joinpath("answers.json").read_text("utf-8"))["words"]
    assert from_table("words", table).bias == pytest.approx(table["bias"])
    with pytest.raises(ValueError, match="moon_phase"):
        from_table("words", table | {"piece": {"moon_phase": 1.0}})


def test_standing_measures_what_is_missing() -> None:
    near = stands("Does Quill feed 7 zebras?", "Quill feeds 7 zebras. It rains.", "Nothing else.")
    far = stands("Does Quill feed 7 zebras?", "The keeper feeds hens.", "Nothing else.")
    assert near["names_missing"] == near["numbers_missing"] == near["missing_mass"] == 0
    assert far["names_missing"] == far["numbers_missing"] == 1
    assert far["missing_mass"] > 0.5
    assert near["margin"] > far["margin"]
    assert near["top_first"] == 1
    assert 0.99 < near["pair_cov"] <= 1.001


def test_one_piece_alone_has_a_standing() -> None:
    assert np.isfinite(list(stands("feed", "Feed.").values())).all()


def test_confidence_is_a_probability_whatever_is_measured() -> None:
    shipped = weights("words")
    for value in (-1e6, 0.0, 1e6):
        assert 0 <= confidence(shipped, np.full(shipped.answer.shape, value, np.float32)) <= 1
