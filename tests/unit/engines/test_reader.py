"""The reader, over a tiny one written here: what BERT computes of a pair, and where in the text it stands."""

import numpy as np
import pytest
import torch
from tiny_bert import HIDDEN, POSITIONS, tokenizer, weights
from transformers import BertConfig, BertForQuestionAnswering

from freehold.engines.reader import OnnxReader
from freehold.errors import ModelRejected, Unavailable
from freehold.models.bert_onnx import BertShape, build, build_reader

QUESTION, TEXT = "how long?", "a refund, a parcel"


@pytest.fixture
def folder(tmp_path):
    model = build_reader(weights(), BertShape(layers=1, heads=2))
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "manifest.json").write_text('{"identity": "tiny-reader", "max_tokens": 12}')
    return tmp_path


def test_it_computes_what_bert_for_question_answering_computes(folder):
    config = BertConfig(
        vocab_size=10,
        hidden_size=HIDDEN,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=POSITIONS,
    )
    exact = BertForQuestionAnswering(config).eval()
    own = {
        (name if name.startswith("qa") else f"bert.{name}"): torch.from_numpy(value)
        for name, value in weights().items()
    }
    exact.load_state_dict(own)
    plain = tokenizer()
    plain.no_padding()
    encoding = plain.encode(QUESTION, TEXT)
    with torch.no_grad():
        expected = exact(
            input_ids=torch.tensor([encoding.ids]), token_type_ids=torch.tensor([encoding.type_ids])
        )
    reading = OnnxReader(folder).read(QUESTION, TEXT)
    text = slice(5, 10)  # after [CLS] how long ? [SEP]
    assert np.allclose(reading.starts, expected.start_logits[0, text], atol=1e-5)
    assert np.allclose(reading.ends, expected.end_logits[0, text], atol=1e-5)
    assert reading.nothing == pytest.approx(
        float(expected.start_logits[0, 0] + expected.end_logits[0, 0]), abs=1e-5
    )


def test_places_are_those_of_the_tokens_in_the_text(folder):
    reader = OnnxReader(folder)
    reading = reader.read(QUESTION, TEXT)
    assert [TEXT[start:end] for start, end in reading.places] == ["a", "refund", ",", "a", "parcel"]
    assert reading.starts.shape == reading.ends.shape == (5,)
    assert reader.name == "tiny-reader"


def test_the_text_is_cut_at_the_window_and_the_question_is_not(folder):
    reading = OnnxReader(folder).read("how long", "parcel " * 40)
    assert len(reading.places) == 12 - 5
    assert len(OnnxReader(folder).read("how long", "").places) == 0


def test_a_question_that_would_leave_no_room_for_the_text_is_cut_too(folder):
    # a window of 12 has three special tokens; of the other nine the text keeps the smaller half
    assert len(OnnxReader(folder).read("long " * 40, "a refund, a parcel, a refund").places) == 4


def test_half_a_surrogate_pair_is_read_as_a_question_mark(folder):
    assert len(OnnxReader(folder).read("how \ud83d", "a \ud83d").places) == 2


def test_an_embedding_model_is_no_reader(folder):
    other = build(weights(), BertShape(layers=1, heads=2))
    (folder / "model.onnx").write_bytes(other.SerializeToString())
    with pytest.raises(ModelRejected, match="the reader gives `spans`"):
        OnnxReader(folder).read(QUESTION, TEXT)


def test_no_folder_is_said(tmp_path):
    with pytest.raises(Unavailable, match="no reader"):
        OnnxReader(tmp_path / "none")
