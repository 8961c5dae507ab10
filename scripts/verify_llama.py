"""Verifies a real Llama checkpoint, and fills its row in docs/models.md.

    python scripts/verify_llama.py FOLDER|hf:ORG/NAME@REVISION [--row NAME] [--table docs/models.md]

Converts and quantises it as `freehold model add` does, compares each file with transformers in float32
(template, tokens, log-probabilities, greedy answers), and asks the example suite of the Q4_K_M model through
`freehold evaluate`. Exits with 1 when it is not verified; the row says so, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fixtures")]

from freehold.config import load  # noqa: E402 - the path first
from freehold.egress import Egress  # noqa: E402 - the path first
from freehold.engines.llama_model import Context, Model  # noqa: E402 - the path first
from freehold.errors import FreeholdError, InvalidInput  # noqa: E402 - the path first
from freehold.models import hub  # noqa: E402 - the path first
from freehold.models.formats import convert  # noqa: E402 - the path first
from freehold.models.formats.checkpoint import open_checkpoint  # noqa: E402 - the path first
from freehold.models.formats.quantize import quantize  # noqa: E402 - the path first
from freehold.models.hub_choice import chosen  # noqa: E402 - the path first

QUANTISATIONS = ("F32", "F16", "Q8_0", "Q4_K_M")
TOLERATED = {"F32": 0.02, "F16": 0.1}
"""Largest difference of a log-probability, and what must say greedily what transformers says; what quantising
costs is told and not judged."""
TOKENS = 24
QUESTION = "List three things that a customer should have at hand before calling support."
FIGURES = {"right": "right", "answers.answered": "answered", "refusals.right": "refused"}
SUITE = ROOT / "benchmarks" / "suites" / "freehold"


@dataclass
class Found:
    """What was found out about a checkpoint."""

    equal: bool = False
    """Template, token ids and end tokens are transformers'."""
    differences: dict[str, float] = field(default_factory=dict)
    greedy: dict[str, int] = field(default_factory=dict)
    """Tokens said as transformers says them before the first other one."""
    said: int = 0
    """Tokens that transformers said."""
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """Why it is not verified."""
        faults = [] if self.equal else ["template, tokens or ends differ"]
        for name, most in TOLERATED.items():
            if not self.differences[name] <= most:
                faults.append(f"{name} differs by {self.differences[name]:.3g}")
            if self.greedy[name] < self.said:
                faults.append(f"{name} says other words")
        return faults

    def row(self, name: str, day: str) -> str:
        """Its row of the table."""
        cells = [
            name,
            "**verified**" if not self.faults else f"failed: {'; '.join(self.faults)}",
            "equal" if self.equal else "differ",
            *(f"{self.differences[each]:.2g}" for each in QUANTISATIONS),
            " / ".join(str(self.greedy[each]) for each in QUANTISATIONS) + f" of {self.said}",
            ", ".join(f"{label} {value:.0%}" for label, value in self.figures.items()),
            day,
        ]
        return f"| {' | '.join(cells)} |"


def main() -> int:
    given = arguments()
    try:
        with checkpoint(given.checkpoint, given.work) as folder:
            found = verified(folder, given.suite, given.work)
        name = given.row or given.checkpoint.partition("@")[0].rstrip("/").rpartition("/")[2]
        row = found.row(name, time.strftime("%Y-%m-%d"))
        fill(given.table, row)
    except FreeholdError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return 1
    print(row)
    return 1 if found.faults else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", help="a folder, or hf:ORG/NAME@REVISION")
    parser.add_argument("--row", help="the row to fill; else the checkpoint's name")
    parser.add_argument("--table", type=Path, default=ROOT / "docs" / "models.md")
    parser.add_argument("--work", type=Path, help="where to put large files; else a temporary folder")
    parser.add_argument("--suite", type=Path, default=SUITE, help="what to ask; else the example suite")
    return parser.parse_args()


@contextmanager
def checkpoint(location: str, work: Path | None) -> Iterator[Path]:
    """The checkpoint's folder; a hub's is fetched and its checksums compared.

    Raises:
        FreeholdError: there is none, or it cannot be fetched.
    """
    if not location.startswith("hf:"):
        folder = Path(location).expanduser()
        if not (folder / "config.json").is_file():
            raise InvalidInput(f"{folder} holds no config.json.", hint="Name a checkpoint's folder.")
        yield folder
        return
    place = hub.Hub.from_environment(os.environ)
    name, revision = hub.parsed(location)
    config = load()
    allowed = Egress(config.allowed_egress, config.allowed_private)
    repository = place.look(name, revision, egress=allowed)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        say(f"fetching {name} at {repository.commit}")
        place.get(repository, chosen(repository), Path(folder), egress=allowed)
        yield Path(folder)


