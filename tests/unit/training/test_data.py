"""From files to sequences: what is read, what is refused, what is left out and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_llama
import tiny_runs

from freehold.errors import InvalidInput, NotFound
from freehold.training import tokens
from freehold.training.data import Dataset, dataset
from freehold.training.recipe import load
from freehold.training.shards import ShardWriter


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama.tokenizer_folder(tmp_path_factory.mktemp("tokenizer") / "base")


def read(folder: Path, base: Path, objective: str = "supervised", **data: object) -> Dataset:
    path = folder / "train.jsonl"
    if not path.exists():
        path.write_text("")
    recipe = load(tiny_runs.recipe(folder, objective, model={"start": str(base)}, data=data))
    return dataset(recipe, recipe.data.train, tokens.load(base))


GOOD = {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"messages": [', "train.jsonl:3 is not JSON"),
        ("\xff", "train.jsonl:3 is not JSON"),
        ("3", "train.jsonl:3 is not a JSON object"),
        ('{"messages": [{"role": "user", "content": "\\ud800"}]}', "train.jsonl:3 holds half a character"),
        ("{}", "train.jsonl:3 has no list `messages`"),
        ('{"messages": [{"role": "tool", "content": "x"}]}', "train.jsonl:3 has a message that is none"),
        ('{"messages": [{"role": "user"}]}', "train.jsonl:3 has a message that is none"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "does not end with the assistant's"),
        (json.dumps({"messages": [GOOD], "passages": 3}), "a list of pairs of numbers"),
        (json.dumps({"messages": [GOOD], "passages": [[0, 9]]}), "lies outside the first message"),
        (json.dumps({"messages": [GOOD], "passages": [[2, 2]]}), "or is empty"),
        (json.dumps({"messages": [GOOD], "passages": [[0, 1], [2, 3]]}), "have to follow one another"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(
    tmp_path: Path, base: Path, line: str, said: str
) -> None:
    path = tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.conversations(1))
    with path.open("ab") as file:
        file.write(b"\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, base)
    assert said in caught.value.message


def test_an_example_with_the_character_that_marks_passages_is_left_out(tmp_path: Path, base: Path) -> None:
    """One customer who types it must not end every run that learns from the conversation."""
    sly = {"messages": [{"role": "user", "content": "a\ue0f8b"}, GOOD], "passages": [[0, 1]]}
    tiny_runs.write_lines(tmp_path / "train.jsonl", [*tiny_runs.conversations(2), sly])
    assert [each.where for each in read(tmp_path, base).left_out] == ["train.jsonl:3"]


def test_examples_longer_than_the_context_are_counted_and_named_not_cut(tmp_path: Path, base: Path) -> None:
    long = {"messages": [{"role": "user", "content": "why? " * 200}, GOOD]}
    sly = {"messages": [{"role": "user", "content": "<|eot_id|>"}, GOOD]}
    tiny_runs.write_lines(tmp_path / "train.jsonl", [*tiny_runs.conversations(3), long, sly])
    made = read(tmp_path, base)
    assert len(made) == 3
    assert [each.where for each in made.left_out] == ["train.jsonl:4", "train.jsonl:5"]
    assert "more than 128" in made.left_out[0].why
    assert "control token <|eot_id|>" in made.left_out[1].why


def test_nothing_left_is_an_error_that_says_why(tmp_path: Path, base: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nothing to learn from in train\.jsonl"):
        read(tmp_path, base)
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.conversations(2))
    with pytest.raises(InvalidInput, match=r"All 2 examples .* train\.jsonl:1: .* more than 8"):
        read(tmp_path, base, context=8)


def test_preference_reads_marks_and_exchanges_answers(tmp_path: Path, base: Path) -> None:
    path = tmp_path / "train.jsonl"
    tiny_runs.write_lines(path, tiny_runs.conversations(5, good=lambda number: number % 2 == 0))
    made = read(tmp_path, base, "preference")
    assert made.good is not None
    assert made.good.tolist() == [True, False, True, False, True]
    reader = tokens.load(base).inner
    own = [reader.decode(each.targets.tolist()) for each in made.sequences]
    others = [reader.decode(each.targets.tolist()) for each in made.exchanged]
    assert sorted(own) == sorted(others)
    assert all(mine != other for mine, other in zip(own, others, strict=True))
    tiny_runs.write_lines(path, tiny_runs.conversations(5))
    with pytest.raises(InvalidInput, match=r"train\.jsonl:1 does not say whether it is `good`"):
        read(tmp_path, base, "preference")


def test_a_share_of_the_examples_is_laid_out_as_blocks_always_the_same(tmp_path: Path, base: Path) -> None:
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.grounded(40))
    made = []
    for kind, share in (("causal", 1.0), ("blocks", 1.0), ("blocks", 0.5), ("blocks", 0.5)):
        found = read(tmp_path, base, context=512, attention=kind, blocks_share=share)
        made.append([len(each.pieces) for each in found.sequences])
    assert set(made[0]) == {1}
    assert set(made[1]) == {4}
    assert 8 < made[2].count(4) < 32
    assert made[2] == made[3]


def test_texts_become_rows_in_which_documents_keep_to_themselves(tmp_path: Path, base: Path) -> None:
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.texts(6))
    made = read(tmp_path, base, "next-token", context=50)
    reader = tokens.load(base)
    begin, end = reader.number("<|begin_of_text|>"), reader.number("<|end_of_text|>")
    stream = [token for row in made.sequences for token in row.tokens.tolist()]
    whole = [t for text in tiny_runs.texts(6) for t in [*reader.inner.encode(text["text"]).ids, end]]
    assert stream == whole[: len(stream)]
    assert len(whole) - len(stream) < 50
    for number, row in enumerate(made.sequences):
        assert len(row) == 50
        for piece in row.pieces:
            assert piece.past == piece.start
            assert row.positions[piece.start : piece.end].tolist() == list(range(piece.end - piece.start))
        assert all(row.tokens[piece.start] == begin for piece in row.pieces[1:])
        assert begin not in row.targets  # nobody foretells how the next document begins
        assert row.targets.tolist() == [
            whole[number * 50 + place + 1] for place in range(50) if place in row.at
        ]


def test_shards_are_the_same_rows_as_their_texts(tmp_path: Path, base: Path) -> None:
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.texts(6))
    plain = read(tmp_path, base, "next-token", context=50)
    reader = tokens.load(base)
    writer = ShardWriter(tmp_path / "shards", vocabulary=reader.size(), tokenizer=reader.hash)
    for text in tiny_runs.texts(6):
        writer.add([*reader.inner.encode(text["text"]).ids, reader.number("<|end_of_text|>")])
    writer.close()
    made = read(tmp_path, base, "next-token", context=50, train="shards")
    assert len(made) == len(plain)
    for one, two in zip(made.sequences, plain.sequences, strict=True):
        assert one.tokens.tolist() == two.tokens.tolist()
        assert one.pieces == two.pieces
        assert one.at.tolist() == two.at.tolist()
        assert one.targets.tolist() == two.targets.tolist()


def test_shards_of_another_tokenizer_are_refused(tmp_path: Path, base: Path) -> None:
    writer = ShardWriter(tmp_path / "shards", vocabulary=300, tokenizer="another")
    writer.add([1] * 60)
    writer.close()
    with pytest.raises(InvalidInput, match="made by another tokenizer"):
        read(tmp_path, base, "next-token", context=50, train="shards")
    with pytest.raises(InvalidInput, match="a folder of token shards"):
        read(tmp_path, base, context=50, train="shards")
    with pytest.raises(NotFound, match="no finished token shards"):
        read(tmp_path, base, "next-token", train=str(tmp_path))


def test_the_digest_follows_contents_and_tokenizer_not_names(tmp_path: Path, base: Path) -> None:
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.conversations(3))
    first = read(tmp_path, base).digest
    (tmp_path / "train.jsonl").rename(tmp_path / "moved.jsonl")
    assert read(tmp_path, base, train="moved.jsonl").digest == first
    tiny_runs.write_lines(tmp_path / "moved.jsonl", tiny_runs.conversations(4))
    assert read(tmp_path, base, train="moved.jsonl").digest != first


TAUGHT = {"name": "large", "licence": "Apache-2.0", "model": "ab"}


def taught(folder: Path, base: Path, lines: list[object], named: dict[str, str] | None) -> Dataset:
    """What is read of examples by these teachers, when the recipe names that one."""
    values = [
        each | {"teacher": teacher}
        for each, teacher in zip(tiny_runs.conversations(len(lines)), lines, strict=True)
    ]
    tiny_runs.write_lines(folder / "train.jsonl", values)
    tables = {"teacher": named} if named is not None else {}
    recipe = load(tiny_runs.recipe(folder, model={"start": str(base)}, **tables))
    return dataset(recipe, recipe.data.train, tokens.load(base))


def test_examples_by_the_teacher_that_the_recipe_names_are_learnt(tmp_path: Path, base: Path) -> None:
    found = taught(tmp_path, base, [TAUGHT, None, TAUGHT], {"name": "large", "licence": "apache-2.0"})
    assert len(found) == 3


@pytest.mark.parametrize(
    ("wrote", "named", "said"),
    [
        ({"name": "large"}, None, "train.jsonl:2 was written by a teacher whose name or licence"),
        ({"name": "large", "licence": " "}, None, "train.jsonl:2 was written by a teacher whose name"),
        ("large", None, "train.jsonl:2 was written by a teacher whose name"),
        ({"name": "large", "licence": "llama3"}, None, "train.jsonl:2: The licence llama3 forbids training"),
        ({"name": "large", "licence": "secret"}, None, "train.jsonl:2: The teacher's licence 'secret'"),
        (TAUGHT, None, "train.jsonl:2 was written by a teacher, whom the recipe does not name"),
        (TAUGHT, {"name": "large", "licence": "mit"}, "the recipe names large (mit) as its teacher"),
        (TAUGHT, {"name": "small", "licence": "apache-2.0"}, "names small (apache-2.0) as its teacher"),
    ],
)
def test_examples_by_any_other_teacher_are_refused(
    tmp_path: Path, base: Path, wrote: object, named: dict[str, str] | None, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        taught(tmp_path, base, [None, wrote], named)
    assert said in caught.value.message
