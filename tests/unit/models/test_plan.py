"""Plans: sizes against published figures and real files, speeds by hand, and what to run a model with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from freehold.models import memory
from freehold.models.formats import blank, gguf
from freehold.models.formats.llama_config import LlamaConfig, Rope
from freehold.models.plan import Plan, plan
from freehold.models.presets import PRESETS
from freehold.models.shape import of_config, of_gguf
from freehold.models.speeds import Speeds

SMALL = LlamaConfig(2048, 256, 512, 4, 4, 2, 64, 512, 1e-5, Rope(500_000.0), tied=False)
GB = 10**9
TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_K", "Q6_K")
EVEN = Speeds(1, dict.fromkeys(TYPES, 10e9), dict.fromkeys(TYPES, 20e9), 0.0, 0.0, 1.0)
"""A machine that is as fast with every type."""


def planned(name: str, machine: float = 64 * GB, speeds: Speeds | None = EVEN, context: int = 8192) -> Plan:
    shape, weights = of_config(PRESETS[name], name)
    return plan(shape, weights, context=context, slots=4, machine_bytes=int(machine), speeds=speeds)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("llama-2-7b", 6.738),
        ("llama-2-13b", 13.016),
        ("llama-2-70b", 68.977),
        ("llama-3-8b", 8.030),
        ("llama-3.1-70b", 70.554),
        ("llama-3.1-405b", 405.853),
        ("llama-3.2-1b", 1.236),
        ("llama-3.2-3b", 3.213),
    ],
)
def test_presets_have_as_many_parameters_as_their_publisher_says(name: str, billions: float) -> None:
    assert of_config(PRESETS[name], name)[0].parameters / 1e9 == pytest.approx(billions, abs=0.001)


@pytest.mark.parametrize(
    ("name", "quantisation", "gigabytes"),
    [
        ("llama-3.2-1b", "Q4_K_M", 0.808),
        ("llama-3.1-8b", "Q4_K_M", 4.92),
        ("llama-3.1-8b", "Q8_0", 8.54),
        ("llama-3.1-70b", "Q4_K_M", 42.5),
        ("llama-2-7b", "Q4_K_M", 4.08),
        ("llama-3.1-405b", "BF16", 812.0),
    ],
)
def test_files_are_as_large_as_published_ones(name: str, quantisation: str, gigabytes: float) -> None:
    row = next(row for row in planned(name).rows if row.quantisation == quantisation)
    assert row.file_bytes / GB == pytest.approx(gigabytes, rel=0.01)


@pytest.mark.parametrize("quantisation", ["F32", "F16", "BF16", "Q8_0", "Q4_K_M"])
@pytest.mark.parametrize("tied", [False, True])
def test_a_real_file_is_as_planned(tmp_path: Path, quantisation: str, tied: bool) -> None:
    config = replace(SMALL, tied=tied)
    blank.write(tmp_path / "blank.gguf", config, quantisation)
    real = gguf.check_sound(tmp_path / "blank.gguf")
    shape, [weights] = of_config(config, "blank", (quantisation,))
    assert weights.tensor_bytes == real.tensor_bytes
    assert weights.file_bytes == pytest.approx(real.file_size, rel=0.1)
    read_shape, read = of_gguf(tmp_path / "blank.gguf")
    assert read_shape == shape
    assert (read.for_written, read.for_read) == (weights.for_written, weights.for_read)
    assert read.file_bytes == real.file_size
    made = plan(shape, [weights], context=512, slots=2, machine_bytes=GB)
    assert made.rows[0].needed_bytes == memory.memory_needed(real, 512, 2)


def test_what_a_token_costs_by_hand() -> None:
    shape, [weights] = of_config(SMALL, "small", ("F16",))
    layer = 2 * 256 * 256 + 2 * 128 * 256 + 3 * 512 * 256
    norms = (2 * 4 + 1) * 256
    assert weights.for_written == {"F16": 4 * layer + 2048 * 256, "F32": norms}
    assert weights.for_read["F16"] == 4 * layer - 3 * 512 * 256
    assert shape.kv_width == 2 * 4 * 2 * 64
    slow = replace(EVEN, layer_seconds=1e-3, token_seconds=2e-3)
    seconds = 6e-3 + (weights.bytes_a_token + 2 * shape.kv_width * 100) / 10e9
    assert 1 / slow.tokens_written(shape, weights, 100) == pytest.approx(seconds)
    read = 4e-3 / 64 + (sum(weights.for_read.values()) + 4 * 256 * 100) / 20e9
    assert 1 / slow.tokens_read(shape, weights, 100) == pytest.approx(read)


def test_a_type_that_was_not_measured_counts_as_its_nearest() -> None:
    shape, [weights] = of_config(SMALL, "small", ("Q5_K",))
    uneven = replace(EVEN, written=EVEN.written | {"Q6_K": 5e9})
    assert uneven.tokens_written(shape, weights, 0) < EVEN.tokens_written(shape, weights, 0)


def test_a_small_model_is_served_here_as_faithfully_as_is_comfortable() -> None:
    one = planned("llama-3.2-1b")
    assert [row.fits for row in one.rows] == [True] * 5
    assert one.choice is not None
    assert one.choice.quantisation == "Q8_0", "16 bits would write 4 tokens a second"
    assert one.advice == "Serve Q8_0 here, by llama.cpp."
    assert one.cache_bytes == 8192 * 32_768


def test_a_model_that_fits_and_is_slow_says_so() -> None:
    eight = planned("llama-3.1-8b", machine=12 * GB)
    assert [row.quantisation for row in eight.rows if row.fits] == ["Q8_0", "Q4_K_M"]
    assert eight.choice is not None
    assert eight.choice.quantisation == "Q4_K_M"
    assert "writes more slowly than people read" in eight.advice
    assert "1 GPU of 80 GB in 16 bits" in eight.advice


def test_the_largest_goes_to_many_gpus() -> None:
    largest = planned("llama-3.1-405b")
    assert largest.choice is None
    assert largest.gpus == {"16 bits": 16, "8 bits": 8}
    assert largest.advice == (
        "It does not fit here. Use vLLM over 16 GPUs of 80 GB in 16 bits or 8 GPUs of 80 GB in 8 bits,"
        " and add it as an endpoint."
    )
    assert planned("llama-3.1-405b", context=131_072).cache_bytes == 131_072 * 2 * 258_048


def test_without_speeds_it_is_only_about_room() -> None:
    quiet = planned("llama-3.1-8b", machine=12 * GB, speeds=None)
    assert quiet.choice is not None
    assert quiet.choice.quantisation == "Q8_0"
    assert quiet.rows[0].written is None
    assert json.loads(json.dumps(quiet.as_json()))["choice"] == "Q8_0"


def test_no_more_context_is_planned_than_the_model_has() -> None:
    assert planned("llama-2-7b", context=100_000).context == 4096
