"""A run carried away, cut into legs, and brought back: the same losses as at home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
import tiny_llama
import tiny_runs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from freehold.cli import make
from freehold.training.parcel import unpack
from freehold.training.recipe import load
from freehold.training.run import run

NEEDED = ("torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "numpy")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nothing but the packages that the archive's README names, and what they require."""
    folder = tmp_path_factory.mktemp("packages")
    waiting, seen = list(NEEDED), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        for requirement in map(Requirement, found.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))
    assert not seen & {"sqlalchemy", "fastapi", "xllamacpp", "onnxruntime", "pydantic-settings"}
    return folder


def away(folder: Path, packages: Path, *arguments: str) -> list[dict[str, object]]:
    """What the training process says in the unpacked bundle, with those packages alone."""
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "freehold.training", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode in (0, 3), ran.stdout[-1000:] + ran.stderr[-2000:]
    return [json.loads(line) for line in ran.stdout.splitlines()]


def freehold(home: Path, *arguments: str) -> str:
    ran = CliRunner().invoke(make(), ["--home", str(home), "train", *arguments])
    assert ran.exit_code == 0, repr(ran.exception)
    return ran.output


def test_a_run_is_carried_away_and_its_result_brought_back(tmp_path: Path, packages: Path) -> None:
    tiny_llama.saved(tmp_path / "base")
    tiny_runs.write_lines(tmp_path / "train.jsonl", tiny_runs.conversations())
    recipe = tiny_runs.recipe(tmp_path, data={"evaluation": ["train.jsonl"]}, **{"model.lora": {"rank": 4}})
    run(load(recipe), tmp_path / "at-home")

    archive = tmp_path / "carried" / "tiny.tar"
    said = freehold(tmp_path / "home", "bundle", str(recipe), "--out", str(archive), "--part-mb", "0.05")
    assert len(said.splitlines()) > 2
    unpack(archive, tmp_path / "there")
    named = (tmp_path / "there" / "README.txt").read_text()
    assert all(f" {name}=={version(name).partition('+')[0]}" in named for name in NEEDED)
    first = away(tmp_path / "there", packages, "run", "recipe.toml", "--folder", "out", "--minutes", "0")
    assert first[-1]["outcome"] == "stopped"
    away(tmp_path / "there", packages, "pack", "--folder", "out", "--to", "leg.tar", "--part-mb", "0.02")
    away(tmp_path / "there", packages, "unpack", "leg.tar.000", "--folder", "again")
    second = away(tmp_path / "there", packages, "run", "recipe.toml", "--folder", "again")
    assert second[-1]["outcome"] == "done"
    away(tmp_path / "there", packages, "pack", "--folder", "again", "--to", "back.tar", "--part-mb", "0.02")

    back = str(tmp_path / "there" / "back.tar.000")
    result = Path(freehold(tmp_path / "home", "bring", "--no-add", back).strip())
    assert result == tmp_path / "home" / "runs" / "training" / "tiny" / "adapter"
    assert (result / "adapter_model.safetensors").is_file()
    assert tiny_runs.losses(result.parent) == tiny_runs.losses(tmp_path / "at-home")
    weights = [
        folder / "adapter" / "adapter_model.safetensors" for folder in (result.parent, tmp_path / "at-home")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()
