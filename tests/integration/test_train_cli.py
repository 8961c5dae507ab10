"""`freehold train` as people run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_llama
import tiny_runs
from typer.testing import CliRunner

from freehold.cli import make
from freehold.training.cache import header_of


@pytest.fixture
def made(tmp_path: Path) -> Path:
    tiny_llama.saved(tmp_path / "base")
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.conversations())
    tiny_runs.recipe(tmp_path, data={"evaluation": "train.jsonl"})
    return tmp_path


def started(made: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    return subprocess.Popen(
        [sys.executable, "-m", "freehold.cli", "--home", str(made / "home"), "train", *arguments],
        env={**clean, "OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_tells_what_came_of_it_and_is_stopped_and_gone_on_with(made: Path) -> None:
    recipe = str(tiny_runs.recipe(made, run={"steps": 3000}, data={"evaluation": "train.jsonl"}))
    folder = made / "home" / "runs" / "training" / "tiny"
    process = started(made, "run", recipe)
    until = time.monotonic() + 300
    while not (folder / "checkpoint").exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Stopped at step" in err
    assert "37,536 of 37,536 parameters learn from 24 examples" in err
    assert json.loads((folder / "checkpoint" / "progress.json").read_text())["step"] >= 4
    assert "<polyline" in (folder / "loss.html").read_text()
    process = started(made, "run", recipe, "--minutes", "0", "--json")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["event"] == "start"
    assert lines[0]["step"] >= 4
    assert lines[-1] == {"event": "end", "outcome": "stopped", "step": lines[0]["step"] + 1, "result": None}


def test_a_result_is_kept_among_the_models_with_its_origin(made: Path) -> None:
    teacher = {"name": "Llama-large", "licence": "llama3.1"}
    recipe = str(tiny_runs.recipe(made, run={"steps": 2}, teacher=teacher))
    process = started(made, "run", recipe, "--add")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "kept as tiny" in err
    assert "“Built with Llama” prominently" in err
    shown = CliRunner().invoke(make(), ["--home", str(made / "home"), "model", "show", "tiny", "--json"])
    found = json.loads(shown.stdout)
    lineage = found["lineage"]
    assert lineage["teachers"] == [teacher]
    assert (found["licence"]["id"], found["licence"]["found_in"]) == ("llama3.1", "its teacher Llama-large")
    assert lineage["made"] == {"how": "train"}
    assert lineage["recipe"]["name"] == "tiny"
    assert lineage["metrics"]["steps"] == 2
    assert len(lineage["dataset"]) == 64


def test_a_teacher_is_asked(made: Path) -> None:
    tiny_llama.saved(made / "large", seed=1)
    table = {"cache": "teacher.top", "licence": "mit"}
    recipe = str(tiny_runs.recipe(made, "distillation", distillation=table))
    asking = ("--teacher", str(made / "large"), "--out", str(made / "teacher.top"), "--top", "9")
    process = started(made, "teach", recipe, *asking, "--licence", "mit")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out.strip()) == (0, str(made / "teacher.top")), err
    header = header_of(made / "teacher.top")
    assert (header.k, header.teacher, header.licence) == (9, "large", "mit")
    assert (made / "teacher.top").stat().st_size > header.positions * 9 * 4


def test_what_is_wrong_with_a_recipe_is_said_at_once(made: Path) -> None:
    (made / "recipe.toml").write_text((made / "recipe.toml").read_text().replace("batch", "bach"))
    process = started(made, "run", str(made / "recipe.toml"))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert "hint: Did you mean 'batch'?" in err
    assert "Traceback" not in err


@pytest.fixture
def without_accelerate(tmp_path: Path) -> Iterator[Path]:
    """A folder on whose path `accelerate` is not to be found."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'accelerate':\n"
        "            raise ModuleNotFoundError(\"No module named 'accelerate'\", name='accelerate')\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    yield folder


def test_without_the_extra_the_command_to_install_it_is_named(made: Path, without_accelerate: Path) -> None:
    path = os.pathsep.join([str(without_accelerate), os.environ.get("PYTHONPATH", "")])
    process = started(made, "run", str(made / "recipe.toml"), PYTHONPATH=path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "error: Training needs the package accelerate, which is not installed." in err
    assert "hint: pip install 'freehold[train]'" in err
