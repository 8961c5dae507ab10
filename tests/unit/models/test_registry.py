"""A model is wholly in the registry or not at all."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny_gguf

from freehold.errors import (
    Conflict,
    FreeholdError,
    InvalidInput,
    ModelRejected,
    NoRoom,
    NotFound,
    Unavailable,
)
from freehold.models import files as files_module
from freehold.models import registry as module
from freehold.models.endpoint import Endpoint
from freehold.models.registry import Model, Registry
from freehold.models.store import models
from freehold.store.database import Database


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_gguf.write(tmp_path / "tiny.gguf", width=32, layers=1)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tiny_gguf.write(tmp_path / "other.gguf", width=32, layers=1, seed=8)


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").rglob("*") if path.is_file())


def test_added_by_content_under_the_files_name(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    model = registry.add(tiny, progress=lambda done, total: steps.append((done, total)))
    assert (model.name, model.format, model.size) == ("tiny", "gguf", tiny.stat().st_size)
    assert model.facts["architecture"] == "llama"
    assert steps[-1] == (model.size, model.size)
    assert registry.path(model).read_bytes() == tiny.read_bytes()
    assert files(tmp_path) == [f"{model.id}.gguf"]
    assert registry.list() == [model]
    assert registry.verify("tiny") == model


def test_adding_again_changes_nothing(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    first = registry.add(tiny, "mine")
    assert registry.add(tiny) == registry.add(tiny, "mine") == first
    assert files(tmp_path) == [f"{first.id}.gguf"]
    with pytest.raises(Conflict, match="already, as mine"):
        registry.add(tiny, "yours")
    assert registry.path(first)


def test_a_taken_name_leaves_nothing_of_the_second_file(
    registry: Registry, tiny: Path, other: Path, tmp_path: Path
) -> None:
    first = registry.add(tiny, "mine")
    assert tiny.stat().st_size == other.stat().st_size
    with pytest.raises(Conflict, match="Another model is called mine"):
        registry.add(other, "mine")
    assert files(tmp_path) == [f"{first.id}.gguf"]


@pytest.mark.parametrize("name", ["", "none", "a/b", "../x", "deadbeef", "-x", "x" * 101, "a\0", "é"])
def test_names_that_cannot_be(registry: Registry, tiny: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a model's name"):
        registry.add(tiny, name)


@pytest.mark.parametrize(
    ("stem", "name"),
    [("My model (Q4)", "My-model-Q4"), ("none", "model-none"), ("deadbeef", "model-deadbeef")],
)
def test_a_files_name_is_made_fit(registry: Registry, tiny: Path, stem: str, name: str) -> None:
    assert registry.add(tiny.rename(tiny.with_name(f"{stem}.gguf"))).name == name


def test_found_by_name_id_and_unique_beginning(
    registry: Registry, tiny: Path, other: Path, database: Database
) -> None:
    model, second = registry.add(tiny), registry.add(other)
    for ref in ("tiny", model.id, model.id[:6], model.id[:20].upper()):
        assert registry.get(ref) == model
    for ref in (model.id[:5], "nothing", "", "%", second.id[:6] + "zzz"):
        with pytest.raises(NotFound):
            registry.get(ref)
    twin = model.id[:10] + second.id[10:]
    with database.write() as connection:
        connection.execute(
            models.insert().values(id=twin, name="twin", format="gguf", size=1, facts="{}", created_at=0.0)
        )
    with pytest.raises(InvalidInput, match="Several"):
        registry.get(model.id[:8])


def test_use_one_at_a_time_and_none(registry: Registry, tiny: Path, other: Path) -> None:
    model, second = registry.add(tiny), registry.add(other)
    assert registry.active() is None
    registry.use("tiny")
    registry.use("tiny")
    assert registry.active() == model
    registry.use(second.id)
    assert registry.active("answer") == second
    registry.unuse()
    assert registry.active() is None
    with pytest.raises(InvalidInput, match="no task sing"):
        registry.use("tiny", "sing")


def test_the_active_model_is_not_removed(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    model = registry.add(tiny)
    registry.use("tiny")
    with pytest.raises(Conflict, match="active model of the task answer"):
        registry.remove("tiny")
    assert files(tmp_path) == [f"{model.id}.gguf"]
    registry.unuse()
    assert registry.remove(model.id[:8]) == model
    assert files(tmp_path) == []
    assert registry.list() == []
    assert registry.add(tiny).id == model.id


def test_a_missing_or_changed_file_is_noticed_and_healed(registry: Registry, tiny: Path) -> None:
    model = registry.add(tiny)
    path = registry.path(model)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for notices in (registry.use, registry.verify):  # same size: only the hash tells
        with pytest.raises(Unavailable, match="its hash is no longer"):
            notices("tiny")
    os.truncate(path, 100)
    with pytest.raises(Unavailable, match="has changed: 100 bytes"):
        registry.use("tiny")
    path.unlink()
    with pytest.raises(Unavailable, match="missing"):
        registry.use("tiny")
    registry.add(tiny)
    assert registry.verify("tiny") == model


def test_bad_files_leave_nothing(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    os.truncate(tiny, tiny.stat().st_size - 1)
    with pytest.raises(ModelRejected, match="truncated"):
        registry.add(tiny)
    with pytest.raises(NotFound):
        registry.add(tmp_path / "absent.gguf")
    with pytest.raises(ModelRejected):
        registry.add(tmp_path)
    assert files(tmp_path) == []


def test_a_file_that_changes_while_it_is_copied_is_refused(
    registry: Registry, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = module.gguf.check_sound

    def check_then_cut(path: Path) -> module.gguf.GgufFacts:
        facts = check(path)
        if path == tiny:
            os.truncate(tiny, 2_000)
        return facts

    monkeypatch.setattr(module.gguf, "check_sound", check_then_cut)
    with pytest.raises(ModelRejected):
        registry.add(tiny)
    assert files(tmp_path) == []


def test_too_large_for_this_machine(database: Database, tiny: Path, tmp_path: Path) -> None:
    registry = Registry(database, tmp_path / "models", memory_bytes=lambda: 2**20)
    with pytest.raises(ModelRejected, match=r"0\.00098 GiB are free"):
        registry.add(tiny)


def test_a_full_disk(
    database: Database, registry: Registry, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cramped = Registry(database, tmp_path / "models", free_bytes=lambda folder: 1000)
    with pytest.raises(NoRoom, match="1,000 are free"):
        cramped.add(tiny)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files_module.os, "fsync", full)
        with pytest.raises(NoRoom, match="No space left"):
            registry.add(tiny)
    assert files(tmp_path) == []
    assert registry.list() == []
    assert registry.add(tiny)


CRAMPED = """
import resource, signal, sys
from pathlib import Path
from freehold.errors import NoRoom
from freehold.models.registry import Registry
from freehold.store.database import Database
home, tiny = Path(sys.argv[1]), Path(sys.argv[2])
registry = Registry(Database(home / "freehold.db"), home / "models")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    registry.add(tiny)
except NoRoom as error:
    print(error.message)
