"""The C API of the llama.cpp inside the pinned `xllamacpp` wheel, declared for ctypes.

The wheel exports these symbols but promises nothing about them: between July and October four of its
releases had three layouts of the parameter structs. So exactly one build is known here. `load` refuses every
other, and also this one when a struct's defaults do not stand where they should, before anything is called
that could take a wrong layout for a number. Knows nothing of models; `llama_model` does.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections import deque
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_void_p
from typing import Any, Final

from freehold.models.formats import wheel

LLAMA_VERSION: Final = b"0.6.0-dev"

WARNING, CONTINUED = 3, 5
"""Levels of its log; 4 is an error, 5 goes on with the line before."""
ABORTED, NO_ROOM = 2, 1
"""What `llama_decode` returns when it was told to stop, and when the cache has no room."""
CONTROL_TOKEN, UNKNOWN_TOKEN = 8, 1
"""Bits of a token's attributes."""


class ModelParams(ctypes.Structure):
    """`llama_model_params`."""

    _fields_ = (
        ("devices", c_void_p),
        ("tensor_buft_overrides", c_void_p),
        ("n_gpu_layers", c_int32),
        ("split_mode", c_int32),
        ("load_mode", c_int32),
        ("lazy_mode", c_int32),
        ("main_gpu", c_int32),
        ("tensor_split", c_void_p),
        ("progress_callback", c_void_p),
        ("progress_callback_user_data", c_void_p),
        ("kv_overrides", c_void_p),
        ("vocab_only", c_bool),
        ("check_tensors", c_bool),
        ("use_extra_bufts", c_bool),
        ("no_host", c_bool),
        ("no_alloc", c_bool),
        ("load_mtp", c_bool),
    )


class ContextParams(ctypes.Structure):
    """`llama_context_params`; of the three words in the middle only their number is known."""

    _fields_ = (
        ("n_ctx", c_uint32),
        ("n_batch", c_uint32),
        ("n_ubatch", c_uint32),
        ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32),
        ("n_outputs_max", c_uint32),
        ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32),
        ("n_threads_batch", c_int32),
        ("ctx_type", c_int32),
        ("rope_scaling_type", c_int32),
        ("pooling_type", c_int32),
        ("attention_type", c_int32),
        ("flash_attn_type", c_int32),
        ("rope_freq_base", c_float),
        ("rope_freq_scale", c_float),
        ("yarn_ext_factor", c_float),
        ("yarn_attn_factor", c_float),
        ("yarn_beta_fast", c_float),
        ("yarn_beta_slow", c_float),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p),
        ("type_k", c_int32),
        ("type_v", c_int32),
        ("words", c_void_p * 3),
        ("embeddings", c_bool),
        ("offload_kqv", c_bool),
        ("no_perf", c_bool),
        ("op_offload", c_bool),
        ("swa_full", c_bool),
        ("kv_unified", c_bool),
        ("samplers", c_void_p),
        ("n_samplers", c_size_t),
        ("ctx_other", c_void_p),
    )


class Batch(ctypes.Structure):
    """`llama_batch`: the tokens of one step, their places and sequences, and whose logits are wanted."""

    _fields_ = (
        ("n_tokens", c_int32),
        ("token", c_void_p),
        ("embd", c_void_p),
        ("pos", c_void_p),
        ("n_seq_id", c_void_p),
        ("seq_id", c_void_p),
        ("logits", c_void_p),
    )


class TokenData(ctypes.Structure):
    """`llama_token_data`: one candidate for the next token."""

    _fields_ = (("id", c_int32), ("logit", c_float), ("p", c_float))


class TokenDataArray(ctypes.Structure):
    """`llama_token_data_array`; `selected` is an index into `data`."""

    _fields_ = (
        ("data", POINTER(TokenData)),
        ("size", c_size_t),
        ("selected", ctypes.c_int64),
        ("sorted", c_bool),
    )


class ChainParams(ctypes.Structure):
    """`llama_sampler_chain_params`."""

    _fields_ = (("no_perf", c_bool),)


LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, c_char_p, c_void_p)

FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "llama_version": (c_char_p, []),
    "llama_backend_init": (None, []),
    "llama_log_set": (None, [LOG, c_void_p]),
    "llama_model_default_params": (ModelParams, []),
    "llama_model_load_from_file": (c_void_p, [c_char_p, ModelParams]),
    "llama_model_free": (None, [c_void_p]),
    "llama_model_get_vocab": (c_void_p, [c_void_p]),
    "llama_model_n_ctx_train": (c_int32, [c_void_p]),
    "llama_model_chat_template": (c_char_p, [c_void_p, c_char_p]),
    "llama_model_has_encoder": (c_bool, [c_void_p]),
    "llama_model_is_recurrent": (c_bool, [c_void_p]),
    "llama_model_is_hybrid": (c_bool, [c_void_p]),
    "llama_context_default_params": (ContextParams, []),
    "llama_init_from_model": (c_void_p, [c_void_p, ContextParams]),
    "llama_free": (None, [c_void_p]),
    "llama_n_ctx": (c_uint32, [c_void_p]),
    "llama_n_batch": (c_uint32, [c_void_p]),
    "llama_n_seq_max": (c_uint32, [c_void_p]),
    "llama_n_threads": (c_int32, [c_void_p]),
    "llama_set_abort_callback": (None, [c_void_p, c_void_p, c_void_p]),
    "llama_decode": (c_int32, [c_void_p, Batch]),
    "llama_get_logits_ith": (c_void_p, [c_void_p, c_int32]),
    "llama_get_memory": (c_void_p, [c_void_p]),
    "llama_memory_clear": (None, [c_void_p, c_bool]),
    "llama_memory_seq_rm": (c_bool, [c_void_p, c_int32, c_int32, c_int32]),
    "llama_memory_seq_cp": (None, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "llama_memory_seq_pos_max": (c_int32, [c_void_p, c_int32]),
    "llama_state_seq_get_size": (c_size_t, [c_void_p, c_int32]),
    "llama_state_seq_get_data": (c_size_t, [c_void_p, c_void_p, c_size_t, c_int32]),
    "llama_state_seq_set_data": (c_size_t, [c_void_p, c_void_p, c_size_t, c_int32]),
    "llama_tokenize": (c_int32, [c_void_p, c_char_p, c_int32, c_void_p, c_int32, c_bool, c_bool]),
    "llama_token_to_piece": (c_int32, [c_void_p, c_int32, c_void_p, c_int32, c_int32, c_bool]),
    "llama_vocab_n_tokens": (c_int32, [c_void_p]),
    "llama_vocab_get_text": (c_char_p, [c_void_p, c_int32]),
    "llama_vocab_get_attr": (c_int32, [c_void_p, c_int32]),
    "llama_vocab_get_add_bos": (c_bool, [c_void_p]),
    "llama_vocab_is_eog": (c_bool, [c_void_p, c_int32]),
    "llama_vocab_bos": (c_int32, [c_void_p]),
    "llama_vocab_eos": (c_int32, [c_void_p]),
    "llama_adapter_lora_init": (c_void_p, [c_void_p, c_char_p]),
    "llama_adapter_lora_free": (None, [c_void_p]),
    "llama_set_adapters_lora": (c_int32, [c_void_p, c_void_p, c_size_t, c_void_p]),
    "llama_sampler_chain_default_params": (ChainParams, []),
    "llama_sampler_chain_init": (c_void_p, [ChainParams]),
    "llama_sampler_chain_add": (None, [c_void_p, c_void_p]),
    "llama_sampler_init_top_k": (c_void_p, [c_int32]),
    "llama_sampler_init_top_p": (c_void_p, [c_float, c_size_t]),
    "llama_sampler_init_min_p": (c_void_p, [c_float, c_size_t]),
    "llama_sampler_init_temp": (c_void_p, [c_float]),
    "llama_sampler_init_dist": (c_void_p, [c_uint32]),
    "llama_sampler_init_grammar": (c_void_p, [c_void_p, c_char_p, c_char_p]),
    "llama_sampler_apply": (None, [c_void_p, POINTER(TokenDataArray)]),
    "llama_sampler_accept": (None, [c_void_p, c_int32]),
    "llama_sampler_free": (None, [c_void_p]),
    "_Z22llama_sampler_init_llgPK11llama_vocabPKcS3_": (c_void_p, [c_void_p, c_char_p, c_char_p]),
}
"""By symbol: what it returns and takes. The last is a C++ function; its arguments are plain pointers."""

