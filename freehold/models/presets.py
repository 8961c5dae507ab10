"""The published Llamas' sizes, so that one can plan before downloading anything.

Facts of each checkpoint's `config.json` on its publisher's page (meta-llama/Llama-2-7b-chat-hf to
meta-llama/Llama-3.2-3B-Instruct; Llama 3.3 70B has 3.1's sizes).
"""

from __future__ import annotations

from freehold.models.formats.llama_config import LlamaConfig, Rope

_ROPE_2 = Rope(10_000.0)
_ROPE_3 = Rope(500_000.0)
_ROPE_31 = Rope(500_000.0, "llama3", 8.0, 1.0, 4.0, 8192)
_ROPE_32 = Rope(500_000.0, "llama3", 32.0, 1.0, 4.0, 8192)


def _llama_2(width: int, inner: int, layers: int, heads: int, kv_heads: int) -> LlamaConfig:
    return LlamaConfig(
        32_000, width, inner, layers, heads, kv_heads, width // heads, 4096, 1e-5, _ROPE_2, tied=False
    )


def _llama_3(
    width: int, inner: int, layers: int, heads: int, *, rope: Rope, context: int = 131_072, tied: bool = False
) -> LlamaConfig:
    return LlamaConfig(
        128_256, width, inner, layers, heads, 8, width // heads, context, 1e-5, rope, tied=tied
    )


PRESETS: dict[str, LlamaConfig] = {
    "llama-2-7b": _llama_2(4096, 11_008, 32, 32, 32),
    "llama-2-13b": _llama_2(5120, 13_824, 40, 40, 40),
    "llama-2-70b": _llama_2(8192, 28_672, 80, 64, 8),
    "llama-3-8b": _llama_3(4096, 14_336, 32, 32, rope=_ROPE_3, context=8192),
    "llama-3-70b": _llama_3(8192, 28_672, 80, 64, rope=_ROPE_3, context=8192),
    "llama-3.1-8b": _llama_3(4096, 14_336, 32, 32, rope=_ROPE_31),
    "llama-3.1-70b": _llama_3(8192, 28_672, 80, 64, rope=_ROPE_31),
    "llama-3.1-405b": _llama_3(16_384, 53_248, 126, 128, rope=_ROPE_31),
    "llama-3.2-1b": _llama_3(2048, 8192, 16, 32, rope=_ROPE_32, tied=True),
    "llama-3.2-3b": _llama_3(3072, 8192, 28, 24, rope=_ROPE_32, tied=True),
    "llama-3.3-70b": _llama_3(8192, 28_672, 80, 64, rope=_ROPE_31),
}
