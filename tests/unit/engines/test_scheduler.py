"""Several conversations in one context: the same words as alone, prefixes shared, giving up."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf

from freehold.engines.adapters import Adapters
from freehold.engines.llama_model import Context, Ids, Model
from freehold.engines.sampler import Sampler, Sampling
from freehold.engines.scheduler import Conversation, Scheduler
from freehold.engines.writing import Writing
from freehold.errors import EngineError


@dataclass
class Engine:
    """A model, a context and a scheduler, as the binding has them."""

    model: Model
    scheduler: Scheduler
    texts: dict[int, str] = field(default_factory=dict)

    def conversation(self, text: str, tokens: int = 20, **more: object) -> Conversation:
        id = len(self.texts)
        self.texts[id] = ""

        def emit(text: str, _: object) -> None:
            self.texts[id] += text

        writing = Writing(
            self.model,
            Sampler(self.model, Sampling()),
            max_tokens=tokens,
            stops=[],
            logprobs=None,
            emit=emit,
        )
        return Conversation(self.prompt(text), writing, **more)  # type: ignore[arg-type]

    def prompt(self, text: str) -> Ids:
        return self.model.tokenize(f"<|begin_of_text|>{text}<|eot_id|>", special=True)

    def say(self, text: str, tokens: int = 20) -> tuple[str, Conversation]:
        conversation = self.conversation(text, tokens)
        self.scheduler.run(conversation)
        return self.texts[len(self.texts) - 1], conversation


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture
def engine(tiny: Path) -> Iterator[Engine]:
    with Model(tiny) as model, Context(model, tokens=2048, batch=64, sequences=8) as context:
        adapters = Adapters(model, context, tiny)
        scheduler = Scheduler(model, context, adapters, slots=4, kept_bytes=2**20)
        yield Engine(model, scheduler)
        assert scheduler.close(5)


def test_together_they_say_what_they_say_alone(engine: Engine) -> None:
    questions = [f"question {'very ' * number}long {number}" for number in range(9)]
    alone = [engine.say(question, 40)[0] for question in questions]
    conversations = [engine.conversation(question, 40) for question in questions]
    first = len(engine.texts) - len(questions)
    threads = [threading.Thread(target=engine.scheduler.run, args=(each,)) for each in conversations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [engine.texts[first + number] for number in range(len(questions))] == alone


def test_a_beginning_is_read_once(engine: Engine) -> None:
    policy = "the same policy for everybody, of some length " * 4
    _, first = engine.say(policy + "one")
    assert first.cached == 0
    alone, second = engine.say(policy + "two")
    assert second.cached >= len(engine.prompt(policy)) - 2
    again, third = engine.say(policy + "two")
    assert third.cached == len(third.prompt) - 1, "all but the last, whose logits are needed"
    assert again == alone
    _, fourth = engine.say(policy + "one")
    assert fourth.cached == len(fourth.prompt) - 1, "the first was not overwritten by the second"


def test_who_was_idle_longest_is_forgotten_first(engine: Engine) -> None:
    texts = [f"{number} " + f"filler{number} " * 60 for number in range(8)]
    for text in texts:
        engine.say(text, 5)
    assert engine.say(texts[-1], 5)[1].cached > 100
    assert engine.say(texts[0], 5)[1].cached < 10


def test_a_beginning_is_shared_with_one_that_runs(engine: Engine) -> None:
    policy = "the same policy for everybody, of some length " * 4
    alone, _ = engine.say(policy + "two")
    engine = Engine(engine.model, engine.scheduler)
    started = threading.Event()
    first = engine.conversation(policy + "one", 300)
    first.writing._emit = lambda *_: started.set()
    running = threading.Thread(target=engine.scheduler.run, args=(first,))
    running.start()
    assert started.wait(10)
    text, second = engine.say(policy + "two")
    assert second.cached >= len(engine.prompt(policy)) - 2
    assert text == alone
    running.join(30)


def test_giving_up_ends_one_and_not_the_other(engine: Engine) -> None:
    expected, _ = engine.say("who stays", 60)
    staying = engine.conversation("who stays", 60)
    reading = threading.Event()
    leaving = engine.conversation("who leaves " * 150, 500, on_read=reading.set)
    threads = [threading.Thread(target=engine.scheduler.run, args=(each,)) for each in (leaving, staying)]
    threads[0].start()
    assert reading.wait(10)
    threads[1].start()
    engine.scheduler.cancel(leaving)
    for thread in threads:
        thread.join(30)
    assert leaving.ended.is_set()
    assert leaving.writing.reason is None
    assert engine.texts[1] == expected


def test_one_that_cannot_go_on_fails_alone(engine: Engine) -> None:
    class Broken(Writing):
        def go_on(self, logits: object) -> bool:
            raise EngineError("broken on purpose")

    fine = engine.conversation("fine", 200)
    broken = engine.conversation("broken")
    broken.writing.__class__ = Broken
    running = threading.Thread(target=engine.scheduler.run, args=(fine,))
    running.start()
    with pytest.raises(EngineError, match="on purpose"):
        engine.scheduler.run(broken)
    running.join(30)
    assert fine.writing.reason == "length"


def test_closing_ends_all_and_takes_no_more(tiny: Path) -> None:
    with Model(tiny) as model, Context(model, tokens=4096, batch=64, sequences=8) as context:
        scheduler = Scheduler(model, context, Adapters(model, context, tiny), slots=2, kept_bytes=2**20)
        engine = Engine(model, scheduler)
        conversations = [engine.conversation(f"number {each}", 1500) for each in range(5)]
        threads = [threading.Thread(target=scheduler.run, args=(each,)) for each in conversations]
        for thread in threads:
            thread.start()
        assert scheduler.close(10)
        for thread in threads:
            thread.join(10)
        assert all(each.ended.is_set() for each in conversations)
        with pytest.raises(EngineError, match="being stopped"):
            scheduler.run(engine.conversation("late"))


def test_log_probabilities_come_with_their_tokens(tiny: Path) -> None:
    told: list[tuple[str, list[dict[str, object]]]] = []
    with Model(tiny) as model:
        writing = Writing(
            model,
            Sampler(model, Sampling()),
            max_tokens=3,
            stops=["zzz"],
            logprobs=2,
            emit=lambda text, logprobs: told.append((text, logprobs)),
        )
        row = np.full(model.tokens, -10.0, np.float32)
        for text in "az.":
            (token,) = model.tokenize(text)
            row[:] = -10.0
            row[token] = 5.0
            last = writing.go_on(row)
    assert last
    assert "".join(text for text, _ in told) == "az."
    entries = [entry for _, logprobs in told for entry in logprobs]
    assert [entry["text"] for entry in entries] == ["a", "z", "."]
    assert all(entry["top"][0]["token"] == entry["token"] for entry in entries)  # type: ignore[index]
    assert all(len(entry["top"]) == 2 for entry in entries)  # type: ignore[arg-type]
