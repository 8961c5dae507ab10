"""Examples made from questions on passages."""

from __future__ import annotations

from freehold.tasks import answer, rewrite
from freehold.tasks.readings import Reading, answers, rewrites, sentence_of

READINGS = [
    Reading(
        f"Lor{n} is long. It rises near Mount Kel{n} in the year's first thaw. Boats use it.",
        f"Where does Lor{n} rise?",
        f"near Mount Kel{n}",
        f"Lor{n}",
    )
    for n in "abcdefghijklmnopqrstuvwxyz"
]


def test_the_sentence_that_answers_is_the_passages_own() -> None:
    assert sentence_of(READINGS[0]) == "It rises near Mount Kela in the year's first thaw."
    assert sentence_of(Reading("One. Two.", "?", "One. Two")) is None


def test_an_answer_is_that_sentence_with_the_mark_of_its_passage() -> None:
    made = list(answers(READINGS))
    assert len(made) == len(READINGS)
    refused = 0
    for reading, each in zip(READINGS, made, strict=True):
        blocks = [each.system[start:end] for start, end in each.passages]
        assert 1 <= len(blocks) <= 4 and each.turns[0].text == reading.question
        if answer.refuses(each.target):
            refused += 1
            assert reading.passage not in each.system
        else:
            text, (number,) = answer.cited(each.target)
            assert text == sentence_of(reading) and reading.passage in blocks[number - 1]
    assert 1 <= refused <= 14


def test_where_the_gold_passage_stands_says_nothing() -> None:
    marks = {answer.cited(each.target)[1] for each in answers(READINGS)}
    assert {(1,), (2,)} <= marks


def test_a_conversation_leans_on_the_name_in_the_turn_before() -> None:
    made = list(rewrites(READINGS))
    assert len(made) == len(READINGS)
    leaning = [each for each in made if each.target not in each.turns[0].text]
    assert 0.4 < len(leaning) / len(made) < 0.95
    first = leaning[0].turns[0].text.splitlines()
    name = leaning[0].target.split()[-2]
    assert name in first[0] and first[1].startswith(f"Assistant: {name} is long")
    assert first[2] == "Customer: Where does it rise?" and leaning[0].system == rewrite.POLICY


def test_a_possessive_becomes_its_and_parts_of_names_stay() -> None:
    reading = Reading("Mount Kel stands alone.", "How high is Mount Kel's top?", "alone")
    asked = {each.turns[0].text.splitlines()[-1] for seed in range(9) for each in rewrites([reading], seed)}
    assert asked == {"Customer: How high is its top?", "Customer: How high is Mount Kel's top?"}
    for question in ("What grows on the Kel plains?", "Who are the largest groups of western Kel people?"):
        assert not list(rewrites([Reading("Kel is flat.", question, "flat")]))


def test_the_same_seed_gives_the_same_examples() -> None:
    assert list(answers(READINGS, 1)) == list(answers(READINGS, 1)) != list(answers(READINGS, 2))


def test_nothing_is_made_of_nothing() -> None:
    assert list(answers([])) == [] == list(rewrites([]))
    (alone,) = answers(READINGS[:1])
    assert not answer.refuses(alone.target) and len(alone.passages) == 1
