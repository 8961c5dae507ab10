"""Learning the linear router from vectors that stand in for embeddings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from freehold.errors import InvalidInput
from freehold.tasks.learnt import fingerprint
from freehold.tasks.route import OUT_OF_SCOPE, PERSON
from freehold.training import linear

pytest.importorskip("sklearn")

Made = tuple[list[tuple[str, str]], NDArray[np.float32]]


def made(labels: dict[str, int], noise: float, seed: int = 0) -> Made:
    """Messages around a direction for each label, on the unit sphere."""
    random = np.random.default_rng(seed)
    rows, vectors = [], []
    for label, number in labels.items():
        centre = random.normal(size=16)
        for each in range(number):
            vector = centre / np.linalg.norm(centre) + noise * random.normal(size=16)
            rows.append((f"{label} {each}", label))
            vectors.append(vector / np.linalg.norm(vector))
    return rows, np.array(vectors, dtype=np.float32)


def test_labels_that_lie_apart_are_learnt() -> None:
    rows, vectors = made({"card": 40, "loan": 40, "fee": 7}, noise=0.1)
    router = linear.fit(rows, vectors, "mini")
    assert [router.route(each).label for each in vectors] == [label for _, label in rows]
    assert router.facts["accuracy"] == 1.0 and router.facts["held_out"] == 8 + 8 + 1
    assert router.embedder == "mini" and router.facts["messages"] == 87


def test_it_keeps_which_messages_it_learnt_and_what_it_said_of_those_held_out() -> None:
    rows, vectors = made({"card": 200, "loan": 200}, noise=0.6)
    router = linear.fit(rows, vectors, "mini")
    known = router.learnt.known()
    apart = linear.held_out(rows)
    said = [known[fingerprint(message)] for message, _ in rows]
    assert [each >= 0 for each in said] == apart.tolist()
    pairs = zip(said, rows, strict=True)
    right = sum(router.labels[each] == label for each, (_, label) in pairs if each >= 0)
    assert right == router.facts["right"] < router.facts["held_out"]


def test_two_labels_are_enough() -> None:
    rows, vectors = made({"card": 20, "loan": 20}, noise=0.1)
    router = linear.fit(rows, vectors, "mini")
    assert [router.route(each).label for each in vectors] == [label for _, label in rows]


def test_where_labels_run_into_each_other_the_figures_say_so() -> None:
    rows, vectors = made({"card": 200, "loan": 200, "fee": 200}, noise=0.6)
    facts = linear.fit(rows, vectors, "mini").facts
    assert 0.4 < facts["accuracy"] < 0.95
    assert facts["right"] == round(facts["accuracy"] * facts["held_out"])


def test_chances_are_about_as_right_as_they_say() -> None:
    rows, vectors = made({"card": 400, "loan": 400, "fee": 400}, noise=0.6)
    router = linear.fit(rows, vectors, "mini")
    apart = linear.held_out(rows)
    chances = router.chances(vectors[apart])
    said = [router.labels[best] for best in chances.argmax(axis=1)]
    gold = [label for (_, label), out in zip(rows, apart, strict=True) if out]
    assert abs(chances.max(axis=1).mean() - np.mean([a == b for a, b in zip(said, gold, strict=True)])) < 0.06


def test_few_messages_are_taken_for_out_of_scope_or_for_wanting_a_person() -> None:
    rows, vectors = made({"card": 300, "loan": 300, OUT_OF_SCOPE: 100, PERSON: 100}, noise=0.5)
    router = linear.fit(rows, vectors, "mini")
    for reserved in (OUT_OF_SCOPE, PERSON):
        assert set(router.facts[reserved]) == {"recall", "false_alarms"}
        others = [vector for (_, label), vector in zip(rows, vectors, strict=True) if label != reserved]
        routes = [router.route(each) for each in others]
        assert np.mean([each.label == reserved and each.sure for each in routes]) <= 0.03
        assert 0 <= router.limits[reserved] < 1
    assert router.limits["card"] == router.limits["loan"] > 0


def test_a_reserved_label_without_others_held_out_beside_it_needs_even_odds() -> None:
    rows, vectors = made({OUT_OF_SCOPE: 10, "card": 4}, noise=0.1)  # of four, none is held out
    assert linear.fit(rows, vectors, "mini").limits[OUT_OF_SCOPE] == 0.5


def test_the_same_messages_give_the_same_router() -> None:
    rows, vectors = made({"card": 30, "loan": 30, "fee": 30}, noise=0.3)
    one, two = linear.fit(rows, vectors, "mini"), linear.fit(rows, vectors, "mini")
    assert np.array_equal(one.weights, two.weights) and one.facts == two.facts
    assert linear.dataset_hash(rows) == linear.dataset_hash(rows[::-1]) != linear.dataset_hash(rows[1:])


def test_too_little_to_learn_from() -> None:
    with pytest.raises(InvalidInput, match="at least two labels"):
        linear.fit(*made({"card": 20}, noise=0.1), "mini")
    with pytest.raises(InvalidInput, match="five messages"):
        linear.fit(*made({"card": 4, "loan": 3}, noise=0.1), "mini")
