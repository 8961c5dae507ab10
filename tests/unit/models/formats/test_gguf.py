"""A header is believed only as far as the file bears it out."""

import ctypes
import os
import random
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf

from freehold.errors import ModelRejected
from freehold.models.formats import gguf, gguf_types


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_gguf.write(tmp_path / "tiny.gguf")


def rejected(path: Path) -> str:
    with pytest.raises(ModelRejected) as caught:
        gguf.check_sound(path)
    assert caught.value.hint
    return caught.value.message


def crafted(
    path: Path, metadata: dict[str, tiny_gguf.Value], tensors: list[tuple[str, list[int], int, int]]
) -> Path:
    """A file of any keys and tensors (name, shape, type, offset), with 64 KiB of data."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, (kind, value) in metadata.items():
        head.append(tiny_gguf.string(key) + struct.pack("<I", kind) + tiny_gguf.value_bytes(kind, value))
    for name, shape, kind, offset in tensors:
        head.append(
            tiny_gguf.string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        )
    path.write_bytes(b"".join(head) + b"\0" * 65_536)
    return path


KEYS: dict[str, tiny_gguf.Value] = {
    "general.architecture": (tiny_gguf.STRING, "llama"),
    "llama.context_length": (tiny_gguf.U32, 128),
    "llama.embedding_length": (tiny_gguf.U32, 32),
    "llama.block_count": (tiny_gguf.U32, 1),
    "llama.attention.head_count": (tiny_gguf.U32, 2),
    "tokenizer.ggml.model": (tiny_gguf.STRING, "gpt2"),
    "tokenizer.ggml.tokens": (tiny_gguf.ARRAY, (tiny_gguf.STRING, ["a", "b"])),
}
EMBEDDINGS = ("token_embd.weight", [32, 2], 0, 0)


def test_facts_of_a_sound_file(tiny: Path) -> None:
    facts = gguf.check_sound(tiny)
    assert facts.architecture == "llama"
    assert facts.name == "tiny"
    assert (facts.version, facts.layers, facts.heads, facts.embedding_length) == (3, 2, 4, 128)
    assert facts.context_length == 4096
    assert facts.quantisation == "F32"
    assert facts.kv_width == 2 * 2 * (32 + 32)  # layers, key-value heads, keys and values
    assert facts.file_size == facts.expected_size == tiny.stat().st_size
    assert facts.tensor_bytes == facts.parameters * 4
    assert facts.has_chat_template
    assert facts.control_tokens == tuple(tiny_gguf.SPECIAL)
    assert facts.as_json()["chat_format"] == "own"


def test_without_a_template_chatml_is_said_to_be_used(tmp_path: Path) -> None:
    facts = gguf.check_sound(tiny_gguf.write(tmp_path / "plain.gguf", template=None))
    assert not facts.has_chat_template
    assert facts.as_json()["chat_format"] == "chatml"


def test_the_crafted_file_is_sound_but_for_what_a_test_breaks(tmp_path: Path) -> None:
    assert gguf.check_sound(crafted(tmp_path / "a.gguf", KEYS, [EMBEDDINGS])).parameters == 64


def test_block_sizes_are_those_of_the_engine() -> None:
    import xllamacpp.xllamacpp as wheel

    library = ctypes.CDLL(wheel.__file__)
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_blck_size.restype = ctypes.c_int64
    for kind, (_, block, size) in gguf_types.TENSOR_TYPES.items():
        assert (library.ggml_blck_size(kind), library.ggml_type_size(kind)) == (block, size)


@pytest.mark.parametrize("cut", [1, 5_000, 1_000_000])
def test_truncated_data(tiny: Path, cut: int) -> None:
    os.truncate(tiny, tiny.stat().st_size - cut)
    assert "truncated" in rejected(tiny)


@pytest.mark.parametrize("size", [0, 3, 4, 23, 24, 100, 3_000])
def test_truncated_header(tiny: Path, size: int) -> None:
    os.truncate(tiny, size)
    assert rejected(tiny)


@pytest.mark.parametrize(
    ("at", "form", "value", "reason"),
    [
        (0, "<I", 0x46554746, "not a GGUF file"),
        (4, "<I", 1, "version 1 is unknown"),
        (4, "<I", 4, "version 4 is unknown"),
        (4, ">I", 3, "big-endian"),
        (8, "<Q", 2**63, "claims 9,223,372,036,854,775,808 tensors"),
        (8, "<Q", 0, "claims 0 tensors"),
        (16, "<Q", 2**64 - 1, "claims 18,446,744,073,709,551,615 keys"),
        (16, "<Q", 0, "claims 0 keys"),
        (24, "<Q", 2**64 - 1, "a key has no end"),
        (24, "<Q", 70_000, "a key has 70,000 bytes"),
    ],
)
def test_a_wrong_start(tiny: Path, at: int, form: str, value: int, reason: str) -> None:
    with tiny.open("r+b") as file:
        file.seek(at)
        file.write(struct.pack(form, value))
    assert reason in rejected(tiny)


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"tokenizer.ggml.tokens"}))
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    keys = {name: value for name, value in KEYS.items() if name != key}
    message = rejected(crafted(tmp_path / "a.gguf", keys, [EMBEDDINGS]))
    assert ("tokenizer is missing" if "tokenizer" in key else f"{key} is missing") in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tokenizer.ggml.tokens": (tiny_gguf.ARRAY, (tiny_gguf.STRING, []))}, "tokenizer is missing"),
        ({"general.architecture": (tiny_gguf.STRING, "bert")}, "does not generate"),
        ({"general.type": (tiny_gguf.STRING, "adapter")}, "holds a adapter"),
        ({"split.count": (tiny_gguf.U32, 3)}, "one of 3 parts"),
        ({"general.alignment": (tiny_gguf.U32, 7)}, "alignment is 7"),
        ({"general.alignment": (tiny_gguf.STRING, "x")}, "alignment is x"),
        ({"llama.block_count": (tiny_gguf.U32, 2**31)}, "block_count is 2147483648"),
        ({"llama.embedding_length": (tiny_gguf.U32, 0)}, "embedding_length is 0"),
        ({"llama.context_length": (tiny_gguf.STRING, "many")}, "context_length is many"),
        ({"llama.attention.head_count": (tiny_gguf.ARRAY, (tiny_gguf.U32, [1, 2]))}, "for 1 layers"),
    ],
)
def test_keys_that_make_no_sense(tmp_path: Path, changes: dict[str, tiny_gguf.Value], reason: str) -> None:
    assert reason in rejected(crafted(tmp_path / "a.gguf", KEYS | changes, [EMBEDDINGS]))


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ([EMBEDDINGS, ("token_embd.weight", [32, 2], 0, 256)], "twice"),
        ([EMBEDDINGS, ("b", [32], 0, 128)], "overlaps"),
        ([EMBEDDINGS, ("b", [32], 0, 512)], "gap"),
        ([EMBEDDINGS, ("b", [32], 0, 257)], "misaligned"),
        ([EMBEDDINGS, ("b", [2**62, 2**62], 0, 256)], "impossible shape"),
        ([EMBEDDINGS, ("b", [0], 0, 256)], "impossible shape"),
        ([EMBEDDINGS, ("b", [31], 8, 256)], "impossible shape"),
        ([EMBEDDINGS, ("b", [32], 99, 256)], "unknown type 99"),
        ([EMBEDDINGS, ("b", [1] * 5, 0, 256)], "5 dimensions"),
        ([EMBEDDINGS, ("b" * 64, [32], 0, 256)], "64 bytes"),
        ([("b", [32], 0, 0)], "no token embeddings"),
        ([EMBEDDINGS, ("b", [2**40], 0, 256)], "truncated"),
    ],
)
def test_tensors_that_cannot_be(
    tmp_path: Path, tensors: list[tuple[str, list[int], int, int]], reason: str
) -> None:
    assert reason in rejected(crafted(tmp_path / "a.gguf", KEYS, tensors))


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    path = crafted(tmp_path / "a.gguf", KEYS, [EMBEDDINGS])
    path.write_bytes(path.read_bytes().replace(b"tokenizer.ggml.model", b"general.architecture"))
    assert "twice" in rejected(path)


@pytest.mark.parametrize(("of", "count"), [(8, 2**40), (4, 2**61), (9, 1), (77, 1), (0, 2**64 - 1)])
def test_hostile_arrays_cost_nothing(tmp_path: Path, of: int, count: int) -> None:
    path = crafted(tmp_path / "a.gguf", KEYS, [EMBEDDINGS])
    data = path.read_bytes()
    at = data.index(b"tokenizer.ggml.tokens") + len("tokenizer.ggml.tokens") + 4
    path.write_bytes(data[:at] + struct.pack("<IQ", of, count) + data[at + 12 :])
    assert rejected(path)


def test_endless_empty_strings_are_not_walked(tmp_path: Path) -> None:
    path = tmp_path / "sparse.gguf"
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + tiny_gguf.string("x")
    path.write_bytes(head + struct.pack("<IIQ", tiny_gguf.ARRAY, tiny_gguf.STRING, 2**31))
    os.truncate(path, 2**35)  # a hole: takes no room, holds 2**31 empty strings
    began = time.monotonic()
    assert "claims 2,147,483,648 entries" in rejected(path)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", ["folder", "fifo", "nothing"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    assert name in rejected(tmp_path / name)


def test_random_damage_is_only_ever_refused(tmp_path: Path) -> None:
    random_source = random.Random(11)
    tiny = tiny_gguf.write(tmp_path / "tiny.gguf", width=32, layers=1)
    sound = tiny.read_bytes()
    header = sound.index(b"output.weight") + 60
    path = tmp_path / "damaged.gguf"
    path.write_bytes(sound)
    refused = 0
    tracemalloc.start()
    began = time.monotonic()
    for _ in range(400):
        data = bytearray(sound)
        for _ in range(random_source.randint(1, 4)):
            at = random_source.randrange(header)
            kind = random_source.randrange(4)
            if kind == 0:
                data[at] ^= 1 << random_source.randrange(8)
            elif kind == 1:
                data[at : at + 8] = struct.pack(
                    "<Q", random_source.choice([2**64 - 1, 2**63, 2**40, 2**31, 0])
                )
            elif kind == 2:
                del data[at : at + random_source.randint(1, 16)]
            else:
                data[at:at] = random_source.randbytes(random_source.randint(1, 16))
        with path.open("r+b") as file:
            file.write(data[: header + 64])
        try:
            gguf.check_sound(path)
        except ModelRejected:
            refused += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 200
    assert peak < 16 * 2**20
    assert time.monotonic() - began < 30


def test_long_arrays_of_numbers_are_skipped(tmp_path: Path) -> None:
    many = np.arange(5_000).tolist()
    keys = KEYS | {"x.scores": (tiny_gguf.ARRAY, (tiny_gguf.F32, many))}
    assert gguf.check_sound(crafted(tmp_path / "a.gguf", keys, [EMBEDDINGS])).vocabulary == 2


def test_many_keys_of_a_believable_size_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Two gigabytes of such a file would be ten of memory, in the server."""
    keys: dict[str, tiny_gguf.Value] = {
        f"x.{number}": (tiny_gguf.STRING, "x" * 4_096) for number in range(500)
    }
    path = crafted(tmp_path / "a.gguf", KEYS | keys, [EMBEDDINGS])
    assert "keys hold more than any model's" in rejected(path)


def test_a_vocabulary_of_nothing_but_commands_is_refused(tmp_path: Path) -> None:
    count = gguf.MAX_CONTROL_TOKENS + 1
    keys = KEYS | {
        "tokenizer.ggml.tokens": (tiny_gguf.ARRAY, (tiny_gguf.STRING, ["x"] * count)),
        "tokenizer.ggml.token_type": (tiny_gguf.ARRAY, (tiny_gguf.I32, [tiny_gguf.CONTROL] * count)),
    }
    assert "16,385 of its tokens are commands" in rejected(crafted(tmp_path / "a.gguf", keys, [EMBEDDINGS]))
