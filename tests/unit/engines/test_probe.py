"""Measuring this machine: a real run of the program, on models small enough for a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.engines import probe
from freehold.errors import EngineError

SMALLER = """
import json, sys
from dataclasses import replace
from pathlib import Path
from freehold.engines import probe
probe.WIDE = replace(probe.WIDE, width=256, inner_width=512, heads=4, kv_heads=2)
probe.NARROW = replace(probe.NARROW, layers=4)
probe.LAYERS = {"F16": 2, "Q4_K": 2}
print(json.dumps(probe.found(1, Path(sys.argv[1])).as_json()))
"""


def test_each_type_gets_a_speed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SMALLER, str(tmp_path / "blank.gguf")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["threads"] == 1
    assert set(found["written"]) == set(found["read"]) == {"F16", "Q4_K"}
    assert all(speed > 1e6 for speed in (*found["written"].values(), *found["read"].values()))
    assert 0 < found["layer_seconds"] < 0.1


def test_a_program_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="could not be measured"):
        probe.measure(1)
