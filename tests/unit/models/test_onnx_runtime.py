"""onnxruntime reports to its maker unless told not to, so it is loaded in one place, which tells it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import freehold

STAND_IN = """
import os
seen_at_load = os.environ.get("ORT_DISABLE_TELEMETRY")
switched_off = False
def disable_telemetry_events():
    global switched_off
    switched_off = True
"""


def test_it_is_silenced_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text(STAND_IN)
    asked = (
        "from freehold.models.onnx_runtime import runtime\n"
        "module = runtime()\n"
        "print(module.seen_at_load, module.switched_off)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(Path(freehold.__file__).parents[1])])
    told = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["1", "True"]


def test_nobody_else_loads_it() -> None:
    package = Path(freehold.__file__).parent
    loading = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if any(name.partition(".")[0] == "onnxruntime" for name in names):
                loading.add(str(path.relative_to(package)))
    assert loading == {"models/onnx_runtime.py"}
