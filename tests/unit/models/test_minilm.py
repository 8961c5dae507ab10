"""The embedding model: the graph we write is BERT, and the folder appears whole or not at all."""

import base64
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from freehold.config import Config
from freehold.engines.embedder import OnnxEmbedder
from freehold.errors import ModelRejected
from freehold.models import minilm
from freehold.models.bert_onnx import BertShape, build
from freehold.models.onnx_runtime import runtime
from freehold.models.pinned import is_sound

SHAPE = BertShape(layers=2, heads=4)
HIDDEN, WIDE, WORDS, POSITIONS = 32, 48, 60, 20


def random_bert(seed=0):
    draw = np.random.default_rng(seed)
    weights = {
        "embeddings.word_embeddings.weight": (WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    for number in range(SHAPE.layers):
        at = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            weights[f"{at}.attention.{part}.weight"] = (HIDDEN, HIDDEN)
            weights[f"{at}.attention.{part}.bias"] = (HIDDEN,)
        weights[f"{at}.intermediate.dense.weight"] = (WIDE, HIDDEN)
        weights[f"{at}.intermediate.dense.bias"] = (WIDE,)
        weights[f"{at}.output.dense.weight"] = (HIDDEN, WIDE)
        weights[f"{at}.output.dense.bias"] = (HIDDEN,)
        for norm in (f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"):
            weights[f"{norm}.weight"] = (HIDDEN,)
            weights[f"{norm}.bias"] = (HIDDEN,)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in weights.items()}


def reference(weights, ids, mask, shape=SHAPE):
    """BERT as its paper has it, one step a line, in double precision."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + shape.layer_norm_eps)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def heads(x):
        return x.reshape(*x.shape[:2], shape.heads, -1).transpose(0, 2, 1, 3)

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(shape.layers):
        at = f"encoder.layer.{number}"
        q, k, v = (heads(linear(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(q.shape[-1])
        scores = np.where(mask[:, None, None, :] == 1, scores, -np.inf)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = share / share.sum(-1, keepdims=True) @ v
        mixed = linear(mixed.transpose(0, 2, 1, 3).reshape(x.shape), f"{at}.attention.output.dense")
        x = norm(x + mixed, f"{at}.attention.output.LayerNorm")
        inner = linear(x, f"{at}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True), x


def run(model, ids, mask):
    onnxruntime = runtime()

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["sentence", "tokens"], {"input_ids": ids, "attention_mask": mask})


@pytest.fixture(scope="module")
def tokens():
    ids = np.random.default_rng(1).integers(0, WORDS, (3, 11))
    mask = np.ones_like(ids)
    mask[1, 7:] = 0
    mask[2, 1:] = 0
    return ids, mask


def test_the_graph_computes_what_bert_computes(tokens):
    weights = random_bert()
    sentence, hidden = run(build(weights, SHAPE), *tokens)
    expected_sentence, expected_hidden = reference(weights, *tokens)
    kept = tokens[1][..., None] == 1
    assert np.abs(sentence - expected_sentence).max() < 1e-5
    assert np.abs(np.where(kept, hidden - expected_hidden, 0)).max() < 1e-5


@pytest.mark.parametrize(
    "mutant",
    [
        "heads",
        "eps",
        "embeddings.token_type_embeddings.weight",
        "encoder.layer.1.attention.self.query.bias",
        "encoder.layer.0.intermediate.dense.bias",
    ],
)
def test_a_graph_with_a_mistake_differs(tokens, mutant):
    weights = random_bert()
    expected, _ = reference(weights, *tokens)
    shape = SHAPE
    if mutant == "heads":
        shape = BertShape(layers=2, heads=2)
    elif mutant == "eps":
        shape = BertShape(layers=2, heads=4, layer_norm_eps=1e-2)
    else:
        weights = {**weights, mutant: weights[mutant] * 0}
    sentence, _ = run(build(weights, shape), *tokens)
    assert np.abs(sentence - expected).max() > 4e-5


def test_weights_that_do_not_fit_are_refused():
    weights = random_bert()
    missing = {name: value for name, value in weights.items() if "layer.1.output.dense.bias" not in name}
    with pytest.raises(ModelRejected, match=r"layer\.1\.output\.dense\.bias is missing"):
        build(missing, SHAPE)
    weights["encoder.layer.0.attention.self.key.weight"] = np.zeros((HIDDEN, 3), np.float32)
    with pytest.raises(ModelRejected, match=r"key\.weight has shape"):
        build(weights, SHAPE)
    with pytest.raises(ModelRejected, match="do not divide"):
        build(random_bert(), BertShape(layers=2, heads=5))


def test_the_program_says_what_went_wrong(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = subprocess.run(
        [sys.executable, "-m", "freehold.models.minilm", str(tmp_path / "file" / "mini")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_int8_model_agrees_with_the_exact_one():
    folder = Config().embedder_folder
    if not is_sound(folder, minilm.identity()):
        pytest.skip(f"no embedding model in {folder}: run make setup")
    stored = json.loads((Path(__file__).parents[2] / "fixtures" / "minilm_fp32.json").read_text())
    exact = np.array([np.frombuffer(base64.b64decode(text), np.int8) for text in stored.values()], np.float32)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    cosines = (OnnxEmbedder(folder).embed(list(stored)) * exact).sum(axis=1)
    assert len(cosines) == 4
    assert cosines.min() > 0.98