"""


def test_a_disk_that_fills_up_while_a_model_is_copied(database: Database, tiny: Path, tmp_path: Path) -> None:
    assert tiny.stat().st_size > 50_000
    run = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(tmp_path), str(tiny)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert run.stdout == "There is no room for this model: File too large.\n"
    assert files(tmp_path) == []


def test_the_same_bytes_added_at_once_are_one_model(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    together = threading.Barrier(4)
    found: list[object] = []

    def add(name: str | None) -> None:
        together.wait()
        try:
            found.append(registry.add(tiny, name).id)
        except Conflict as error:
            found.append(error.message)

    threads = [threading.Thread(target=add, args=(name,)) for name in (None, None, "mine", "mine")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (model,) = registry.list()
    assert files(tmp_path) == [f"{model.id}.gguf"]
    assert registry.verify(model.id) == model
    assert set(found) <= {model.id, f"This model is here already, as {model.name}."}
    assert model.id in found


KILLED = """
import os, signal, sys
from pathlib import Path
from freehold.models import registry as module
from freehold.store.database import Database
home, tiny, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
registry = module.Registry(Database(home / "freehold.db"), home / "models")
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "copying":
    registry.add(tiny, progress=die)
elif moment == "placed":
    registry._record = die
    registry.add(tiny)
