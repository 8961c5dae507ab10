"""Documents that are nearly the same, and those that only look it."""

from __future__ import annotations

import random

from freehold.training.grams import Words, grams
from freehold.training.near import Near

VOCABULARY = [f"word{number}" for number in range(3000)]


def text(seed: int, words: int = 400) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=words)


def test_documents_with_few_changes_are_found() -> None:
    words, near = Words(), Near(alike=0.8)
    original = text(1)
    assert not near.seen(words.numbers(" ".join(original)))
    assert near.seen(words.numbers(" ".join(original)))
    changed = [*original]
    for place in (50, 150, 250, 350):
        changed[place] = "another"
    assert near.seen(words.numbers(" ".join(changed).upper()))


def test_documents_that_share_half_are_kept() -> None:
    words, near = Words(), Near(alike=0.8)
    original = text(1)
    assert not near.seen(words.numbers(" ".join(original)))
    assert not near.seen(words.numbers(" ".join(original[:200] + text(2, 200))))
    assert not any(near.seen(words.numbers(" ".join(text(seed)))) for seed in range(10, 60))


def test_short_and_empty_documents_are_compared_too() -> None:
    words, near = Words(), Near(alike=0.8)
    assert not near.seen(words.numbers("three short words"))
    assert near.seen(words.numbers("Three short words."))
    assert not near.seen(words.numbers("other short words"))


def test_runs_depend_on_the_words_their_order_and_their_length() -> None:
    words = Words()
    one, two = words.numbers("a b c a b c"), words.numbers("c b a")
    assert list(grams(one, 3)).count(grams(one, 3)[0]) == 2
    assert len(set(grams(one, 3))) == 3
    assert grams(two, 3)[0] not in grams(one, 3)
    assert not set(grams(one, 2)) & set(grams(one, 3))
    assert len(grams(two, 4)) == 0
