"""Models on their way in, as jobs: from files, folders, addresses and a hub that really listens."""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_adapter
import tiny_gguf
from stand_in_hub import COMMIT, StandInHub, stand_in_hub

from freehold.errors import (
    Conflict,
    EngineError,
    FetchFailed,
    InvalidInput,
    ModelRejected,
    NoRoom,
    NotFound,
    Unavailable,
)
from freehold.models import conversion, intake, memory
from freehold.models.hub import Hub
from freehold.models.intake import ABANDONED_SECONDS, KIND, Intake, Wish
from freehold.models.registry import Model, Registry
from freehold.store.database import Database
from freehold.store.job_context import Interrupted, JobContext
from freehold.store.jobs import Jobs
from freehold.store.migrations import migrate
from freehold.testing import FakeClock

NAME = "Example/Tiny"


class House:
    """A registry with what brings models into it."""

    def __init__(self, home: Path, hub: StandInHub, database: Database, **more: Any) -> None:
        self.registry = Registry(database, home / "models", clock=FakeClock(), **more)
        self.jobs = Jobs(database)
        self.folder = home / "models" / "incoming" / "downloads"
        self.intake = Intake(
            self.registry, self.jobs, self.folder, egress=hub.egress(), hub=lambda: Hub(hub.address)
        )
        self.stopping = threading.Event()

    def add(self, location: str | Path, **more: Any) -> Model:
        """Adds it as the server does: queued, claimed, worked off."""
        self.intake.add(Wish(str(location), **more))
        return self.work()

    def work(self) -> Model:
        job = self.jobs.claim([KIND])
        assert job is not None
        result = self.intake.job(JobContext(self.jobs, job, self.stopping))
        return self.registry.get(result["model"])

    def left(self) -> list[str]:
        """What lies in the registry's folder besides its models."""
        models = {f"{model.id}.gguf" for model in self.registry.list()}
        files = [path for path in self.folder.parent.parent.rglob("*") if path.is_file()]
        return sorted(path.name for path in files if path.name not in models)


@pytest.fixture
def hub() -> Iterator[StandInHub]:
    with stand_in_hub(repositories={NAME: {}}) as hub:
        yield hub


@pytest.fixture
def opened(tmp_path: Path, hub: StandInHub) -> Iterator[Callable[..., House]]:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    yield lambda **more: House(tmp_path, hub, database, **more)
    database.close()


@pytest.fixture
def house(opened: Callable[..., House]) -> House:
    return opened()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tiny_gguf.write(tmp_path / "tiny.gguf", width=32, layers=1)


def test_a_file(house: House, tiny: Path) -> None:
    model = house.add(tiny, licence="llama3.2")
    assert (model.name, model.lineage) == ("tiny", {"source": {"kind": "file", "name": "tiny.gguf"}})
    assert model.licence["found_in"] == "what was said when it was added"
    assert "Built with Llama" in json.dumps(model.licence["clauses"])
    assert house.left() == []


def test_a_licence_that_the_header_names(house: House, tmp_path: Path) -> None:
    path = tiny_adapter.write(
        tmp_path / "lora.gguf",
        width=32,
        layers=1,
        metadata={"general.license": (tiny_gguf.STRING, "cc-by-nc-4.0")},
    )
    house.add(tiny_gguf.write(tmp_path / "base.gguf", width=32, layers=1))
    assert house.add(path, base="base").licence["found_in"] == "GGUF header"


def test_a_gguf_of_a_hub(house: House, hub: StandInHub, tiny: Path) -> None:
    hub.repositories[NAME] = {
        "deep/Tiny-Q8.gguf": tiny.read_bytes(),
        "other.gguf": b"x",
        "LICENSE": b"LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n",
    }
    model = house.add(f"hf:{NAME}@main", file="Tiny-Q8.gguf")
    sha256 = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert (model.id, model.name) == (sha256, "Tiny-Q8")
    assert model.lineage["source"] == {
        "kind": "hub",
        "url": hub.address,
        "repository": NAME,
        "revision": COMMIT,
        "files": [{"name": "deep/Tiny-Q8.gguf", "sha256": sha256, "size": tiny.stat().st_size}],
    }
    assert model.licence["id"] == "llama3.1"
    assert model.licence["texts"][0]["text"] == "LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n"
    assert house.left() == []
    assert not list(house.folder.iterdir())


