"""Quantised files hold what llama.cpp's own quantiser would put there, and load in llama.cpp."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import llama_checkpoints
import numpy as np
import pytest
import tiny_gguf

from freehold.errors import InvalidInput, ModelRejected, Unavailable
from freehold.models.formats import ggml, gguf, wheel
from freehold.models.formats.convert import Precision, to_gguf
from freehold.models.formats.gguf_file import open_gguf
from freehold.models.formats.quantize import Quantisation, choose, quantize


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama whose rows divide into blocks of 256, but not all of them."""
    folder = tmp_path_factory.mktemp("made")
    llama_checkpoints.write(folder, "llama-3.1", hidden_size=256, intermediate_size=288, num_hidden_layers=8)
    to_gguf(folder, folder / "model.gguf", precision="f32")
    return folder / "model.gguf"


def types(path: Path) -> dict[str, str]:
    with open_gguf(path) as file:
        return dict(file.types)


@pytest.mark.parametrize("kind", ["q8_0", "q4_k_m"])
def test_a_quantised_file_is_sound_and_keeps_its_keys(made: Path, tmp_path: Path, kind: Quantisation) -> None:
    target = tmp_path / "small.gguf"
    quantize(made, target, kind)
    before, facts = gguf.check_sound(made), gguf.check_sound(target)
    assert facts.quantisation == kind.upper()
    assert facts.parameters == before.parameters
    assert facts.control_tokens == before.control_tokens
    assert facts.file_size < before.file_size / (3 if kind == "q8_0" else 4)
    with open_gguf(made) as source, open_gguf(target) as small:
        changed = {key for key in small.metadata if source.metadata.get(key) != small.metadata[key]}
        assert changed == {"general.file_type", "general.quantization_version"}
        for name in small.types:
            if small.types[name] == "F32":
                assert np.array_equal(small.rows(name, 0, 1), source.rows(name, 0, 1))


def test_types_are_those_of_llama_cpp(made: Path, tmp_path: Path) -> None:
    quantize(made, tmp_path / "small.gguf", "q4_k_m")
    found = types(tmp_path / "small.gguf")
    assert found["output.weight"] == "Q6_K"
    assert found["token_embd.weight"] == "Q4_K"
    assert found["blk.0.attn_norm.weight"] == found["rope_freqs.weight"] == "F32"
    more = [layer for layer in range(8) if found[f"blk.{layer}.attn_v.weight"] == "Q6_K"]
    assert more == [0, 3, 6, 7]  # the first and the last eighth, and every third between
    assert {found[f"blk.{layer}.attn_q.weight"] for layer in range(8)} == {"Q4_K"}
    # 288 numbers a row are no blocks of 256
    assert [found[f"blk.{layer}.ffn_down.weight"] for layer in (0, 1)] == ["Q8_0", "Q5_0"]


def test_a_tied_models_embeddings_are_its_output(tmp_path: Path) -> None:
    llama_checkpoints.write(tmp_path, "llama-3.2", hidden_size=256)
    to_gguf(tmp_path, tmp_path / "model.gguf", precision="bf16")
    with open_gguf(tmp_path / "model.gguf") as file:
        assert choose(file, "q4_k_m")["token_embd.weight"] == "Q6_K"


def test_rows_that_fit_no_block_stay_floats(tmp_path: Path) -> None:
    llama_checkpoints.write(tmp_path, "llama-3", intermediate_size=100)
    to_gguf(tmp_path, tmp_path / "model.gguf", precision="f32")
    quantize(tmp_path / "model.gguf", tmp_path / "small.gguf", "q8_0")
    assert types(tmp_path / "small.gguf")["blk.0.ffn_down.weight"] == "F16"
    gguf.check_sound(tmp_path / "small.gguf")


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
def test_eight_bits_are_the_nearest_ones(tmp_path: Path, precision: Precision) -> None:
    llama_checkpoints.write(tmp_path, "llama-3")
    to_gguf(tmp_path, tmp_path / "model.gguf", precision=precision)
    quantize(tmp_path / "model.gguf", tmp_path / "small.gguf", "q8_0")
    name = "blk.1.ffn_up.weight"
    with open_gguf(tmp_path / "model.gguf") as source:
        values = source.rows(name, 0, 160)
        numbers = values.astype(np.float32)
        if precision == "bf16":
            numbers = (values.astype(np.uint32) << 16).view(np.float32)
    data = np.frombuffer((tmp_path / "small.gguf").read_bytes(), np.uint8)
    with gguf.header(tmp_path / "small.gguf") as found:
        start = found.data + found.offsets[name]
    blocks = data[start : start + 160 * 3 * 34].reshape(160, 3, 34)
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    weights = blocks[..., 2:].view(np.int8).astype(np.float32) * scales
    wanted = numbers.reshape(160, 3, 32)
    exact = np.abs(wanted).max(-1, keepdims=True) / 127
    assert np.array_equal(scales, exact.astype(np.float16).astype(np.float32))
    assert (np.abs(weights - wanted) <= 0.57 * exact).all()  # half a step, and the scale's own rounding


