"""A model, its contexts and its adapters, over llama.cpp's C API.

Thin: owns what C allocates, turns failures into errors, and speaks in numpy arrays. Knows no conversations,
no sampling and no templates. A context belongs to one thread at a time; `Context.abort` alone may be called
from another.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from freehold.engines.llama_api import (
    ABORTED,
    CONTROL_TOKEN,
    NO_ROOM,
    UNKNOWN_TOKEN,
    Api,
    Batch,
    load,
)
from freehold.errors import EngineError, ModelRejected

MAX_SEQUENCES: Final = 256
"""llama.cpp accepts numbers beyond a context's last sequence without a word; they are checked here."""

Ids = NDArray[np.int32]


class Model:
    """Weights and vocabulary. Shared by its contexts; freed by `close`, after them."""

    def __init__(self, path: Path, *, vocabulary_only: bool = False, api: Api | None = None) -> None:
        """Raises:
        Unavailable: this build of llama.cpp is not known.
        ModelRejected: it does not load the file; the message has its reason.
        """
        self.api = api or load()
        params = self.api.model_default_params()
        params.vocab_only = vocabulary_only
        self.api.said()
        self.handle = self.api.model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise ModelRejected(
                f"llama.cpp does not load {path.name}: {self.api.said() or 'it gives no reason'}.",
                hint="Convert the model again, or take another file of it.",
            )
        self.vocabulary = self.api.model_get_vocab(self.handle)
        self.tokens: int = self.api.vocab_n_tokens(self.vocabulary)
        self.context_length: int = self.api.model_n_ctx_train(self.handle)
        self.can_forget_a_part = not (
            self.api.model_is_recurrent(self.handle) or self.api.model_is_hybrid(self.handle)
        )
        """Whether a sequence can be cut back to its beginning."""
        self.has_encoder: bool = self.api.model_has_encoder(self.handle)
        self.adds_beginning: bool = self.api.vocab_get_add_bos(self.vocabulary)
        """Whether its settings want a beginning token before a text."""
        self._pieces: dict[int, bytes] = {}

    def tokenize(self, text: str, *, special: bool = False, begin: bool = False) -> Ids:
        """Token ids of `text`, shape (n,).

        `special` takes the texts of control tokens for those tokens; `begin` puts what the model's own
        settings put around a text, such as a beginning token.
        """
        data = text.encode(errors="replace")
        ids = np.empty(len(data) + 8, np.int32)
        count = self.api.tokenize(self.vocabulary, data, len(data), ids.ctypes.data, len(ids), begin, special)
        if count < 0:
            ids = np.empty(-count, np.int32)
            count = self.api.tokenize(
                self.vocabulary, data, len(data), ids.ctypes.data, len(ids), begin, special
            )
        return ids[:count].copy()

    def piece(self, token: int) -> bytes:
        """The bytes that a token writes, none for a control token; may be part of a character."""
        known = self._pieces.get(token)
        if known is None:
            buffer = ctypes.create_string_buffer(256)
            length = self.api.token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
            if length < 0:
                buffer = ctypes.create_string_buffer(-length)
                length = self.api.token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, False)
            known = self._pieces[token] = buffer.raw[:length]
        return known

    def text(self, token: int) -> str:
        """A token as its vocabulary spells it; empty for none."""
        if not 0 <= token < self.tokens:
            return ""
        spelt: bytes | None = self.api.vocab_get_text(self.vocabulary, token)
        return (spelt or b"").decode(errors="replace")

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""
        return bool(self.api.vocab_is_eog(self.vocabulary, token))

    @property
    def begin_text(self) -> str:
        """The token that begins a text, as templates write it; empty where there is none."""
        return self.text(self.api.vocab_bos(self.vocabulary))

    @property
    def end_text(self) -> str:
        """The token that ends a text, as templates write it."""
        return self.text(self.api.vocab_eos(self.vocabulary))

    @property
    def chat_template(self) -> str | None:
        """The template in the file."""
        text: bytes | None = self.api.model_chat_template(self.handle, None)
        return text.decode(errors="replace") if text else None

    def control_texts(self) -> list[str]:
        """The texts that `tokenize` takes for commands when `special`."""
        attributes = self.api.vocab_get_attr
        mask = CONTROL_TOKEN | UNKNOWN_TOKEN
        return [
            text
            for token in range(self.tokens)
            if attributes(self.vocabulary, token) & mask and (text := self.text(token))
        ]

    def close(self) -> None:
        if self.handle:
            self.api.model_free(self.handle)
            self.handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class Adapter:
    """A LoRA loaded beside a model's weights; applied by `Context.adapt`."""

    def __init__(self, model: Model, path: Path) -> None:
        """What is in `path` must have been held against the model before (`models/formats/gguf_adapter.py`):
        llama.cpp trusts it.

        Raises:
            ModelRejected: llama.cpp does not load it.
        """
        self._model = model
        model.api.said()
        self.handle = model.api.adapter_lora_init(model.handle, os.fsencode(path))
        if not self.handle:
            raise ModelRejected(
                f"llama.cpp does not load the adapter {path.name}: {model.api.said() or 'no reason given'}.",
                hint="Convert the adapter again, from the base model that is in use.",
            )

    def close(self) -> None:
        """No context may have it applied."""
        if self.handle:
            self._model.api.adapter_lora_free(self.handle)
            self.handle = None