def test_a_licence_that_only_the_hub_names(house: House, hub: StandInHub, tiny: Path) -> None:
    hub.repositories[NAME] = {"tiny.gguf": tiny.read_bytes()}
    hub.card = {"license": "other", "license_name": "llama3.2"}
    assert house.add(f"hf:{NAME}@{COMMIT}").licence["id"] == "llama3.2"


def test_stopped_it_goes_on_where_it_was(opened: Callable[..., House], hub: StandInHub, tiny: Path) -> None:
    house = opened()
    data = tiny.read_bytes()
    hub.repositories[NAME] = {"tiny.gguf": data}
    hub.cuts = [len(data) // 2]
    house.intake.add(Wish(f"hf:{NAME}@main"))
    job = house.jobs.claim([KIND])
    assert job is not None

    class Stops(JobContext):
        def progress(self, done: int, total: int, current: str = "", *, saved: bool = False) -> None:
            if done:
                house.stopping.set()

    with pytest.raises(Interrupted):
        house.intake.job(Stops(house.jobs, job, house.stopping))
    house.jobs.put_back(job)
    there = next(house.folder.rglob("*.part")).stat().st_size
    assert 0 < there < len(data)
    hub.asked.clear()
    again = opened()
    assert again.work().name == "tiny"
    assert hub.ranges() == [f"bytes={there}-"]
    assert again.left() == []


def test_what_failed_to_be_added_is_not_fetched_again(house: House, hub: StandInHub, tiny: Path) -> None:
    house.add(tiny, name="taken")
    hub.repositories[NAME] = {
        "o.gguf": tiny_gguf.write(tiny.with_name("o"), width=32, layers=1, seed=3).read_bytes()
    }
    with pytest.raises(Conflict):
        house.add(f"hf:{NAME}@main", name="taken")
    hub.asked.clear()
    assert house.add(f"hf:{NAME}@main", name="free").name == "free"
    assert hub.ranges() == []
    assert house.left() == []


def test_an_abandoned_download_is_forgotten_after_a_week(opened: Callable[..., House]) -> None:
    folder = opened().folder / "abc"
    folder.mkdir(parents=True)
    (folder / "x.gguf.part").write_bytes(b"x")
    opened()
    assert folder.exists()
    old = folder.stat().st_mtime - ABANDONED_SECONDS - 60
    for path in (folder / "x.gguf.part", folder):
        os.utime(path, (old, old))
    opened()
    assert not folder.exists()


def test_a_file_of_an_address(
    house: House, hub: StandInHub, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny.read_bytes()
    hub.repositories["a/b"] = {"Some%20Model.gguf": data, "Some Model.gguf": data}
    sha256 = hashlib.sha256(data).hexdigest()
    secure = intake.urlsplit

    def as_https(url: str) -> Any:
        return secure(url.replace("http://127.0.0.1", "https://127.0.0.1"))

    monkeypatch.setattr(intake, "urlsplit", as_https)
    where = f"{hub.store}/a/b/Some%20Model.gguf?key=secret"
    model = house.add(where, sha256=sha256.upper())
    assert (model.id, model.name) == (sha256, "Some-Model")
    assert "secret" not in json.dumps(model.lineage)
    hub.tampered["Some Model.gguf"] = lambda body: body[::-1]
    house.registry.remove(model.id)
    with pytest.raises(FetchFailed, match="is not what it should be"):
        house.add(where, sha256=sha256)


@pytest.mark.parametrize(
    ("wish", "error", "said"),
    [
        ({"location": "/nowhere.gguf"}, NotFound, "no file or folder"),
        ({"location": f"/{'n' * 300}"}, NotFound, "no file or folder"),
        ({"location": "hf:a/b"}, InvalidInput, "names no revision"),
        ({"location": "http://host.test/x.gguf"}, InvalidInput, "is not read"),
        ({"location": "https://me:x@host.test/x.gguf", "sha256": "a" * 64}, InvalidInput, "is not read"),
        ({"location": "https://[/x.gguf", "sha256": "a" * 64}, InvalidInput, "is not read"),
        ({"location": "https://host.test:no/x.gguf", "sha256": "a" * 64}, InvalidInput, "is not read"),
        ({"location": "https://host.test/x.bin", "sha256": "a" * 64}, InvalidInput, r"no \.gguf file"),
        ({"location": "https://host.test/x.gguf"}, InvalidInput, "only by its checksum"),
        ({"location": "https://host.test/x.gguf", "sha256": "x" * 64}, InvalidInput, "no SHA-256"),
        ({"location": "hf:a/b@main", "sha256": "a" * 64}, InvalidInput, "sha256 says nothing"),
        ({"location": "/", "file": "x.gguf"}, InvalidInput, "file says nothing"),
        ({"location": "/", "base": "nobody"}, NotFound, "no model nobody"),
        ({"location": "/", "name": "a/b"}, InvalidInput, "cannot be a model's name"),
    ],
)
def test_what_is_wrong_at_once_is_said_at_once(
    house: House, wish: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        house.intake.add(Wish(**wish))
    assert house.jobs.active() == ()


def test_no_room_is_said_before_anything_is_fetched(
    opened: Callable[..., House], hub: StandInHub, tiny: Path
) -> None:
    hub.repositories[NAME] = {"tiny.gguf": tiny.read_bytes()}
    house = opened(free_bytes=lambda folder: 1000)
    with pytest.raises(NoRoom, match="1,000 are free"):
        house.add(f"hf:{NAME}@main")
    assert hub.ranges() == []


def test_more_than_this_machine_can_hold_is_said_before_it_is_fetched(
    house: House, hub: StandInHub, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME] = {"tiny.gguf": tiny.read_bytes()}
    monkeypatch.setattr(memory, "total_memory", lambda: 1000)
    with pytest.raises(ModelRejected, match=r"GiB of weights, this machine 0\.0 GiB of memory"):
        house.add(f"hf:{NAME}@main")
    assert hub.ranges() == []


def worker(*lines: object, end: str = "") -> tuple[str, ...]:
    """A workshop that says these things and ends so."""
    said = "".join(f"print({json.dumps(json.dumps(line))}, flush=True)\n" for line in lines)
    return (conversion.sys.executable, "-c", f"import os\n{said}{end}")


@pytest.mark.parametrize(
    ("command", "error", "said"),
    [
        (worker({"error": {"code": "no_room", "message": "full", "hint": "x"}}), NoRoom, "full"),
        (worker(end=f"os.kill(os.getpid(), {int(signal.SIGKILL)})"), Unavailable, "memory was short"),
        (worker(end="raise SystemExit(3)"), EngineError, "status 3"),
        (worker(end="os.abort()"), EngineError, "status -6"),
        (worker(5, [], None, "x", {"error": {"code": "no_room", "message": "full"}}), NoRoom, "full"),
    ],
)
def test_a_conversion_that_fails_says_why(
    tmp_path: Path, command: tuple[str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        conversion.converted(tmp_path, tmp_path / "to", command=command)


def test_a_conversion_is_ended_by_whoever_waits_for_it(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def enough(done: int, total: int) -> None:
        raise Enough

    command = worker({"done": 1, "total": 2}, end="import time; time.sleep(60)")
    with pytest.raises(Enough):
        conversion.converted(tmp_path, tmp_path / "to", progress=enough, command=command)


def test_a_folder_without_a_checkpoint(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(ModelRejected, match=r"config\.json"):
        house.add(folder)
    assert house.left() == []
