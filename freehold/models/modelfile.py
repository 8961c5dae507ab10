"""Ollama's Modelfile of a GGUF: what it is made of, its template, where it stops, its terms.

`python -m freehold.models.modelfile FILE.gguf` prints `{"template", "stops"}` as JSON: a template that came
with a model is a program of somebody else's, and is run here, with limits, and not in the server's process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.models.chat_format import render
from freehold.models.formats.gguf_file import GgufFile, open_gguf
from freehold.models.go_template import translated

CONTEXT = 8192
"""Tokens that Ollama is told to keep, where the model has as many: its own default cuts prompts short."""

SECONDS = 30
"""That a template may take, its process's start included; it holds up nobody but its own export."""
MEMORY_BYTES = 2 * 2**30
MAX_TEMPLATE_CHARS = 64 * 1024
MAX_STOP_CHARS = 256
_ENDS = ("eos", "eot", "eom")
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")


def modelfile(
    weights: str,
    facts: Mapping[str, Any],
    told: Mapping[str, Any],
    licences: Sequence[str],
    adapter: str = "",
) -> str:
    """The text of a Modelfile; `told` is what `asked` gave, the licences are whole texts."""
    lines = [f"FROM ./{weights}"]
    if adapter:
        lines.append(f"ADAPTER ./{adapter}")
    if told.get("template"):
        lines.append(f'TEMPLATE """{told["template"]}"""')
    else:
        lines.append(
            "# Its chat template could not be written in Go: Ollama takes what it makes of the GGUF's own."
        )
    lines.append(f"PARAMETER num_ctx {min(CONTEXT, int(facts.get('context_length') or CONTEXT))}")
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in told.get("stops", ())]
    for text in licences:
        safe = text.replace('"""', "'''").strip()
        lines.append(f'LICENSE """{safe}\n"""')  # a text that ends with a quote would end it early
    return "\n".join(lines) + "\n"


def asked(path: Path) -> dict[str, Any]:
    """Template and stops of a GGUF, worked out in a process of its own; empty where that fails."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "freehold.models.modelfile", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=SECONDS,
            check=True,
        )
        found = json.loads(ran.stdout)
    except (subprocess.SubprocessError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def told(path: Path) -> dict[str, Any]:
    """Template, in Go, and the texts of the tokens that end an answer."""
    with open_gguf(path) as file:
        known = "tokenizer.ggml.tokens" in file.metadata
        tokens = file.items("tokenizer.ggml.tokens", str) if known else []
        ends = [_token(file, tokens, f"tokenizer.ggml.{end}_token_id") for end in _ENDS]
        beginning = _token(file, tokens, "tokenizer.ggml.bos_token_id")
        written = file.value("tokenizer.chat_template", str, "")
        adds = file.value("tokenizer.ggml.model", str, "") == "llama"
        added = file.value("tokenizer.ggml.add_bos_token", bool, adds)
    template = None
    if written:
        template = translated(
            lambda turns, prompted: render(
                written, turns, bos_token=beginning, eos_token=ends[0], add_generation_prompt=prompted
            ),
            beginning if added else "",
        )
    if template is not None and len(template) > MAX_TEMPLATE_CHARS:
        template = None
    return {"template": template, "stops": sorted({end for end in ends if 0 < len(end) <= MAX_STOP_CHARS})}


def _token(file: GgufFile, tokens: Sequence[str], key: str) -> str:
    id = file.value(key, int, -1)
    return tokens[id] if 0 <= id < len(tokens) else ""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    json.dump(told(Path(sys.argv[1])), sys.stdout)
