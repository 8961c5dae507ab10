"""Models on their way out: whole folders with card and terms, or nothing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_adapter
import tiny_gguf

from freehold.errors import Conflict, InvalidInput, NoRoom, NotFound, Unavailable
from freehold.models import licence, modelfile
from freehold.models.endpoint import Endpoint
from freehold.models.export import Exports, Wish
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.jobs import Jobs
from freehold.testing import FakeClock

TERMS = licence.of_name("llama3.2", "said") | {
    "texts": [{"name": "LICENSE", "text": "LLAMA 3.2 …"}, {"name": "NOTICE", "text": "Thanks to all."}]
}


@pytest.fixture
def registry(database: Database, tmp_path: Path) -> Registry:
    registry = Registry(database, tmp_path / "models", clock=FakeClock())
    registry.add(tiny_gguf.write(tmp_path / "base.gguf", width=32, layers=1), licence=TERMS)
    registry.add(tiny_adapter.write(tmp_path / "lora.gguf", width=32, layers=1))
    return registry


@pytest.fixture
def exports(registry: Registry, database: Database, tmp_path: Path) -> Exports:
    return Exports(registry, Jobs(database), tmp_path / "models" / "incoming")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_gguf_with_card_and_terms(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = exports.write(Wish("base", "gguf", str(out)))
    assert files == names(out) == ["LICENSE", "NOTICE", "README.md", "base.gguf"]
    assert (out / "base.gguf").read_bytes() == (tmp_path / "base.gguf").read_bytes()
    assert (out / "NOTICE").read_text() == f"Thanks to all.\n\n{TERMS['notice']}\n"
    assert "# base" in (out / "README.md").read_text()
    assert names(tmp_path / "models" / "incoming") == []


def test_an_adapter_carries_the_terms_of_its_base(exports: Exports, tmp_path: Path) -> None:
    exports.write(Wish("lora", "gguf", str(tmp_path / "out")))
    assert names(tmp_path / "out") == ["LICENSE", "NOTICE", "README.md", "lora.gguf"]
    assert 'base_model: "base"' in (tmp_path / "out" / "README.md").read_text()


def test_for_ollama(exports: Exports, tmp_path: Path) -> None:
    exports.write(Wish("base", "ollama", str(tmp_path / "out")))
    text = (tmp_path / "out" / "Modelfile").read_text()
    assert text.startswith('FROM ./base.gguf\nTEMPLATE """{{ $first := true }}')
    assert "\nPARAMETER num_ctx 4096\n" in text
    assert '\nPARAMETER stop "<|eot_id|>"\n' in text
    assert '\nLICENSE """LLAMA 3.2 …\n"""\n' in text
    exports.write(Wish("lora", "ollama", str(tmp_path / "both")))
    assert (tmp_path / "both" / "Modelfile").read_text().startswith("FROM ./base.gguf\nADAPTER ./lora.gguf\n")
    assert {"base.gguf", "lora.gguf"} <= set(names(tmp_path / "both"))


def test_a_template_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    path = tiny_gguf.write(tmp_path / "x.gguf", width=32, layers=1, template=endless)
    monkeypatch.setattr(modelfile, "SECONDS", 3)
    told = modelfile.asked(path)
    assert told.get("template") is None
    assert "could not be written in Go" in modelfile.modelfile("x.gguf", {}, told, [])


def test_nothing_in_a_modelfile_ends_its_text_early() -> None:
    told = {"template": "{{ .Content }}", "stops": ['a"\nFROM evil', "b"]}
    text = modelfile.modelfile("x.gguf", {}, told, ['"""\nFROM evil\nSYSTEM "x', 'They call it "free"'])
    assert sorted(line for line in text.splitlines() if line.startswith(("FROM", "PARAMETER", "SYSTEM"))) == [
        "FROM ./x.gguf",
        "FROM evil",
        "PARAMETER num_ctx 8192",
        'PARAMETER stop "a\\"\\nFROM evil"',
        'PARAMETER stop "b"',
        'SYSTEM "x',
    ]
    pieces = text.split('"""')  # in and out of texts by turns
    assert [piece.strip() for piece in pieces[1::2]] == [
        "{{ .Content }}",
        "'''\nFROM evil\nSYSTEM \"x",
        'They call it "free"',
    ]
    assert text.count('"""') == 6


def test_what_a_template_writes_around_the_turns_is_bounded(tmp_path: Path) -> None:
    endless = "{{ 'x' * 200000 }}{% for each in messages %}{{ each.content }}{% endfor %}"
    path = tiny_gguf.write(tmp_path / "x.gguf", width=32, layers=1, template=endless)
    assert modelfile.told(path)["template"] is None


