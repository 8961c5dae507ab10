"""`make verify-llama` from a checkpoint to its row, on a small random one and a copy of the table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import llama_checkpoints
import pytest
from stand_in_hub import COMMIT, stand_in_hub

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    return subprocess.run(
        [sys.executable, "scripts/verify_llama.py", *words],
        cwd=ROOT,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "docs" / "models.md", tmp_path / "models.md"))


def test_a_checkpoint_gets_its_row(tmp_path: Path, table: Path) -> None:
    before = table.read_text().splitlines()
    folder = llama_checkpoints.write(tmp_path / "Llama-3.2-1B-Instruct", "llama-3.2")
    suite = tmp_path / "suite.csv"
    suite.write_text("question,answer\nHow do I stop it?,freehold down\n")
    ran = run(str(folder), "--table", str(table), "--suite", str(suite))
    assert ran.returncode == 0, ran.stderr
    [row] = [line for line in table.read_text().splitlines() if line not in before]
    assert row == ran.stdout.strip()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["Llama-3.2-1B-Instruct", "**verified**", "equal"]
    f32, f16, q8_0, q4_k_m = map(float, cells[3:7])
    assert f32 < f16 < q8_0 < q4_k_m
    assert cells[7].startswith("24 / 24 / ")
    assert "right 0%" in cells[8], "a random model does not know"
    assert len(table.read_text().splitlines()) == len(before), "its row was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "models.md", "suite.csv"]


def test_a_checkpoint_is_fetched_from_a_hub(tmp_path: Path, table: Path) -> None:
    """As far as what is fetched here: a checkpoint of another architecture, which is refused by name."""
    files = {
        "config.json": b'{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}',
        "model.safetensors": b"no weights",
    }
    before = table.read_text()
    with stand_in_hub(repositories={"org/other": files}) as there:
        allowed = there.egress()
        ran = run(
            "hf:org/other@main",
            "--table",
            str(table),
            HF_ENDPOINT=there.address,
            FREEHOLD_ALLOWED_EGRESS=json.dumps(allowed.allowed),
            FREEHOLD_ALLOWED_PRIVATE=json.dumps(allowed.allowed_private),
        )
    assert ran.returncode == 1
    assert f"fetching org/other at {COMMIT}" in ran.stderr
    assert "The architecture GPT2LMHeadModel is not converted here" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert table.read_text() == before


def test_a_folder_without_a_checkpoint_is_said(tmp_path: Path, table: Path) -> None:
    before = table.read_text()
    ran = run(str(tmp_path), "--table", str(table))
    assert ran.returncode == 1
    assert "holds no config.json" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert table.read_text() == before