elif moment == "recorded":
    registry._files._settle = die
    registry.add(tiny)
else:
    registry.add(tiny)
    registry._files._settle = die
    registry.remove("tiny")
"""


@pytest.mark.parametrize(("moment", "kept"), [("copying", 0), ("placed", 0), ("recorded", 1), ("removed", 0)])
def test_killed_at_the_worst_moment(
    database: Database, tiny: Path, tmp_path: Path, moment: str, kept: int
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(tiny), moment], check=False, timeout=60
    )
    assert run.returncode == -signal.SIGKILL
    assert files(tmp_path)
    registry = Registry(database, tmp_path / "models")
    left = registry.list()
    assert len(left) == kept
    assert files(tmp_path) == [f"{model.id}.gguf" for model in left]
    model: Model = registry.add(tiny)
    assert registry.verify(model.id) == model


def test_read_in_full_once_and_again_when_anything_changed(
    registry: Registry, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    whole = files_module.hash_of
    monkeypatch.setattr(files_module, "hash_of", lambda path, *more: read.append(path) or whole(path, *more))
    model = registry.add(tiny)
    path = registry.path(model)
    assert registry.path(model) == path
    assert len(read) == 1
    before = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Unavailable, match="its hash is no longer"):
        registry.path(model)


def test_a_model_taken_instead_of_copied(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    inode = tiny.stat().st_ino
    model = registry.add(tiny, move=True)
    assert not tiny.exists()
    assert registry.path(model).stat().st_ino == inode
    assert files(tmp_path) == [f"{model.id}.gguf"]


def test_where_it_came_from_is_kept_as_it_was_said(
    registry: Registry, tiny: Path, other: Path, database: Database, tmp_path: Path
) -> None:
    lineage = {"dataset": "d" * 64, "metrics": {"loss": 1.5}}
    licence = {"id": "apache-2.0"}
    parent = registry.add(other)
    model = registry.add(tiny, parent="other", lineage=lineage, licence=licence)
    assert (model.kind, model.parent_id, model.lineage, model.licence) == (
        "model",
        parent.id,
        lineage,
        licence,
    )
    assert Registry(database, tmp_path / "models").get("tiny") == model == registry.add(tiny)
    with pytest.raises(NotFound, match="no model nobody"):
        registry.add(tiny, parent="nobody")
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        registry.add(tiny, lineage={"metrics": float("nan")})


def test_an_endpoint_is_a_model_without_a_file(registry: Registry, tmp_path: Path) -> None:
    endpoint = Endpoint("https://Models.example/v1/", "llama-70b", 8192, "EXAMPLE_KEY", 0.5, 0.75)
    model = registry.add_endpoint(endpoint)
    assert (model.name, model.kind, model.format, model.size) == ("llama-70b", "endpoint", "openai", 0)
    assert Endpoint.from_json(model.facts) == endpoint
    assert registry.add_endpoint(endpoint) == model
    assert registry.use("llama-70b").id == endpoint.id
    assert registry.in_use() == {"answer": model}
    registry.unuse()
    for call in (lambda: registry.path(model), lambda: registry.verify(model.id)):
        with pytest.raises(InvalidInput, match="is an endpoint"):
            call()
    registry.remove(model.id)
    assert registry.list() == []
    assert files(tmp_path) == []


def test_each_task_has_its_own_model(registry: Registry, tiny: Path, other: Path) -> None:
    first, second = registry.add(tiny), registry.add(other)
    registry.use("tiny", "route")
    registry.use("other", "rewrite")
    assert registry.in_use() == {"rewrite": second, "route": first}
    registry.unuse("route")
    assert registry.in_use() == {"rewrite": second}


def test_errors_are_ours(registry: Registry) -> None:
    for call in (registry.get, registry.use, registry.remove, registry.verify):
        with pytest.raises(FreeholdError):
            call("a\0b")
