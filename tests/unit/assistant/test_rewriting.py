"""Follow-ups put in full by the model of the task, with a real registry and the shipped fake engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_gguf

from freehold.assistant.brief_model import BriefModel
from freehold.assistant.rewriting import Rewriter, Rewritten
from freehold.engines.active import ActiveEngine
from freehold.errors import EngineCrashed
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.tasks.rewrite import POLICY
from freehold.testing import FakeEngine, Script
from freehold.types import Query, Turn

BEFORE = (Turn("user", "How much is the Basic plan?"), Turn("assistant", "Five euros."))
QUERY = Query("and for Pro?", BEFORE)


@pytest.fixture
def registry(tmp_path: Path):
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    registry = Registry(database, tmp_path / "models")
    registry.add(tiny_gguf.write(tmp_path / "tiny.gguf", width=32, layers=1), "tuned")
    yield registry
    database.close()


@pytest.mark.parametrize(
    ("script", "question", "failure"),
    [
        ("How much is the Pro plan?\nCustomer: no", "How much is the Pro plan?", None),
        ("Customer: How much is Pro?", "How much is Pro?", None),
        ("and for Pro?", None, None),
        ("...", None, None),
        ([EngineCrashed("It died.")], None, "tuned failed: It died."),
    ],
)
async def test_what_the_model_writes_is_the_question_where_it_can_be_one(
    registry: Registry, script: Script, question: str | None, failure: str | None
) -> None:
    engine = FakeEngine(1e6, script)
    active = ActiveEngine(registry, lambda model: engine, task="rewrite")
    rewriter = Rewriter(BriefModel(active))
    assert await rewriter(QUERY) == Rewritten(), "no model has the task"
    await active.use("tuned")
    rewritten = await rewriter(QUERY)
    assert (rewritten.question, rewritten.failure) == (question, failure)
    assert rewritten.by == (None if question is None else registry.get("tuned").id)
    assert engine.requests[0].system == POLICY
    assert engine.requests[0].messages[0].text.endswith("Assistant: Five euros.\nCustomer: and for Pro?")