def test_threads_and_slices_change_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantize(made, tmp_path / "one.gguf", "q4_k_m", threads=1)
    monkeypatch.setattr("freehold.models.formats.quantize.SLICE_VALUES", 256 * 7)
    seen: list[tuple[int, int]] = []
    quantize(made, tmp_path / "many.gguf", "q4_k_m", threads=3, progress=lambda *at: seen.append(at))
    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "many.gguf").read_bytes()
    assert seen[-1][0] == seen[-1][1] == gguf.check_sound(tmp_path / "many.gguf").tensor_bytes
    assert len(seen) > 100


def refusal(source: Path, target: Path, kind: Quantisation = "q8_0") -> str:
    with pytest.raises((ModelRejected, InvalidInput, Unavailable)) as caught:
        quantize(source, target, kind)
    assert caught.value.hint
    assert not target.exists()
    return caught.value.message


def test_what_is_quantised_already_is_refused_with_a_way_out(made: Path, tmp_path: Path) -> None:
    quantize(made, tmp_path / "small.gguf", "q8_0")
    assert "is quantised" in refusal(tmp_path / "small.gguf", tmp_path / "smaller.gguf", "q4_k_m")


def test_other_architectures_and_kinds_are_refused(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(made.read_bytes().replace(b"\5\0\0\0\0\0\0\0llama", b"\5\0\0\0\0\0\0\0lemma", 1))
    message = refusal(other, tmp_path / "small.gguf")
    assert "lemma" in message or "missing" in message
    assert "no quantisation 'q2_k'" in refusal(made, tmp_path / "x.gguf", "q2_k")  # type: ignore[arg-type]
    (tmp_path / "text.gguf").write_text("hello")
    assert "not a GGUF file" in refusal(tmp_path / "text.gguf", tmp_path / "small.gguf")


def test_a_file_with_values_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    with gguf.header(path) as found:
        at = found.data + found.offsets["blk.1.attn_q.weight"] + 4 * 777
    data = bytearray(path.read_bytes())
    data[at : at + 4] = np.float32(np.inf).tobytes()
    path.write_bytes(data)
    assert "blk.1.attn_q.weight holds values that are no numbers" in refusal(path, tmp_path / "small.gguf")


def test_a_library_that_does_not_load_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.so").write_bytes(b"of another processor")
    spec = ModuleSpec("xllamacpp", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(wheel.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(Unavailable, match="its library is not loaded"):
        wheel.library(())


def test_another_wheel_is_refused(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ggml._library.cache_clear()
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2026.7.9999")
    try:
        assert "xllamacpp 2026.7.9999 is installed" in refusal(made, tmp_path / "small.gguf")
    finally:
        ggml._library.cache_clear()


def test_keys_are_read_as_they_were_written(made: Path) -> None:
    with open_gguf(made) as file:
        assert file.value("llama.block_count", int) == 8
        assert file.value("llama.rope.freq_base", float) == 500_000.0
        assert file.value("tokenizer.ggml.add_bos_token", bool) is True
        tokens = file.items("tokenizer.ggml.tokens", str)
        assert tokens[-1] == llama_checkpoints.SPECIAL_3[-1]
        assert len(file.items("tokenizer.ggml.token_type", int)) == len(tokens)
        assert file.value("nothing", int, 5) == 5
        with pytest.raises(ModelRejected, match="'nothing' is missing"):
            file.value("nothing", int)
        with pytest.raises(ModelRejected, match=r"'llama\.block_count' is 8"):
            file.value("llama.block_count", str)
        with pytest.raises(ModelRejected, match="no list"):
            file.items("tokenizer.ggml.tokens", int)
