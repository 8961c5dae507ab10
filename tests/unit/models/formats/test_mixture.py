"""Which tensors get more bits, by llama.cpp's recipe for Q4_K_M."""

import pytest

from freehold.models.formats.mixture import type_of


def kind(name: str, shape: tuple[int, ...] = (512, 256), tied: bool = False) -> str:
    return type_of("Q4_K_M", name, shape, layers=16, tied=tied, shared=True)


def test_a_third_of_the_middle_and_the_ends_get_more() -> None:
    more = [layer for layer in range(16) if kind(f"blk.{layer}.ffn_down.weight") == "Q6_K"]
    assert more == [0, 1, 4, 7, 10, 13, 14, 15]
    assert more == [layer for layer in range(16) if kind(f"blk.{layer}.attn_v.weight") == "Q6_K"]
    assert {kind(f"blk.{layer}.attn_q.weight") for layer in range(16)} == {"Q4_K"}


def test_the_output_is_dear_wherever_it_stands() -> None:
    assert kind("output.weight") == "Q6_K"
    assert (kind("token_embd.weight"), kind("token_embd.weight", tied=True)) == ("Q4_K", "Q6_K")


def test_norms_and_odd_rows() -> None:
    assert kind("blk.0.attn_norm.weight", (256,)) == "F32"
    assert kind("blk.3.attn_q.weight", (512, 288)) == "Q5_0"
    assert kind("output.weight", (512, 288)) == "Q8_0"
    assert kind("blk.3.attn_q.weight", (512, 100)) == "F16"


def test_the_largest_with_shared_values_give_them_one_bit_more() -> None:
    for layers, kept in ((80, "Q5_K"), (79, "Q4_K")):
        name = "blk.10.attn_v.weight"
        assert type_of("Q4_K_M", name, (1024, 8192), layers=layers, tied=False, shared=True) == kept


@pytest.mark.parametrize("quantisation", ["F32", "F16", "BF16", "Q8_0"])
def test_the_others_treat_all_matrices_alike(quantisation: str) -> None:
    for name in ("token_embd.weight", "output.weight", "blk.0.ffn_down.weight"):
        assert type_of(quantisation, name, (8, 32), layers=1, tied=False, shared=False) == quantisation
    assert type_of(quantisation, "output_norm.weight", (32,), layers=1, tied=False, shared=False) == "F32"