def test_in_hugging_faces_layout(exports: Exports, tmp_path: Path) -> None:
    exports.write(Wish("base", "hf", str(tmp_path / "out")))
    there = set(names(tmp_path / "out"))
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "LICENSE", "NOTICE"} <= there


def test_what_is_there_is_not_replaced_by_accident(exports: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exports.write(Wish("base", "gguf", str(out)))
    with pytest.raises(Conflict, match="is there already"):
        exports.write(Wish("lora", "gguf", str(out)))
    exports.write(Wish("lora", "gguf", str(out), force=True))
    assert "lora.gguf" in names(out)
    assert "base.gguf" not in names(out)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="holds no exported model"):
        exports.write(Wish("base", "gguf", str(mine), force=True))
    assert names(mine) == ["letter.txt"]


@pytest.mark.parametrize(
    ("wish", "error", "said"),
    [
        ({"model": "nobody"}, NotFound, "no model nobody"),
        ({"to": "onnx"}, InvalidInput, "no format 'onnx'"),
        ({"folder": "relative"}, NotFound, "no folder"),
        ({"folder": "/nowhere/out"}, NotFound, "no folder /nowhere"),
        ({"folder": f"/{'n' * 300}/out"}, Unavailable, "File name too long"),
        ({"model": "far"}, InvalidInput, "weights are elsewhere"),
        ({"model": "lora", "to": "hf"}, InvalidInput, "as a GGUF adapter"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    exports: Exports, registry: Registry, tmp_path: Path, wish: dict[str, Any], error: Any, said: str
) -> None:
    registry.add_endpoint(Endpoint("https://models.test/v1", "far", 8192))
    given = {"model": "base", "to": "gguf", "folder": str(tmp_path / "out")} | wish
    with pytest.raises(error, match=said):
        exports.add(Wish(**given))


def test_a_flipped_byte_is_noticed(exports: Exports, registry: Registry, tmp_path: Path) -> None:
    path = registry.path(registry.get("base"))
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unavailable, match="hash is no longer"):
        exports.write(Wish("base", "gguf", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_quantised_model_has_no_way_back(exports: Exports, registry: Registry, tmp_path: Path) -> None:
    registry.add(tmp_path / "base.gguf", "small", quantise="q8_0", parent="base")
    wish = Wish("small", "hf", str(tmp_path / "out"))
    with pytest.raises(InvalidInput, match="small is quantised to Q8_0"):
        exports.add(wish)
    with pytest.raises(InvalidInput, match="small is quantised to Q8_0"):
        exports.write(wish)
    assert {name for name in names(tmp_path) if name.startswith(".")} == set()


KILLED = """
import os, signal, sys
from pathlib import Path
from freehold.models import export
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.jobs import Jobs
home, moment = Path(sys.argv[1]), sys.argv[2]
database = Database(home / "freehold.db")
registry = Registry(database, home / "models")
exports = export.Exports(registry, Jobs(database), home / "models" / "incoming")
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "copying":
    export.copy = die
elif moment == "between":
    export.sync = lambda path: die() if path == home else None
    real = Path.rename
    Path.rename = lambda self, to: die() if Path(to) == home / "out" else real(self, to)
else:
    export.shutil.rmtree = die
exports.write(export.Wish("lora", "gguf", str(home / "out"), force=True))
"""


@pytest.mark.parametrize(("moment", "kept"), [("copying", "base"), ("between", "base"), ("after", "lora")])
def test_killed_it_leaves_the_old_or_the_new(
    exports: Exports, registry: Registry, database: Database, tmp_path: Path, moment: str, kept: str
) -> None:
    exports.write(Wish("base", "gguf", str(tmp_path / "out")))
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), moment], check=False, timeout=120)
    assert run.returncode == -signal.SIGKILL
    Exports(registry, Jobs(database), tmp_path / "models" / "incoming")
    model = registry.get(kept)
    found = (tmp_path / "out" / f"{kept}.gguf").read_bytes()
    assert hashlib.sha256(found).hexdigest() == model.id
    assert not [name for name in names(tmp_path) if name.startswith(".")]
    assert names(tmp_path / "models" / "incoming") == []


def test_no_room_leaves_nothing(exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr("freehold.models.export.sync", lambda path: None)
    with pytest.raises(NoRoom, match="No space left"):
        exports.write(Wish("base", "gguf", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    assert json.dumps(names(tmp_path / "models" / "incoming")) == "[]"