MODEL_DEFAULTS: Final = {
    "n_gpu_layers": -1,
    "split_mode": 1,
    "load_mode": -1,
    "lazy_mode": 1,
    "main_gpu": 0,
    "tensor_split": None,
    "kv_overrides": None,
    "vocab_only": False,
    "check_tensors": False,
    "use_extra_bufts": True,
    "no_alloc": False,
}
CONTEXT_DEFAULTS: Final = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "n_outputs_max_per_seq": 1,
    "n_threads": 4,
    "rope_scaling_type": -1,
    "flash_attn_type": -1,
    "rope_freq_base": 0.0,
    "yarn_ext_factor": -1.0,
    "yarn_beta_slow": -1.0,
    "defrag_thold": -1.0,
    "type_k": 1,
    "type_v": 1,
    "embeddings": False,
    "offload_kqv": True,
    "no_perf": True,
    "op_offload": True,
    "swa_full": True,
    "kv_unified": False,
    "n_samplers": 0,
    "ctx_other": None,
}


class Api:
    """The library's functions, each under its C name without `llama_`. Made by `load`."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self._said: deque[str] = deque(maxlen=50)
        self._log = LOG(self._hear)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, _short(name), function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"llama_{name} is not declared")

    def begin(self) -> None:
        """Sets the library up; what it logs is kept here instead of printed."""
        self.log_set(self._log, None)
        self.backend_init()

    def said(self) -> str:
        """Why the last thing failed, in llama.cpp's words, or nothing; forgets it."""
        lines = [line for line in self._said if line]
        self._said.clear()
        for line in lines:
            reason = line.partition("error loading model: ")[2]
            if reason and "failed to load model from" not in reason:  # which only repeats the path
                return reason[:300]
        return lines[0][:300] if lines else ""

    def _hear(self, level: int, text: bytes, _: None) -> None:
        if level == WARNING + 1:
            self._said.append(text.decode(errors="replace").strip())
        elif level == CONTINUED and self._said:
            self._said[-1] += text.decode(errors="replace").rstrip()


@functools.cache
def load() -> Api:
    """The API, once in a process.

    Raises:
        Unavailable: the wheel is missing, of another version, or not laid out as that version was.
    """
    api = Api(wheel.library(FUNCTIONS))
    check_layout(api)
    api.begin()
    return api


def check_layout(api: Api) -> None:
    """Holds the library's version and default parameters against the known ones.

    Raises:
        Unavailable: names the first that differs.
    """
    version = api.version()
    if version != LLAMA_VERSION:
        raise wheel.unknown(
            f"its llama.cpp is {version.decode(errors='replace')}, not {LLAMA_VERSION.decode()}"
        )
    for known, params in (
        (MODEL_DEFAULTS, api.model_default_params()),
        (CONTEXT_DEFAULTS, api.context_default_params()),
    ):
        for name, value in known.items():
            if getattr(params, name) != value:
                raise wheel.unknown(f"{name} is {getattr(params, name)} by default, not {value}")


def _short(symbol: str) -> str:
    """A function's name in `Api`: without `llama_`, and without a C++ symbol's types."""
    mangled = re.fullmatch(r"_Z\d+(llama_[a-z_]+?)P.*", symbol)
    return (mangled[1] if mangled else symbol).removeprefix("llama_")
