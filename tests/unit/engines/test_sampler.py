"""Choosing tokens: greedily, at random, within a grammar or a schema."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tiny_gguf
from numpy.typing import NDArray

from freehold.engines.llama_model import Model
from freehold.engines.sampler import Sampler, Sampling, log_probabilities
from freehold.errors import EngineError, InvalidInput

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"enum": ["billing", "delivery"]},
        "sure": {"type": "boolean"},
        "parts": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["label", "sure", "parts"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")
    with Model(path) as loaded:
        yield loaded


def logits(model: Model, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(model.tokens).astype(np.float32) * 3


def written(model: Model, sampling: Sampling, limit: int = 400) -> str:
    """What random logits, new for each token, make of a sampler."""
    sampler, text = Sampler(model, sampling), b""
    for step in range(limit):
        token = sampler.choose(logits(model, step))
        if model.ends(token):
            break
        sampler.accept(token)
        text += model.piece(token)
    sampler.close()
    return text.decode(errors="replace")


def test_greedy_takes_the_likeliest(model: Model) -> None:
    row = logits(model)
    assert Sampler(model, Sampling()).choose(row) == row.argmax()


def test_a_seed_repeats_itself_and_another_does_not(model: Model) -> None:
    def drawn(seed: int | None) -> list[int]:
        sampler = Sampler(model, Sampling(temperature=1.0, seed=seed))
        return [sampler.choose(logits(model, step)) for step in range(40)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert drawn(None) != drawn(None)


def test_what_is_drawn_from(model: Model) -> None:
    row = logits(model)
    likeliest = set(np.argsort(-row)[:5].tolist())

    def drawn(**fields: Any) -> set[int]:
        wide = {"temperature": 5.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "seed": 1}
        sampler = Sampler(model, Sampling(**{**wide, **fields}))
        return {sampler.choose(row) for _ in range(300)}

    assert len(drawn()) > 50
    assert drawn(top_k=5) == likeliest
    assert drawn(top_p=0.01) == {int(row.argmax())}
    assert drawn(min_p=1.0) == {int(row.argmax())}


def test_a_grammar_is_kept(model: Model) -> None:
    grammar = 'root ::= ("yes" | "no") ", " [0-9]+ "."'
    for temperature in (0.0, 1.0):
        text = written(model, Sampling(temperature=temperature, seed=2, grammar=grammar))
        head, _, tail = text.partition(", ")
        assert head in ("yes", "no")
        assert tail[:-1].isdigit()


def test_a_schema_is_kept(model: Model) -> None:
    for seed in range(3):
        found = json.loads(written(model, Sampling(temperature=1.0, seed=seed, json_schema=SCHEMA)))
        assert found["label"] in ("billing", "delivery")
        assert isinstance(found["sure"], bool)
        assert len(found["parts"]) <= 3


@pytest.mark.parametrize("grammar", ["root ::= ((", 'root ::= root "a"', 'x ::= "a"', "", "a\0b"])
def test_a_grammar_that_cannot_be_followed(model: Model, grammar: str) -> None:
    with pytest.raises(InvalidInput, match="The grammar"):
        Sampler(model, Sampling(grammar=grammar))


@pytest.mark.parametrize(
    "schema",
    [{"type": "wat"}, {"$ref": "https://elsewhere.example/schema"}, {"type": "string", "pattern": "(("}],
)
def test_a_schema_that_cannot_be_followed(model: Model, schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="The JSON schema cannot be followed"):
        Sampler(model, Sampling(json_schema=schema))


def test_log_probabilities_sum_to_one(model: Model) -> None:
    row = logits(model) * 100
    logs = log_probabilities(row)
    assert np.exp(logs.astype(np.float64)).sum() == pytest.approx(1)
    assert logs.argmax() == row.argmax()


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_model_that_computes_no_numbers_is_said_to_be_damaged(model: Model, temperature: float) -> None:
    """Else it writes one token for as long as it may."""
    sampler = Sampler(model, Sampling(temperature=temperature))
    nothing = logits(model)
    nothing[3] = np.nan
    with pytest.raises(EngineError, match="no numbers"):
        sampler.choose(nothing)
    sampler.close()
