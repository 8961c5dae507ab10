"""Which passages a prompt has room for."""

from answer_world import TEXT, scored

from freehold.assistant.fitting import fitted
from freehold.engines.base import TURN_TOKENS
from freehold.testing import FakeEngine
from freehold.types import Query

PASSAGES = [scored(f"Passage {number}. {TEXT}", score=1 / number, id=number) for number in (4, 2, 9, 1)]
QUERY = Query("How long do refunds take?")


async def numbers(engine: FakeEngine, max_tokens: int = 50) -> list[int]:
    prompt, passages = await fitted(engine, QUERY, PASSAGES, instructions="", max_tokens=max_tokens)
    tokens = await engine.count_tokens("\n".join((prompt.system, QUERY.text))) + 3 * TURN_TOKENS
    assert len(passages) == 1 or tokens + min(max_tokens, engine.context_length // 4) <= engine.context_length
    assert all(passage.text in prompt.system for passage in passages)
    return [passage.id for passage in passages]


async def test_a_large_context_takes_them_all_in_stable_order() -> None:
    assert await numbers(FakeEngine(context_length=8192)) == [1, 2, 4, 9]


async def test_a_small_one_takes_the_best_that_fit() -> None:
    whole = await numbers(FakeEngine(context_length=8192))
    seen = [await numbers(FakeEngine(context_length=tokens)) for tokens in range(60, 500, 10)]
    assert seen[0] == [4], "the best alone, whether it fits or not"
    assert seen[-1] == whole
    assert [each for at, each in enumerate(seen) if each != seen[at - 1]] == [[4], [2, 4], [2, 4, 9], whole]


async def test_room_is_kept_for_the_answer() -> None:
    some = FakeEngine(context_length=300)
    assert len(await numbers(some, max_tokens=1)) > len(await numbers(some, max_tokens=300))
