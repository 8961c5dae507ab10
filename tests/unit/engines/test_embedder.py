"""The embedder, over a tiny encoder written here."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_bert import HIDDEN, tokenizer, weights

from freehold.engines import embedder as module
from freehold.engines.embedder import PARTS, OnnxEmbedder
from freehold.errors import ModelRejected, Unavailable
from freehold.models.bert_onnx import BertShape, build


@pytest.fixture
def folder(tmp_path):
    model = build(weights(), BertShape(layers=1, heads=2))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    manifest = {
        "identity": "tiny-1",
        "max_tokens": 8,
        "files": {
            name: {"sha256": hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}
            for name in ("model.onnx", "tokenizer.json")
        },
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_vectors_have_unit_length_and_do_not_depend_on_their_neighbours(folder):
    embedder = OnnxEmbedder(folder)
    texts = ["refund", "How long?", "", "parcel " * 50]
    rows = embedder.embed(texts)
    assert embedder.name == "tiny-1"
    assert rows.shape == (4, embedder.dimensions) == (4, HIDDEN)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for row, text in zip(rows, texts, strict=True):
        assert np.array_equal(row, embedder.embed([text])[0])
    assert embedder.embed([]).shape == (0, HIDDEN)


def test_a_text_is_cut_at_the_models_window(folder):
    embedder = OnnxEmbedder(folder)
    six = "refund parcel how long a refund"
    assert np.array_equal(embedder.embed([six + " parcel parcel"]), embedder.embed([six]))
    assert not np.allclose(embedder.embed([six]), embedder.embed(["refund parcel how long a parcel"]))


def test_tokens_come_with_their_places(folder):
    vectors, places = OnnxEmbedder(folder).embed_tokens("How long, refund?")
    assert places == [(0, 3), (4, 8), (8, 9), (10, 16), (16, 17)]
    assert vectors.shape == (5, HIDDEN)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert OnnxEmbedder(folder).embed_tokens("")[0].shape == (0, HIDDEN)


def test_parts_are_read_within_the_whole(folder):
    embedder = OnnxEmbedder(folder)
    texts = ["how long", "", "refund parcel how long a refund"]
    rows = embedder.embed_parts(texts).reshape(3, 1 + PARTS, HIDDEN)
    assert np.array_equal(rows[:, 0], embedder.embed(texts))
    assert np.allclose(np.linalg.norm(rows, axis=2), 1, atol=1e-5)
    tokens = embedder._run(["tokens"], texts[0])[0][0][0][1:-1]
    mean = tokens.mean(axis=0)
    assert np.allclose(rows[0, 1:], mean / np.linalg.norm(mean), atol=1e-5), "a short text is one part"
    assert np.allclose(rows[1, 1], rows[1, 0], atol=1e-5), "a text without tokens has no parts"


def test_parts_of_a_long_text_differ(folder, monkeypatch):
    monkeypatch.setattr(module, "LEAST_PART", 2)
    embedder = OnnxEmbedder(folder)
    rows = embedder.embed_parts(["refund parcel how long a refund"]).reshape(1 + PARTS, HIDDEN)
    tokens = embedder._run(["tokens"], "refund parcel how long a refund")[0][0][0][1:-1]
    for row, start in zip(rows[1:], (0, 2, 3), strict=True):
        mean = tokens[start : start + 3].mean(axis=0)
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_text_that_is_no_unicode_is_embedded_all_the_same(folder):
    assert np.isfinite(OnnxEmbedder(folder).embed(["\ud800 refund \x00", "\U0001f600"])).all()


def test_threads_get_what_one_thread_gets(folder):
    embedder = OnnxEmbedder(folder)
    texts = [f"refund {'a ' * (i % 5)}parcel" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda text: embedder.embed([text])[0], texts))
    assert np.array_equal(np.stack(rows), embedder.embed(texts))


def test_making_one_reads_no_model(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "dimensions": HIDDEN}))
    embedder = OnnxEmbedder(folder)
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelRejected, match="damaged"):
        embedder.embed(["refund"])


def test_damage_is_found_before_the_first_use(folder):
    embedder = OnnxEmbedder(folder)
    embedder.verify()
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:-1])
    with pytest.raises(ModelRejected, match=r"tokenizer\.json .* is damaged"):
        embedder.verify()


def test_without_a_manifest_the_files_name_the_model(folder, tmp_path):
    (folder / "manifest.json").unlink()
    one = OnnxEmbedder(folder)
    assert one.dimensions == HIDDEN
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=1))
    assert OnnxEmbedder(folder).name != one.name


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(Unavailable) as caught:
        OnnxEmbedder(tmp_path)
    assert "make setup" in (caught.value.hint or "")


@pytest.mark.parametrize("data", [b"", b"not onnx at all", b"\x08\x07" * 40])
def test_a_file_that_is_no_model_is_refused(folder, data):
    (folder / "manifest.json").unlink()
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(ModelRejected, match="cannot be loaded"):
        OnnxEmbedder(folder)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"files": []}',
        '{"files": {"model.onnx": 1}}',
        '{"files": {"model.onnx": {}}}',
        '{"max_tokens": "many"}',
        '{"dimensions": null}',
    ],
)
def test_a_manifest_that_is_none_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelRejected):
        OnnxEmbedder(folder)


def test_a_file_that_the_manifest_names_and_that_is_gone_counts_as_damaged(folder):
    (folder / "manifest.json").write_text('{"dimensions": 16, "files": {"words.txt": {"sha256": "0"}}}')
    with pytest.raises(ModelRejected, match=r"words\.txt of the embedding model .* is damaged"):
        OnnxEmbedder(folder).verify()