class Context:
    """The cache and buffers of one stream of steps over a model."""

    def __init__(
        self,
        model: Model,
        *,
        tokens: int,
        batch: int = 512,
        sequences: int = 1,
        threads: int = 1,
        all_outputs: bool = False,
        flash: bool | None = None,
        full_precision: bool = False,
    ) -> None:
        """Room for `tokens` in all sequences together; `batch` of them are worked on in one step.

        `all_outputs` lets every token of a step give logits, not only one of each sequence. `full_precision`
        keeps the cache in 32 bits. `flash` chooses the attention kernel; None leaves it to llama.cpp.

        Raises:
            ModelRejected: there is no room for it.
        """
        assert 0 < sequences <= MAX_SEQUENCES
        self.model = model
        self.tokens = tokens
        self.batch = batch
        self.sequences = sequences
        api = self._api = model.api
        params = api.context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = tokens, batch, batch, sequences
        params.n_threads = params.n_threads_batch = threads
        params.n_outputs_max_per_seq = 0 if all_outputs else 1
        params.kv_unified = True  # else the context is split over the sequences
        params.flash_attn_type = -1 if flash is None else int(flash)
        if full_precision:
            params.type_k = params.type_v = 0
        api.said()
        self.handle = api.init_from_model(model.handle, params)
        if not self.handle or api.n_ctx(self.handle) < tokens or api.n_seq_max(self.handle) != sequences:
            raise ModelRejected(
                f"llama.cpp makes no context of {tokens} tokens: {api.said() or 'no reason given'}.",
                hint="Lower the setting engine_context, or take a smaller model.",
            )
        self._memory = api.get_memory(self.handle)
        self._row = ctypes.c_float * model.tokens
        self._adapted: list[tuple[Any, float]] = []
        """Handles and scales of the adapters that are applied."""
        self._tokens = np.zeros(batch, np.int32)
        self._positions = np.zeros(batch, np.int32)
        self._counts = np.ones(batch, np.int32)
        self._sequences = np.zeros(batch, np.int32)
        self._pointers = self._sequences.ctypes.data + 4 * np.arange(batch, dtype=np.uintp)
        self._outputs = np.zeros(batch, np.int8)
        self._batch = Batch(
            0,
            self._tokens.ctypes.data,
            None,
            self._positions.ctypes.data,
            self._counts.ctypes.data,
            self._pointers.ctypes.data,
            self._outputs.ctypes.data,
        )
        # llama.cpp asks at every node of its graph whether to stop. A function of Python's would take the
        # interpreter's lock each time; `strlen` says the same of this text, empty or one byte long.
        self._stop = ctypes.create_string_buffer(2)
        strlen = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
        api.set_abort_callback(self.handle, strlen, ctypes.addressof(self._stop))

    def decode(
        self,
        tokens: Sequence[int] | Ids,
        positions: Sequence[int] | Ids,
        sequences: Sequence[int] | Ids,
        outputs: Sequence[bool] | NDArray[np.bool_],
    ) -> bool:
        """One step, of at most `batch` tokens; False when the cache has no room for it, and nothing is done.

        Raises:
            AbortedError: `abort` was called; what this step had put into the cache is to be removed.
            EngineError: llama.cpp failed.
        """
        count = len(tokens)
        assert 0 < count <= self.batch
        self._tokens[:count] = tokens
        self._positions[:count] = positions
        self._sequences[:count] = sequences
        self._outputs[:count] = outputs
        assert self._sequences[:count].min() >= 0 and self._sequences[:count].max() < self.sequences
        self._batch.n_tokens = count
        self._api.said()
        result = self._api.decode(self.handle, self._batch)
        if result == ABORTED:
            raise AbortedError
        if result not in (0, NO_ROOM):
            raise EngineError(
                f"llama.cpp failed with code {result}: {self._api.said() or 'no reason given'}.",
                hint="Ask again.",
            )
        return bool(result == 0)

    def logits(self, index: int) -> NDArray[np.float32]:
        """The logits of the step's token at `index`, shape (vocabulary,); of use until the next step."""
        address = self._api.get_logits_ith(self.handle, index)
        if not address:
            raise EngineError(f"The step gave no logits for its token {index}.")
        row: Any = self._row.from_address(address)
        return np.frombuffer(row, np.float32)

    def all_logits(self, tokens: Sequence[int] | Ids) -> NDArray[np.float32]:
        """Logits after each token of one text alone in the context, shape (len(tokens), vocabulary).

        Needs `all_outputs`.
        """
        self.clear()
        rows = np.empty((len(tokens), self.model.tokens), np.float32)
        for start in range(0, len(tokens), self.batch):
            piece = tokens[start : start + self.batch]
            places = np.arange(start, start + len(piece), dtype=np.int32)
            if not self.decode(piece, places, np.zeros(len(piece), np.int32), np.ones(len(piece), np.bool_)):
                raise EngineError(f"{len(tokens)} tokens do not fit into the context.")
            for index in range(len(piece)):
                rows[start + index] = self.logits(index)
        return rows

    def adapt(self, adapters: Sequence[tuple[Adapter, float]]) -> None:
        """From the next step on, adds these adapters, times their scales, to the weights; none by default."""
        wanted = [(adapter.handle, scale) for adapter, scale in adapters]
        if wanted == self._adapted:
            return
        handles = (ctypes.c_void_p * len(adapters))(*(adapter.handle for adapter, _ in adapters))
        scales = (ctypes.c_float * len(adapters))(*(scale for _, scale in adapters))
        if self._api.set_adapters_lora(self.handle, handles, len(adapters), scales):
            raise EngineError("llama.cpp does not apply the adapter.")
        self._adapted = wanted

    def abort(self) -> None:
        """Ends the step that runs now, from another thread; holds until `resume`."""
        self._stop[0] = b"\1"

    def resume(self) -> None:
        """Lets steps run again after `abort`."""
        self._stop[0] = b"\0"

    def clear(self) -> None:
        """Forgets every sequence."""
        self._api.memory_clear(self._memory, False)

    def forget(self, sequence: int, start: int = 0) -> None:
        """Forgets a sequence from the position `start` on."""
        assert 0 <= sequence < self.sequences
        self._api.memory_seq_rm(self._memory, sequence, start, -1)

    def share(self, source: int, target: int, count: int) -> None:
        """Gives `target`, which must be empty, the first `count` tokens of `source`, without copying them."""
        assert 0 <= source < self.sequences and 0 <= target < self.sequences
        self._api.memory_seq_cp(self._memory, source, target, 0, count)

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """A copy of what the cache holds of a sequence, for contexts of the same model and settings."""
        assert 0 <= sequence < self.sequences
        state = np.empty(self._api.state_seq_get_size(self.handle, sequence), np.uint8)
        written = self._api.state_seq_get_data(self.handle, state.ctypes.data, len(state), sequence)
        return state[:written]

    def restore(self, sequence: int, state: NDArray[np.uint8]) -> bool:
        """Puts a saved state into an empty sequence; False when there is no room for it."""
        assert 0 <= sequence < self.sequences
        read = self._api.state_seq_set_data(self.handle, state.ctypes.data, len(state), sequence)
        return bool(len(state) and read == len(state))

    def length(self, sequence: int) -> int:
        """Positions that a sequence fills."""
        assert 0 <= sequence < self.sequences
        return int(self._api.memory_seq_pos_max(self._memory, sequence)) + 1

    def close(self) -> None:
        if self.handle:
            self._api.free(self.handle)
            self.handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class AbortedError(Exception):
    """A step was ended by `Context.abort`."""
