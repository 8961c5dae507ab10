"""The C API of the pinned wheel: what it computes, and what it refuses before it computes."""

import ctypes
import threading
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf

from freehold.engines import llama_api
from freehold.engines.llama_model import AbortedError, Context, Model
from freehold.errors import ModelRejected, Unavailable


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


def test_tokens_and_their_pieces(tiny: Path) -> None:
    with Model(tiny, vocabulary_only=True) as model:
        ids = model.tokenize("the order — ü")
        assert b"".join(model.piece(int(token)) for token in ids).decode() == "the order — ü"
        assert len(model.tokenize("<|eot_id|>")) == len("<|eot_id|>"), "as plain letters"
        (end,) = model.tokenize("<|eot_id|>", special=True)
        assert model.ends(int(end))
        assert model.piece(int(end)) == b""
        assert model.control_texts() == tiny_gguf.SPECIAL
        assert (model.begin_text, model.end_text) == ("<|begin_of_text|>", "<|eot_id|>")
        assert model.chat_template == tiny_gguf.TEMPLATE
        assert model.tokenize("").shape == (0,)


def test_a_step_in_parts_gives_the_logits_of_the_whole(tiny: Path) -> None:
    with Model(tiny) as model:
        ids = model.tokenize("the order parcel refund")
        with Context(
            model, tokens=256, batch=64, all_outputs=True, full_precision=True, flash=False
        ) as whole:
            expected = whole.all_logits(ids)
        with Context(model, tokens=256, batch=4, all_outputs=True, full_precision=True, flash=False) as parts:
            np.testing.assert_allclose(parts.all_logits(ids), expected, atol=1e-4)
            assert parts.length(0) == len(ids)


def test_sequences_share_what_they_have_in_common(tiny: Path) -> None:
    with Model(tiny) as model, Context(model, tokens=256, sequences=2) as context:
        ids = model.tokenize("the order parcel")
        count = len(ids)
        last = [place == count - 1 for place in range(count)]
        assert context.decode(ids, range(count), [0] * count, last)
        expected = context.logits(count - 1).copy()
        context.share(0, 1, count - 1)
        context.forget(0)
        assert (context.length(0), context.length(1)) == (0, count - 1)
        assert context.decode(ids[-1:], [count - 1], [1], [True])
        np.testing.assert_allclose(context.logits(0), expected, atol=1e-2)


def test_a_full_cache_is_told_and_nothing_is_lost(tiny: Path) -> None:
    with Model(tiny) as model, Context(model, tokens=256, batch=256, sequences=2) as context:
        assert context.decode([1] * 200, range(200), [0] * 200, [False] * 200)
        assert not context.decode([1] * 200, range(200), [1] * 200, [False] * 200)
        context.forget(0)
        assert context.decode([1] * 200, range(200), [1] * 200, [False] * 200)


def test_a_step_is_ended_from_another_thread(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "wide.gguf", width=512, layers=6)
    with Model(path) as model, Context(model, tokens=4096, batch=4096) as context:
        ids = np.ones(4096, np.int32)
        timer = threading.Timer(0.05, context.abort)
        timer.start()
        with pytest.raises(AbortedError):
            for _ in range(100):
                context.forget(0)
                context.decode(ids, np.arange(4096), np.zeros(4096, np.int32), np.zeros(4096, np.bool_))
        timer.join()
        context.resume()
        context.clear()
        assert context.decode([1, 2], [0, 1], [0, 0], [False, True])


def test_what_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "letters.gguf").write_bytes(b"hello" * 100)
    with pytest.raises(ModelRejected, match=r"does not load letters\.gguf: .*magic"):
        Model(tmp_path / "letters.gguf")


def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2026.7.9999")
    with pytest.raises(Unavailable, match=r"2026\.7\.9999 is installed, 2026\.10\.11549 is known"):
        llama_api.load.__wrapped__()


def test_a_missing_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(llama_api.FUNCTIONS, "llama_teleport", (None, []))
    with pytest.raises(Unavailable, match="it lacks llama_teleport"):
        llama_api.load.__wrapped__()


def test_a_layout_that_moved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Moved(ctypes.Structure):
        _fields_ = (("new", ctypes.c_int64), *llama_api.ContextParams._fields_)

    api = llama_api.load()
    monkeypatch.setattr(api, "context_default_params", lambda: Moved(512))
    with pytest.raises(Unavailable, match="n_ctx is 0 by default, not 512"):
        llama_api.check_layout(api)
    assert ctypes.sizeof(llama_api.ContextParams) == 168
    assert ctypes.sizeof(llama_api.ModelParams) == 80
