"""What does not fit is refused before anything is loaded."""

from pathlib import Path

import psutil
import pytest
import tiny_gguf

from freehold.errors import ModelRejected
from freehold.models import memory
from freehold.models.formats import gguf


@pytest.fixture
def facts(tmp_path: Path) -> gguf.GgufFacts:
    return gguf.check_sound(tiny_gguf.write(tmp_path / "tiny.gguf"))


def test_the_cache_grows_with_the_context_up_to_the_models_own(facts: gguf.GgufFacts) -> None:
    small, large, larger = (memory.memory_needed(facts, context, 4) for context in (1024, 4096, 1_000_000))
    assert large - small == 3072 * 2 * facts.kv_width
    assert larger == large


def test_too_large_is_refused_with_both_figures(facts: gguf.GgufFacts) -> None:
    needed = memory.memory_needed(facts, 4096, 4)
    memory.check_fits(facts, 4096, 4, available=needed)
    with pytest.raises(
        ModelRejected, match=r"needs 0\.039 GiB with a context of 4096, 0\.016 GiB are free"
    ) as caught:
        memory.check_fits(facts, 8192, 4, available=2**24)
    assert "engine_context" in (caught.value.hint or "")


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 50000\n")
    assert memory.available_memory(tmp_path) == 150_000
    assert memory.total_memory(tmp_path) == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.total_memory(tmp_path) == psutil.virtual_memory().total
