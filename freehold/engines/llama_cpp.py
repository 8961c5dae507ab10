"""Freehold's own binding of llama.cpp, for the worker: what the wheel's server cannot do, over its C API.

Live adapters, prompts read in small parts that share time, a step that ends when its conversation is given
up, chat templates rendered with a deadline. Refuses a build of llama.cpp that it does not know.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from freehold.engines.adapters import Adapters, Use
from freehold.engines.llama_model import Context, Model
from freehold.engines.prompt import Prompts
from freehold.engines.renderer import Renderer
from freehold.engines.sampler import Sampler, Sampling
from freehold.engines.scheduler import Conversation, Scheduler
from freehold.engines.writing import Writing
from freehold.errors import InvalidInput, ModelRejected
from freehold.models.chat_marks import marks_of

Message = dict[str, Any]

CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHATML_END: Final = "<|im_end|>"
JOIN_SECONDS: Final = 4.0
PROBE: Final = ({"role": "user", "content": "Hello"},)


class LlamaCpp:
    """One model, served by the C API."""

    name = "own"

    def __init__(self, settings: Message) -> None:
        """Raises:
        Unavailable: this build of llama.cpp is not known.
        ModelRejected: the model cannot be loaded, or its chat template is not sound.
        """
        path = Path(settings["model"])
        self._renderer = Renderer()  # takes as long to start as a small model to load
        try:
            self._model = Model(path)
            if self._model.has_encoder:
                raise ModelRejected(f"{path.name} has an encoder: not served.", hint="Take a chat model.")
            template = self._model.chat_template
            self._extra_stops = [] if template else [CHATML_END]
            self._renderer.prepare(
                template or CHATML, bos_token=self._model.begin_text, eos_token=self._model.end_text
            )
            self._context = Context(
                self._model,
                tokens=settings["context"],
                batch=settings["batch"],
                sequences=settings["slots"],
                threads=settings["threads"],
            )
            self._probe()
            self._prompts = Prompts(
                self._model,
                self._renderer,
                self._model.control_texts(),
                begin=template is None and self._model.adds_beginning,
                marks=marks_of(template or CHATML, self._renderer.render),
            )
        except BaseException:
            self._renderer.close()
            raise
        self._adapters = Adapters(self._model, self._context, path)
        self._scheduler = Scheduler(
            self._model,
            self._context,
            self._adapters,
            slots=settings["slots"],
            kept_bytes=settings["cache_mib"] * 2**20,
        )
        self._open: dict[int, Conversation] = {}

    def generate(
        self, request: Message, emit: Callable[[Message], None], cancelled: threading.Event
    ) -> Message:
        """Blocks until the answer is complete; what it returns is the last event, processor time aside.

        Raises:
            InvalidInput: the prompt does not fit, or a grammar or schema cannot be followed.
            ModelRejected: the adapter is not sound or does not fit, or the chat template fails.
        """
        prompt = self._prompts.tokens(request["messages"])
        if len(prompt) >= self._context.tokens:
            raise InvalidInput(
                f"The prompt has {len(prompt)} tokens; the model's context holds {self._context.tokens}.",
                hint="Ask a shorter question, or raise the setting engine_context.",
            )
        use = _use(request["adapter"])
        if use is not None:
            self._adapters.check(use)
        names = ("temperature", "top_k", "top_p", "min_p", "seed", "grammar", "json_schema")
        sampler = Sampler(self._model, Sampling(**{name: request[name] for name in names}))
        try:
            writing = Writing(
                self._model,
                sampler,
                max_tokens=min(request["max_tokens"], self._context.tokens - len(prompt)),
                stops=[*request["stop"], *self._extra_stops],
                logprobs=request["logprobs"],
                emit=lambda text, logprobs: emit(_delta(text, logprobs)),
            )
            conversation = Conversation(
                prompt, writing, use, on_read=lambda: emit({"event": "progress"}), cancelled=cancelled
            )
            self._open[request["id"]] = conversation
            self._scheduler.run(conversation)
        finally:
            self._open.pop(request["id"], None)
            sampler.close()
        return {
            "event": "finished",
            "reason": writing.reason or "cancelled",
            "prompt_tokens": len(prompt),
            "cached_tokens": conversation.cached,
            "completion_tokens": len(writing.tokens),
        }

    def cancel(self, id: int) -> None:
        """Gives up a request, whose `cancelled` is set, as soon as can be."""
        if conversation := self._open.get(id):
            self._scheduler.cancel(conversation)

    def measure(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation in the model's chat template."""
        return len(self._prompts.tokens(messages))

    def count(self, text: str) -> int:
        """Tokens of a text as it stands."""
        return len(self._model.tokenize(text))

    def close(self) -> bool:
        """Cancels all and frees the model; False when a step does not end in time."""
        self._renderer.close()
        if not self._scheduler.close(JOIN_SECONDS):
            return False
        self._adapters.close()
        self._context.close()
        self._model.close()
        return True

    def _probe(self) -> None:
        """Tries the template; one that refuses this conversation may like others."""
        with contextlib.suppress(InvalidInput):
            self._renderer.render(PROBE)


def _use(adapter: Message | None) -> Use | None:
    if adapter is None or adapter["scale"] == 0:
        return None
    return Use(adapter["id"], Path(adapter["path"]), adapter["scale"])


def _delta(text: str, logprobs: Sequence[Message]) -> Message:
    if not text and not logprobs:
        return {"event": "progress"}
    return {"event": "delta", "text": text, **({"logprobs": logprobs} if logprobs else {})}