def verified(folder: Path, suite: Path, work: Path | None) -> Found:
    """Compares every quantisation; asks the suite of the smallest.

    Raises:
        FreeholdError: it is none that can be converted.
    """
    with open_checkpoint(folder):
        pass  # what cannot be converted is said before torch is loaded
    import parity  # brings torch, which takes seconds

    say("running it in transformers, in float32")
    wanted = parity.reference(folder)
    question, answer = spoken(folder)
    found = Found(equal=True, said=len(answer))
    with tempfile.TemporaryDirectory(dir=work) as room:
        full, file = Path(room) / "f32.gguf", Path(room) / "other.gguf"
        convert.to_gguf(folder, full, precision="f32")
        for name in QUANTISATIONS:
            say(f"comparing {name}")
            path = full if name == "F32" else file
            if name == "F16":
                convert.to_gguf(folder, file, precision="f16")
            elif name != "F32":
                quantize(full, file, "q8_0" if name == "Q8_0" else "q4_k_m")
            compared = parity.compare(path, wanted)
            found.differences[name] = compared.difference
            found.equal &= all(
                (compared.same_text, compared.same_ids, compared.same_plain_ids, compared.same_ends)
            )
            found.greedy[name] = agreed(path, question, answer)
        say(f"asking {suite.name}")
        found.figures = figures(file, suite)
    return found


def spoken(folder: Path) -> tuple[list[int], list[int]]:
    """The tokens of a question, and those that transformers says to it greedily, without what ends them."""
    from transformers import AutoTokenizer, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = LlamaForCausalLM.from_pretrained(folder, dtype="float32")
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": QUESTION}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    said = model.generate(**prompt, max_new_tokens=TOKENS, do_sample=False, temperature=None, top_p=None)
    asked, answer = prompt["input_ids"][0].tolist(), said[0, prompt["input_ids"].shape[1] :].tolist()
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    return asked, answer[: next((index for index, id in enumerate(answer) if id in ends), len(answer))]


def agreed(path: Path, asked: list[int], answer: list[int]) -> int:
    """How many of the answer's tokens llama.cpp says, too, before its first other one."""
    ids = [*asked, *answer]
    with Model(path) as model:
        context = Context(
            model, tokens=len(ids) + 8, batch=64, all_outputs=True, flash=False, full_precision=True
        )
        with context:
            said = context.all_logits(ids).argmax(axis=-1)[len(asked) - 1 : -1].tolist()
    pairs = enumerate(zip(said, answer, strict=True))
    return next((index for index, (ours, theirs) in pairs if ours != theirs), len(answer))


def figures(model: Path, suite: Path) -> dict[str, float]:
    """The suite's, from a data folder of its own, by the commands that anyone would type.

    Raises:
        InvalidInput: a command failed.
    """
    assistant = "demo" if suite == SUITE else "default"
    with tempfile.TemporaryDirectory(dir=model.parent) as home:
        freehold(home, "model", "add", str(model), "--name", "checked")
        told = freehold(
            home, "evaluate", str(suite), "--assistant", assistant, "--model", "checked", "--json"
        )
    found: dict[str, Any] = json.loads(told)["evaluations"][0]["figures"]
    return {label: found[name]["value"] for name, label in FIGURES.items() if name in found}


def freehold(home: str, *words: str) -> str:
    command = [sys.executable, "-m", "freehold.cli", "--home", home, *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "FREEHOLD_DEMO": "true"}  # the suite asks the demo
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise InvalidInput(f"freehold {' '.join(words[:2])} failed: {ran.stderr.strip()[-300:]}")
    return ran.stdout


def fill(table: Path, row: str) -> None:
    """Puts the row in place of the one of the same checkpoint, or at the table's end.

    Raises:
        InvalidInput: there is no such table.
    """
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [index for index, line in enumerate(lines) if line.startswith("| ") and line.endswith("|")]
    if not rows:
        raise InvalidInput(f"{table} holds no table.")
    name = row.split("|")[1].strip()
    same = next((index for index in rows if lines[index].split("|")[1].strip() == name), None)
    if same is None:
        lines.insert(rows[-1] + 1, row)
    else:
        lines[same] = row
    part = table.with_name(f".{table.name}.part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(table)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
