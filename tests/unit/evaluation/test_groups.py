"""Questions that ask for the same stand in one group."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.engines.base import Embedder
from freehold.evaluation.groups import group
from freehold.testing import FakeEmbedder

QUESTIONS = [
    "Do you repair bicycles?",
    "Where can I park my car?",
    "Can you repair my bicycle?",
    "Is there a student discount?",
    "Repair of a bicycle: do you do it?",
    "Is there a discount for a student?",
]


@pytest.mark.parametrize("embedder", [FakeEmbedder(256), None], ids=["meaning", "words"])
def test_largest_group_first_and_the_most_typical_question_leads(embedder: Embedder | None) -> None:
    found = group(QUESTIONS, embedder)
    assert [sorted(one.members) for one in found] == [[0, 2, 4], [3, 5], [1]]
    assert found[0].members[0] in (0, 2, 4)


def test_none_and_one() -> None:
    assert group([], None) == []
    assert [one.members for one in group(["Only this?"], None)] == [(0,)]


def test_all_questions_are_in_one_group_each() -> None:
    random = np.random.default_rng(1)
    words = [f"word{n}" for n in range(40)]
    questions = [" ".join(random.choice(words, 4)) + "?" for _ in range(300)]
    members = [at for one in group(questions, None) for at in one.members]
    assert sorted(members) == list(range(300))
