"""The reader that setup makes: what the package carries is what is pinned, and what comes of it reads."""

from importlib.resources import files

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_bert import tokenizer, weights

from freehold.config import Config
from freehold.disk import sha256_of
from freehold.engines.reader import OnnxReader
from freehold.errors import ModelRejected
from freehold.models import reader
from freehold.models.bert_onnx import BertShape, build, build_reader
from freehold.models.pinned import is_sound
from freehold.models.retuning import LENGTH, STEPS

TUNED = files("freehold.models") / "reader.safetensors"

TEXT = (
    "Lending. Members borrow eight books for three weeks. Guests borrow two books, and pay a deposit of "
    "20 euros at the desk. Nobody borrows dictionaries."
)


def test_the_package_carries_the_change_that_is_pinned():
    assert sha256_of(TUNED) == reader.TUNED_SHA256
    kept = load_file(TUNED)
    matrices = {name.removesuffix(STEPS) for name in kept if name.endswith(STEPS)}
    assert all(name + LENGTH in kept for name in matrices)
    assert {"qa_outputs.weight", "qa_outputs.bias"} <= kept.keys()
    assert not any(name.startswith("embeddings") for name in kept)
    assert TUNED.stat().st_size < 11_500_000


def test_a_graph_of_another_shape_is_refused(tmp_path):
    graph = tmp_path / "model.onnx"
    graph.write_bytes(build(weights(), BertShape(layers=1, heads=2)).SerializeToString())
    with pytest.raises(ModelRejected, match="0 weights in its layers, not 192"):
        reader.base_weights(graph)


def test_the_trial_takes_the_likeliest_span_that_ends_after_it_starts(tmp_path):
    drawn = weights(seed=5)
    graph, words = tmp_path / "model.onnx", tmp_path / "tokenizer.json"
    graph.write_bytes(build_reader(drawn, BertShape(layers=1, heads=2)).SerializeToString())
    tokenizer().save(str(words))
    text = "a refund, a parcel"
    found = reader.answer(graph, words, "how long?", text)
    reading = OnnxReader(tmp_path).read("how long?", text)
    pairs = [(a, b) for a in range(5) for b in range(a, 5)]
    start, end = max(pairs, key=lambda pair: reading.starts[pair[0]] + reading.ends[pair[1]])
    assert found == text[reading.places[start][0] : reading.places[end][1]]


@pytest.fixture(scope="module")
def real():
    folder = Config().reader_folder
    if not is_sound(folder, reader.identity()):
        pytest.skip(f"no reader in {folder}: run make setup")
    return OnnxReader(folder)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How many books can a member borrow?", "Members borrow eight books for three weeks."),
        ("How much is the deposit?", "Guests borrow two books, and pay a deposit of 20 euros at the desk."),
        ("What can nobody borrow?", "Nobody borrows dictionaries."),
    ],
)
def test_it_points_into_the_sentence_that_answers(real, question, sentence):
    reading = real.read(question, TEXT)
    start = int(reading.places[int(np.argmax(reading.starts))][0])
    assert TEXT.index(sentence) <= start < TEXT.index(sentence) + len(sentence)
    assert reading.starts.max() + reading.ends.max() > reading.nothing


def test_it_says_when_nothing_answers(real):
    def surely(question):
        reading = real.read(question, TEXT)
        return reading.starts.max() + reading.ends.max() - reading.nothing

    answered = surely("How long do members keep books?")
    for question in ("How do I reset my password?", "Who wrote the library's first catalogue?"):
        assert surely(question) < 0 < answered
