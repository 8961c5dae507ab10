"""The training process itself: killed, interrupted, asked for nonsense, and two of them at once."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_llama
import tiny_runs

from freehold.training.recipe import load
from freehold.training.run import run

ROOT = Path(__file__).resolve().parents[2]
STEPS = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("process")
    tiny_llama.saved(folder / "base")
    tiny_runs.write_lines(folder / "train.jsonl", tiny_runs.conversations(60))
    tiny_runs.recipe(folder, run={"steps": STEPS, "batch": 2, "checkpoint_every": 3})
    return folder


@pytest.fixture(scope="module")
def whole(made: Path) -> list[float]:
    """The losses of the run when nothing happens to it."""
    assert run(load(made / "recipe.toml"), made / "whole") == "done"
    return tiny_runs.losses(made / "whole")


def wait_for(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until the run has said so many steps, or has ended."""
    until = time.monotonic() + 300
    path = folder / "metrics.jsonl"
    while process.poll() is None and time.monotonic() < until:
        if path.exists() and path.read_text().count('"step", ') >= step:
            return
        time.sleep(0.005)


def test_killed_at_random_moments_it_ends_with_the_same_losses(
    made: Path, tmp_path: Path, whole: list[float]
) -> None:
    draw = random.Random(7)
    killed = 0
    for step in sorted(draw.sample(range(2, STEPS - 3), 2)):
        process = tiny_runs.child(made / "recipe.toml", tmp_path)
        wait_for(tmp_path, step, process)
        time.sleep(draw.random() * 0.02)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    process = tiny_runs.child(made / "recipe.toml", tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert killed >= 1
    assert tiny_runs.losses(tmp_path) == whole


def test_ctrl_c_leaves_a_checkpoint_and_the_run_goes_on(
    made: Path, tmp_path: Path, whole: list[float]
) -> None:
    process = tiny_runs.child(made / "recipe.toml", tmp_path)
    wait_for(tmp_path, 5, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["outcome"]) == ("end", "stopped")
    progress = json.loads((tmp_path / "checkpoint" / "progress.json").read_text())
    assert progress["step"] == last["step"] == len(tiny_runs.losses(tmp_path))
    assert tiny_runs.losses(tmp_path) == whole[: last["step"]]


def test_what_is_wrong_is_one_line_of_json_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('name = "x"\nobjectve = "supervised"\n')
    process = tiny_runs.child(tmp_path / "recipe.toml", tmp_path / "out")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert json.loads(out)["error"]["hint"] == "Did you mean 'objective'?"
    assert err == ""


WATCHED = """
import sys
from pathlib import Path
from accelerate import Accelerator
from freehold.training.__main__ import main

end = Accelerator.end_training

def gloo():
    return sum("gloo" in path.read_text() for path in Path("/proc/self/task").glob("*/comm"))

def ended(accelerator):
    before = gloo()
    end(accelerator)
    print(f"of gloo's threads {before} before and {gloo()} after", file=sys.stderr)

Accelerator.end_training = ended
sys.exit(main())
"""
"""The training process, which tells whether its process group ends when it is told to, not when Python
forgets it."""


def launched(
    made: Path, folder: Path, *arguments: str, program: tuple[str, ...] = ("-m", "freehold.training"),
    **environment: str,
) -> str:  # fmt: skip
    """The run in two processes that speak over gloo, and what it says on the error stream."""
    ran = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            *program, "run", str(made / "recipe.toml"), "--folder", str(folder), *arguments,
        ],
        capture_output=True, text=True, cwd=ROOT, timeout=120, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip
    assert '"event": "end"' in ran.stdout, ran.stderr[-3000:]
    return ran.stderr


def test_two_processes_have_the_losses_of_one(made: Path, tmp_path: Path, whole: list[float]) -> None:
    program = tmp_path / "watched.py"
    program.write_text(WATCHED)
    said = launched(made, tmp_path / "run", program=(str(program),))
    if Path("/proc/self/task").exists():
        assert re.findall(r"threads ([1-9]) before and (\d+) after", said) == [("3", "0")] * 2
    assert tiny_runs.losses(tmp_path / "run") == pytest.approx(whole, abs=1e-4)


def test_a_sharded_checkpoint_is_gone_on_with_by_one_process(
    made: Path, tmp_path: Path, whole: list[float]
) -> None:
    sharded = {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
    }
    launched(made, tmp_path, "--minutes", "0", **sharded)
    begun = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert (begun["processes"], begun["sharded"]) == (2, True)
    assert len(tiny_runs.losses(tmp_path)) == 1
    assert run(load(made / "recipe.toml"), tmp_path) == "done"
    assert tiny_runs.losses(tmp_path) == pytest.approx(whole, abs=1e-4)
